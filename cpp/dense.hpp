// The three products of a dense layer (rows 3, 8 and 10), all by one register-tiled kernel.
//
// A vector runs along the columns of a *packed* matrix: panels of up to two vectors, one panel after the other, each
// panel row by row, so that the kernel reads it in one stream. Every element of a result is one chain of
// multiply-adds in the order of k; neither tiles nor blocks nor threads change its bits.
#pragma once

#include "simd.hpp"

namespace chainrule::CHAINRULE_ISA {

#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int TILE_ROWS = 12;  // 12 x 2 accumulators, 2 columns and a factor: 27 of 32 registers
#else
constexpr int TILE_ROWS = 6;  // 15 of 16
#endif
constexpr int TILE_VECTORS = 2;
constexpr Index K_BLOCK = 256;    // a panel of so many rows stays in the first-level cache
constexpr Index ROW_BLOCK = 480;  // and so many rows of the other factor in the second

template <class T>
constexpr Index PANEL = TILE_VECTORS * LANES<T>;

// Where panels are: a matrix of `rows` x `columns`, its columns padded to whole vectors.
template <class T>
struct Packed {
  Index rows, columns;

  Index width() const { return round_up(columns, LANES<T>); }
  Index size() const { return rows * width(); }
  Index panel_width(Index j) const { return smaller(PANEL<T>, width() - j); }
  Index at(Index i, Index j) const {
    const Index panel = j / PANEL<T> * PANEL<T>;
    return panel * rows + i * panel_width(panel) + (j - panel);
  }
};

// C [+]= Σ_k a(·, k) b(k, ·) for a tile of R rows and N vectors.
template <class T, int R, int N>
void tile(Index K, const T* a, Index a_row, Index a_k, const T* b, Index b_k, T* C, Index c_row, bool add) {
  Vec<T> sum[R][N];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < N; ++v) sum[r][v] = add ? load(C + r * c_row + v * LANES<T>) : Vec<T>{};
  }
  for (Index k = 0; k < K; ++k, a += a_k, b += b_k) {
    Vec<T> column[N];
#pragma GCC unroll 2
    for (int v = 0; v < N; ++v) column[v] = load(b + v * LANES<T>);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vec<T> factor = all(a[r * a_row]);
#pragma GCC unroll 2
      for (int v = 0; v < N; ++v) sum[r][v] += factor * column[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < N; ++v) store(C + r * c_row + v * LANES<T>, sum[r][v]);
  }
}

template <class T, int N, int R = TILE_ROWS>
inline void tile_of(Index rows, Index K, const T* a, Index a_row, Index a_k, const T* b, Index b_k, T* C, Index c_row,
                    bool add) {
  if constexpr (R == 0) {
    return;
  } else if (rows == R) {
    tile<T, R, N>(K, a, a_row, a_k, b, b_k, C, c_row, add);
  } else {
    tile_of<T, N, R - 1>(rows, K, a, a_row, a_k, b, b_k, C, c_row, add);
  }
}

// As few tiles as possible, all about equally high.
inline Index tile_height(Index rows) {
  const Index tiles = larger(1, (rows + TILE_ROWS - 1) / TILE_ROWS);
  return larger(1, (rows + tiles - 1) / tiles);
}

// One panel of C for any number of rows.
template <class T>
void panel_product(Index rows, Index K, const T* a, Index a_row, Index a_k, const T* b, Index b_k, T* C, Index c_row,
                   bool add, Index width) {
  const Index height = tile_height(rows);
  for (Index r = 0; r < rows; r += height) {
    const Index here = smaller(height, rows - r);
    if (width == PANEL<T>) {
      tile_of<T, TILE_VECTORS>(here, K, a + r * a_row, a_row, a_k, b, b_k, C + r * c_row, c_row, add);
    } else {
      tile_of<T, 1>(here, K, a + r * a_row, a_row, a_k, b, b_k, C + r * c_row, c_row, add);
    }
  }
}

// C = A B, with A (rows, K) by rows and B packed (K, columns): Z from A[l-1] and W, or dA from dZ and W.
template <class T>
void product(Index rows, const T* A, Index a_row, const T* B, Packed<T> b, T* C, Index c_row) {
  for (Index r = 0; r < rows; r += ROW_BLOCK) {
    const Index here = smaller(ROW_BLOCK, rows - r);
    for (Index k = 0; k < b.rows; k += K_BLOCK) {
      const Index K = smaller(K_BLOCK, b.rows - k);
      for (Index j = 0; j < b.width(); j += PANEL<T>) {
        const Index width = b.panel_width(j);
        panel_product<T>(here, K, A + r * a_row + k, a_row, 1, B + b.at(k, j), width, C + r * c_row + j, c_row, k > 0,
                         width);
      }
    }
  }
}

// Rows [first, last) of G [+]= Aᵀ dZ over m examples: dW and, as the row of the constant input 1, db.
//
// The factors of a tile lie far apart in A and are gathered first; `gathered` has room for TILE_ROWS * K_BLOCK.
template <class T>
void gradient(Index m, const T* A, Index a_row, const T* dZ, Index z_row, T* G, Packed<T> g, Index first, Index last,
              bool add, T* gathered) {
  const Index height = tile_height(last - first);
  for (Index k = 0; k < m; k += K_BLOCK) {
    const Index K = smaller(K_BLOCK, m - k);
    for (Index i = first; i < last; i += height) {
      const Index here = smaller(height, last - i);
      for (Index kk = 0; kk < K; ++kk) {
        for (Index r = 0; r < here; ++r) gathered[kk * here + r] = A[(k + kk) * a_row + i + r];
      }
      for (Index j = 0; j < g.width(); j += PANEL<T>) {
        panel_product<T>(here, K, gathered, 1, here, dZ + k * z_row + j, z_row, G + g.at(i, j), g.panel_width(j),
                         add || k > 0, g.panel_width(j));
      }
    }
  }
}

}  // namespace chainrule::CHAINRULE_ISA
