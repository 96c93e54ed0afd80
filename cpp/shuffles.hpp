// Lanes that change places: transposing a block of vectors, and summing the lanes of one or of many.
#pragma once

#include <utility>

#include "simd.hpp"

namespace chainrule::CHAINRULE_ISA {

// Lane I of the two halves of a transposition step: exchanges blocks of `step` lanes between two vectors.
template <class T, int step, std::size_t... I>
inline void exchange(Vec<T>& a, Vec<T>& b, std::index_sequence<I...>) {
  constexpr int lanes = sizeof...(I);
  const Vec<T> low =
      __builtin_shufflevector(a, b, (I & step ? lanes + static_cast<int>(I) - step : static_cast<int>(I))...);
  b = __builtin_shufflevector(a, b, (I & step ? lanes + static_cast<int>(I) : static_cast<int>(I) + step)...);
  a = low;
}

template <class T, int step = 1>
inline void transpose(Vec<T>* rows) {
  constexpr int lanes = static_cast<int>(LANES<T>);
  if constexpr (step < lanes) {
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) {
      if (!(i & step)) exchange<T, step>(rows[i], rows[i + step], std::make_index_sequence<lanes>{});
    }
    transpose<T, 2 * step>(rows);
  }
}

// In lane I: lane I of one of two vectors (of b where I has the bit `step`) plus the same vector's lane beside it.
template <class T, int step, std::size_t... I>
inline Vec<T> sums_of_pairs(Vec<T> a, Vec<T> b, std::index_sequence<I...>) {
  constexpr int lanes = sizeof...(I);
  const Vec<T> own = __builtin_shufflevector(a, b, (I & step ? lanes + static_cast<int>(I) : static_cast<int>(I))...);
  return own +
         __builtin_shufflevector(a, b, (I & step ? lanes + static_cast<int>(I) - step : static_cast<int>(I) + step)...);
}

// The sum of each of LANES vectors, in the lane of its number: pairs of lanes, pairs of pairs, and so on.
template <class T, int step = 1>
inline Vec<T> sums_of_lanes(Vec<T>* rows) {
  constexpr int lanes = static_cast<int>(LANES<T>);
  if constexpr (step == lanes) {
    return rows[0];
  } else {
#pragma GCC unroll 16
    for (int i = 0; i < lanes; i += 2 * step) {
      rows[i] = sums_of_pairs<T, step>(rows[i], rows[i + step], std::make_index_sequence<lanes>{});
    }
    return sums_of_lanes<T, 2 * step>(rows);
  }
}

template <class T, int step = 1>
inline T sum_of_lanes(Vec<T> v) {
  constexpr int lanes = static_cast<int>(LANES<T>);
  if constexpr (step == lanes) {
    return v[0];
  } else {
    return sum_of_lanes<T, 2 * step>(sums_of_pairs<T, step>(v, v, std::make_index_sequence<lanes>{}));
  }
}

}  // namespace chainrule::CHAINRULE_ISA
