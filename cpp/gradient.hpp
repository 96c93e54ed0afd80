// The product over the examples (rows 8 and 9): G = Σ A dZᵀ, a tile at a time, each handed on as soon as it is
// complete.
#pragma once

#include "dense.hpp"

namespace chainrule::CHAINRULE_ISA {

constexpr Index M_BLOCK = 1024;             // examples the gradient sums in one go
constexpr Index FACTOR_BYTES = 1152 << 10;  // of their factors, which stay in the second-level cache

// Sums of the gradient, row by row: of some rows of the panel that begins at column j.
template <class T>
struct Tile {
  const T* sums;
  Rows rows;
  Index j;
};

// Whether the sum over m examples is done in one go, so that a tile of the gradient never goes to memory.
inline bool in_one_block(Index m) {
  return m <= M_BLOCK;
}

// Operands of a tile lie a row apart for each example. Up to so many bytes from first to last they are read where they
// are; single factors suffer sooner than whole columns.
constexpr Index NEAR_FACTORS = 24 << 10, NEAR_COLUMNS = 512 << 10;

template <class T>
inline bool reaches(Index examples, Index stride, Index bytes) {
  return examples * stride * static_cast<Index>(sizeof(T)) > bytes;
}

// A thread's room for the operands of its tiles, gathered, and for the sums of one tile.
template <class T>
struct TileSpace {
  T *factors, *columns, *sums;

  // Rows whose factors for K examples fit.
  static Index rows_for(Index K) { return FACTOR_BYTES / static_cast<Index>(sizeof(T)) / K; }
  static Index n_factors(Index rows, Index m) {
    const Index K = smaller(m, M_BLOCK);
    return (smaller(rows, rows_for(K)) + TILE_ROWS<1>)*K + LANES<T>;
  }
  static Index n_columns(Index m) { return smaller(m, M_BLOCK) * PANEL<T> + LANES<T>; }
  static constexpr Index n_sums = TILE_SUMS * LANES<T>;
};

// Copies `count` columns of K rows, one row after the other. Whole vectors are copied, so up to LANES - 1 entries past
// the end are overwritten.
template <class T>
inline void gather_columns(Index K, Index count, const T* from, Index stride, T* to) {
  constexpr std::size_t half = CHAINRULE_VECTOR_BYTES / 2;  // the usual height of a tile: no line is read twice
  if (count * static_cast<Index>(sizeof(T)) == half) {
    for (Index k = 0; k < K; ++k) __builtin_memcpy(to + k * count, from + k * stride, half);
    return;
  }
  for (Index k = 0; k < K; ++k) {
    for (Index i = 0; i < count; i += LANES<T>) store(to + k * count + i, load(from + k * stride + i));
  }
}

// Asks for what a tile's update will change, so that it has come when the tile is summed.
template <class T>
inline void fetch(const T* from, Index count) {
  for (Index i = 0; i < count; i += 64 / static_cast<Index>(sizeof(T))) __builtin_prefetch(from + i, 1);
}

// Some rows of G [+]= Aᵀ dZ over m examples: dW and, as the row of the constant input 1, db.
//
// Calls finished(tile) for every tile that is complete. With `keep` the sums are left in G, else nowhere.
template <class T, class F>
void gradient(Index m, const T* A, Index a_row, const T* dZ, Index z_row, T* G, Packed<T> g, Rows rows, bool add,
              bool keep, TileSpace<T> space, const T* theta, F&& finished) {
  const Index height = g.width() >= PANEL<T> ? tile_height<TILE_VECTORS>(rows.last - rows.first)
                                             : tile_height<TILE_VECTORS - 1>(rows.last - rows.first);
  for (Index k = 0, K; k < m; k += K) {
    K = smaller(M_BLOCK, m - k);
    const bool far_A = reaches<T>(K, a_row, NEAR_FACTORS),
               far_dZ = reaches<T>(K, z_row, NEAR_COLUMNS) && rows.last - rows.first > height;
    const Index block = round_up(equal_part(rows.last - rows.first, TileSpace<T>::rows_for(K)), height);
    for (Index ii = rows.first; ii < rows.last; ii += block) {
      const Index end = smaller(ii + block, rows.last);
      for (Index i = ii; i < end && far_A; i += height) {
        gather_columns(K, smaller(height, end - i), A + k * a_row + i, a_row, space.factors + (i - ii) * K);
      }
      for (Index j = 0; j < g.width(); j += PANEL<T>) {
        const Index width = g.panel_width(j), b_k = far_dZ ? width : z_row;
        const T* columns = dZ + k * z_row + j;
        if (far_dZ) {
          gather_columns(K, width, columns, z_row, space.columns);
          columns = space.columns;
        }
        for (Index i = ii; i < end; i += height) {
          const Index count = smaller(height, end - i), a_k = far_A ? count : a_row;
          const T* factors = far_A ? space.factors + (i - ii) * K : A + k * a_row + i;
          T* sums = keep ? G + g.at(i, j) : space.sums;
          fetch(theta + g.at(i, j), count * width);
          panel_product<T>(count, K, factors, 1, a_k, columns, b_k, sums, width, add || k > 0, width);
          if (k + K == m) finished(Tile<T>{sums, {i, i + count}, j});
        }
      }
    }
  }
}

}  // namespace chainrule::CHAINRULE_ISA
