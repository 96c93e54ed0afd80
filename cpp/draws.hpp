// Philox-4x32 with ten rounds (Salmon et al., SC 2011), as in draws.py, for several counters at a time.
#pragma once

#include "simd.hpp"

namespace chainrule::CHAINRULE_ISA {

constexpr Index COUNTERS = 64;  // encrypted side by side; each yields four words
using Word = std::uint32_t;

// Both halves of the products of 32-bit words. Two loops: each becomes a few instructions for a vector.
inline void multiply(const Word* words, Word factor, Word* high, Word* low) {
  for (Index i = 0; i < COUNTERS; ++i) high[i] = static_cast<Word>((std::uint64_t{words[i]} * factor) >> 32);
  for (Index i = 0; i < COUNTERS; ++i) low[i] = words[i] * factor;
}

// The words of COUNTERS counters (block, key, step, layer): words 4 i to 4 i + 3 are those of counter i.
inline void random_words(std::uint64_t seed, std::int64_t step, Index layer, const Word* blocks, const Word* keys,
                         Word* words) {
  Word c0[COUNTERS], c1[COUNTERS], c2[COUNTERS], c3[COUNTERS], high[2][COUNTERS], low[2][COUNTERS];
  for (Index i = 0; i < COUNTERS; ++i) {
    c0[i] = blocks[i];
    c1[i] = keys[i];
    c2[i] = static_cast<Word>(step);
    c3[i] = static_cast<Word>(layer);
  }
  auto k0 = static_cast<Word>(seed), k1 = static_cast<Word>(seed >> 32);
#pragma GCC unroll 1
  for (int round = 0; round < 10; ++round) {
    multiply(c0, 0xD2511F53u, high[0], low[0]);
    multiply(c2, 0xCD9E8D57u, high[1], low[1]);
    for (Index i = 0; i < COUNTERS; ++i) {
      c0[i] = high[1][i] ^ c1[i] ^ k0;
      c1[i] = low[1][i];
      c2[i] = high[0][i] ^ c3[i] ^ k1;
      c3[i] = low[0][i];
    }
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  for (Index i = 0; i < COUNTERS; ++i) {
    words[4 * i] = c0[i];
    words[4 * i + 1] = c1[i];
    words[4 * i + 2] = c2[i];
    words[4 * i + 3] = c3[i];
  }
}

}  // namespace chainrule::CHAINRULE_ISA
