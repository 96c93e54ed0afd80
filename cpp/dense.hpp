// The three products of a dense layer (rows 3, 8 and 10), all by one register-tiled kernel.
//
// A vector runs along the columns of a *packed* matrix: panels of up to three vectors, one panel after the other, each
// panel row by row, so that the kernel reads it in one stream. Every element of a result is one chain of
// multiply-adds in the order of k; neither tiles nor blocks nor threads change its bits.
#pragma once

#include "shuffles.hpp"

namespace chainrule::CHAINRULE_ISA {

#if defined(__AVX512F__) || defined(__ARM_NEON)
constexpr int TILE_SUMS = 24;  // 8 x 3 sums, 3 columns and a factor: 28 of 32 registers
#else
constexpr int TILE_SUMS = 12;  // 4 x 3, and all of 16 registers
#endif
constexpr int TILE_VECTORS = 3;

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

// A range of rows: a thread's share, or those of a tile.
struct Rows {
  Index first, last;
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

// z = A w + b for one unit of p inputs: a vector runs along them, and LANES examples are summed across it together.
// The bias is the weight of the constant after the inputs; where it is alone in its vector it is added as it is.
template <class T>
void dot_products(Index rows, Index p, const T* A, Index a_row, const T* w, T* z) {
  const bool alone = p % LANES<T> == 0;
  const Index count = alone ? p : round_up(p + 1, LANES<T>);
  const Vec<T> bias = alone ? all(w[p]) : Vec<T>{};
  const auto block = [&](Index r, Index here, auto row_of) {
    Vec<T> sums[LANES<T>] = {};
    for (Index j = 0; j < count; j += LANES<T>) {
      const Vec<T> weights = load(w + j);
#pragma GCC unroll 16
      for (Index i = 0; i < LANES<T>; ++i) sums[i] += load(A + (r + row_of(i)) * a_row + j) * weights;
    }
    store_some(z + r, sums_of_lanes<T>(sums) + bias, here);
  };
  const Index whole = rows / LANES<T> * LANES<T>;
  for (Index r = 0; r < whole; r += LANES<T>) block(r, LANES<T>, [](Index i) { return i; });
  if (whole < rows) {  // the last one's row stands for those that are not there
    block(whole, rows - whole, [last = rows - whole - 1](Index i) { return smaller(i, last); });
  }
}

}  // namespace chainrule::CHAINRULE_ISA
