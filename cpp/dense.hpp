// The three products of a dense layer (rows 3, 8 and 10), all by one register-tiled kernel.
//
// A vector runs along the columns of a *packed* matrix: panels of up to three vectors, one panel after the other, each
// panel row by row, so that the kernel reads it in one stream. Every element of a result is one chain of
// multiply-adds in the order of k; neither tiles nor blocks nor threads change its bits.
#pragma once

#include "simd.hpp"

namespace chainrule::CHAINRULE_ISA {

#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int TILE_SUMS = 24;  // 8 x 3 sums, 3 columns and a factor: 28 of 32 registers
#else
constexpr int TILE_SUMS = 12;  // 4 x 3, and all of 16 registers
#endif
constexpr int TILE_VECTORS = 3;
constexpr Index M_BLOCK = 1024;             // examples the gradient sums in one go
constexpr Index FACTOR_BYTES = 1152 << 10;  // of their factors, which stay in the second-level cache

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
#pragma GCC unroll 3
    for (int v = 0; v < N; ++v) sum[r][v] = add ? load(C + r * c_row + v * LANES<T>) : Vec<T>{};
  }
  for (Index k = 0; k < K; ++k, a += a_k, b += b_k) {
    Vec<T> column[N];
#pragma GCC unroll 3
    for (int v = 0; v < N; ++v) column[v] = load(b + v * LANES<T>);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vec<T> factor = all(a[r * a_row]);
#pragma GCC unroll 3
      for (int v = 0; v < N; ++v) sum[r][v] += factor * column[v];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 3
    for (int v = 0; v < N; ++v) store(C + r * c_row + v * LANES<T>, sum[r][v]);
  }
}

template <int N>
constexpr int TILE_ROWS = TILE_SUMS / (N > 1 ? N : 2);

template <class T, int N, int R = TILE_ROWS<N>>
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

// The size of as few parts of a whole as possible, none larger than `most` and all about equal.
inline Index equal_part(Index whole, Index most) {
  if (whole <= most) return larger(1, whole);
  const auto size = static_cast<std::uint32_t>(whole), limit = static_cast<std::uint32_t>(most);
  const std::uint32_t parts = (size + limit - 1) / limit;
  return (size + parts - 1) / parts;  // 32 bits divide several times faster than 64
}

template <int N>
inline Index tile_height(Index rows) {
  return equal_part(rows, TILE_ROWS<N>);
}

// One panel of N vectors of C, for any number of rows.
template <class T, int N>
void panel_of(Index rows, Index K, const T* a, Index a_row, Index a_k, const T* b, Index b_k, T* C, Index c_row,
              bool add) {
  const Index height = tile_height<N>(rows);
  for (Index r = 0; r < rows; r += height) {
    tile_of<T, N>(smaller(height, rows - r), K, a + r * a_row, a_row, a_k, b, b_k, C + r * c_row, c_row, add);
  }
}

template <class T>
inline void panel_product(Index rows, Index K, const T* a, Index a_row, Index a_k, const T* b, Index b_k, T* C,
                          Index c_row, bool add, Index width) {
  static_assert(TILE_VECTORS == 3);
  if (width == 3 * LANES<T>) return panel_of<T, 3>(rows, K, a, a_row, a_k, b, b_k, C, c_row, add);
  if (width == 2 * LANES<T>) return panel_of<T, 2>(rows, K, a, a_row, a_k, b, b_k, C, c_row, add);
  panel_of<T, 1>(rows, K, a, a_row, a_k, b, b_k, C, c_row, add);
}

// C = A B, with A (rows, K) by rows and B packed (K, columns): Z from A[l-1] and W, or dA from dZ and W.
template <class T>
void product(Index rows, const T* A, Index a_row, const T* B, Packed<T> b, T* C, Index c_row) {
  for (Index j = 0; j < b.width(); j += PANEL<T>) {
    const Index width = b.panel_width(j);
    panel_product<T>(rows, b.rows, A, a_row, 1, B + b.at(0, j), width, C + j, c_row, false, width);
  }
}

// z = A w for one unit: a vector runs along the inputs, and LANES examples are summed across it together.
template <class T>
void dot_products(Index rows, Index count, const T* A, Index a_row, const T* w, T* z) {
  for (Index r = 0; r < rows; r += LANES<T>) {
    const Index here = smaller(LANES<T>, rows - r);
    Vec<T> sums[LANES<T>] = {};
    for (Index j = 0; j < count; j += LANES<T>) {
      const Vec<T> weights = load(w + j);
#pragma GCC unroll 16
      for (Index i = 0; i < LANES<T>; ++i) sums[i] += load(A + (r + smaller(i, here - 1)) * a_row + j) * weights;
    }
    store_some(z + r, sums_of_lanes<T>(sums), here);
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
