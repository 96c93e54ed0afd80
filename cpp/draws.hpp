// Philox-4x32 with ten rounds (Salmon et al., SC 2011), as in draws.py, for several counters at a time.
#pragma once

#include "simd.hpp"

namespace chainrule::CHAINRULE_ISA {

constexpr Index COUNTERS = 16;  // encrypted side by side; each yields the words of four units

// The words of units 4 first to 4 (first + COUNTERS) - 1 of one example.
inline void random_words(std::uint64_t seed, std::uint32_t step, std::uint32_t layer, std::uint32_t key,
                         std::uint32_t first, std::uint32_t* words) {
  std::uint32_t c0[COUNTERS], c1[COUNTERS], c2[COUNTERS], c3[COUNTERS];
  for (Index i = 0; i < COUNTERS; ++i) {
    c0[i] = first + static_cast<std::uint32_t>(i);
    c1[i] = key;
    c2[i] = step;
    c3[i] = layer;
  }
  auto k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (Index i = 0; i < COUNTERS; ++i) {
      const std::uint64_t product0 = std::uint64_t{c0[i]} * 0xD2511F53u, product1 = std::uint64_t{c2[i]} * 0xCD9E8D57u;
      c0[i] = static_cast<std::uint32_t>(product1 >> 32) ^ c1[i] ^ k0;
      c1[i] = static_cast<std::uint32_t>(product1);
      c2[i] = static_cast<std::uint32_t>(product0 >> 32) ^ c3[i] ^ k1;
      c3[i] = static_cast<std::uint32_t>(product0);
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
