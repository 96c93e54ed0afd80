// Inverted dropout, as in dropout.py: the mask of a unit is a pure function of (seed, step, layer, row key, unit).
#pragma once

#include "draws.hpp"
#include "engine.hpp"

namespace chainrule::CHAINRULE_ISA {

// What addresses the words of masks, beside row and unit.
struct Draw {
  std::uint64_t seed;
  std::int64_t step, layer;
};

// 0 or 1 / (1 - rate), by a unit's word.
template <class T>
struct Factor {
  Word last_removed;
  T kept;

  explicit Factor(const Dropout& dropout)
      : last_removed(static_cast<Word>(dropout.removed - 1)), kept(static_cast<T>(dropout.factor)) {}
  T operator()(Word word) const { return word > last_removed ? kept : T(0); }
};

// A thread's room for the counters of some examples, and for the words they yield.
struct DrawSpace {
  Word *blocks, *keys, *words;

  static constexpr Index usual = 16 * COUNTERS;

  static Index per_row(Index units) { return (units + 3) / 4; }
  static Index n_counters(Index widest) { return larger(usual, round_up(per_row(widest), COUNTERS)); }
};

// The factor by value: its numbers stay in registers, and the loop becomes vectors.
template <class T>
inline void drop_units(Factor<T> factor, Index n, const Word* words, T* units) {
  for (Index i = 0; i < n; ++i) units[i] *= factor(words[i]);
}

// Multiplies the n units of some examples by 0 or 1 / (1 - rate): A, and g'(Z) where the backward pass needs it.
template <class T>
void drop_rows(const Dropout& dropout, const Draw& draw, const DrawSpace& space, const std::uint64_t* keys,
               const Index* places, Index rows, Index n, Index stride, T* A, T* slope) {
  const Factor<T> factor(dropout);
  const Index per_row = DrawSpace::per_row(n), at_once = larger(1, DrawSpace::usual / per_row);
  for (Index first = 0; first < rows; first += at_once) {
    const Index end = smaller(first + at_once, rows);
    Index counters = 0;
    for (Index r = first; r < end; ++r) {
      const auto key = static_cast<Word>(keys[places[r]]);
      for (Index block = 0; block < per_row; ++block, ++counters) {
        space.blocks[counters] = static_cast<Word>(block);
        space.keys[counters] = key;
      }
    }
    for (Index c = 0; c < counters; c += COUNTERS) {
      random_words(draw.seed, draw.step, draw.layer, space.blocks + c, space.keys + c, space.words + 4 * c);
    }
    const Word* words = space.words;
    for (Index r = first; r < end; ++r, words += 4 * per_row) {
      drop_units<T>(factor, n, words, A + r * stride);
      if (slope) drop_units<T>(factor, n, words, slope + r * stride);
    }
  }
}

// The same for the stored entries of a sparse row.
template <class T>
void drop_entries(const Dropout& dropout, const Draw& draw, std::uint64_t key, Index n, const std::int32_t* columns,
                  T* values) {
  const Factor<T> factor(dropout);
  Word blocks[COUNTERS] = {}, keys[COUNTERS], words[4 * COUNTERS];
  for (Word& each : keys) each = static_cast<Word>(key);
  for (Index first = 0; first < n; first += COUNTERS) {
    const Index here = smaller(COUNTERS, n - first);
    for (Index i = 0; i < here; ++i) blocks[i] = static_cast<Word>(columns[first + i] / 4);
    random_words(draw.seed, draw.step, draw.layer, blocks, keys, words);
    for (Index i = 0; i < here; ++i) values[first + i] *= factor(words[4 * i + columns[first + i] % 4]);
  }
}

}  // namespace chainrule::CHAINRULE_ISA
