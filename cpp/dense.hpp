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
constexpr Index K_BLOCK = 384;  // a panel of so many rows stays in the first-level cache
constexpr Index M_BLOCK = 256;  // and the factors of ROW_BLOCK rows for so many examples in the second
constexpr Index ROW_BLOCK = 1200;

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
  if (rows <= TILE_ROWS) return larger(1, rows);
  const auto height = static_cast<std::uint32_t>(rows), tiles = (height + TILE_ROWS - 1) / TILE_ROWS;
  return (height + tiles - 1) / tiles;  // 32 bits divide several times faster than 64
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
  for (Index k = 0; k < b.rows; k += K_BLOCK) {
    const Index K = smaller(K_BLOCK, b.rows - k);
    for (Index j = 0; j < b.width(); j += PANEL<T>) {
      const Index width = b.panel_width(j);
      panel_product<T>(rows, K, A + k, a_row, 1, B + b.at(k, j), width, C + j, c_row, k > 0, width);
    }
  }
}

// Rows of a packed matrix: a share of it, or those of a tile.
struct Rows {
  Index first, last;
};

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

  static Index n_factors(Index rows) { return (smaller(rows, ROW_BLOCK) + TILE_ROWS) * M_BLOCK + LANES<T>; }
  static Index n_columns(Index stride) { return reaches<T>(M_BLOCK, stride, NEAR_COLUMNS) ? stride * M_BLOCK : 0; }
  static constexpr Index n_sums = TILE_ROWS * PANEL<T>;
};

// Copies `count` columns of K rows, one row after the other. Whole vectors are copied, so up to LANES - 1 entries past
// the end are overwritten.
template <class T>
inline void gather_columns(Index K, Index count, const T* from, Index stride, T* to) {
  for (Index k = 0; k < K; ++k) {
    for (Index i = 0; i < count; i += LANES<T>) store(to + k * count + i, load(from + k * stride + i));
  }
}

// Some rows of G [+]= Aᵀ dZ over m examples: dW and, as the row of the constant input 1, db.
//
// Calls finished(tile) for every tile that is complete. With `keep` the sums are left in G, else nowhere.
template <class T, class F>
void gradient(Index m, const T* A, Index a_row, const T* dZ, Index z_row, T* G, Packed<T> g, Rows rows, bool add,
              bool keep, TileSpace<T> space, F&& finished) {
  const Index all_rows = rows.last - rows.first, height = tile_height(all_rows);
  const Index block = larger(1, round_up(all_rows / (all_rows / ROW_BLOCK + 1), height));  // all about equally high
  for (Index ii = rows.first; ii < rows.last; ii += block) {
    const Index end = smaller(ii + block, rows.last);
    for (Index k = 0; k < m; k += M_BLOCK) {
      const Index K = smaller(M_BLOCK, m - k);
      const bool far_A = reaches<T>(K, a_row, NEAR_FACTORS), far_dZ = reaches<T>(K, z_row, NEAR_COLUMNS);
      for (Index i = ii; i < end && far_A; i += height) {
        gather_columns(K, smaller(height, end - i), A + k * a_row + i, a_row, space.factors + (i - ii) * K);
      }
      for (Index j = 0; j < g.width() && far_dZ; j += PANEL<T>) {
        gather_columns(K, g.panel_width(j), dZ + k * z_row + j, z_row, space.columns + j * K);
      }
      for (Index j = 0; j < g.width(); j += PANEL<T>) {
        const Index width = g.panel_width(j), b_k = far_dZ ? width : z_row;
        const T* columns = far_dZ ? space.columns + j * K : dZ + k * z_row + j;
        for (Index i = ii; i < end; i += height) {
          const Index count = smaller(height, end - i), a_k = far_A ? count : a_row;
          const T* factors = far_A ? space.factors + (i - ii) * K : A + k * a_row + i;
          T* sums = keep ? G + g.at(i, j) : space.sums;
          panel_product<T>(count, K, factors, 1, a_k, columns, b_k, sums, width, add || k > 0, width);
          if (k + K == m) finished(Tile<T>{sums, {i, i + count}, j});
        }
      }
    }
  }
}

}  // namespace chainrule::CHAINRULE_ISA
