// Inverted dropout, as in dropout.py: the mask of a unit is a pure function of (seed, step, layer, row key, unit).
#pragma once

#include "draws.hpp"
#include "engine.hpp"

namespace chainrule::CHAINRULE_ISA {

// Multiplies the n units of one example by 0 or 1 / (1 - rate): A, and g'(Z) where the backward pass needs it.
template <class T>
void drop_row(const Dropout& dropout, std::uint64_t seed, std::int64_t step, Index layer, std::uint64_t key, Index n,
              T* A, T* slope) {
  constexpr Index units = 4 * COUNTERS;
  std::uint32_t words[units];
  for (Index first = 0; first < n; first += units) {
    random_words(seed, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(layer),
                 static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(first / 4), words);
    const Index end = smaller(n - first, units);
    const T kept = static_cast<T>(dropout.factor);
    for (Index i = 0; i < end; ++i) A[first + i] *= words[i] >= dropout.removed ? kept : T(0);
    if (!slope) continue;
    for (Index i = 0; i < end; ++i) slope[first + i] *= words[i] >= dropout.removed ? kept : T(0);
  }
}

// The same for the stored entries of a sparse row.
template <class T>
void drop_entries(const Dropout& dropout, std::uint64_t seed, std::int64_t step, std::uint64_t key, Index n,
                  const std::int32_t* columns, T* values) {
  std::uint32_t words[4 * COUNTERS];
  for (Index i = 0; i < n; ++i) {
    const auto block = static_cast<std::uint32_t>(columns[i] / 4);
    random_words(seed, static_cast<std::uint32_t>(step), 0, static_cast<std::uint32_t>(key), block, words);
    values[i] *= words[columns[i] % 4] >= dropout.removed ? static_cast<T>(dropout.factor) : T(0);
  }
}

}  // namespace chainrule::CHAINRULE_ISA
