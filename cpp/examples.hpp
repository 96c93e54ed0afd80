// A mini-batch: rows gathered from the caller's table and converted on the way, never the table as a whole.
#pragma once

#include "dropout.hpp"
#include "parameters.hpp"

namespace chainrule::CHAINRULE_ISA {

// Calls f with a null pointer of the number's type: the one list of what tables may hold.
template <class F>
inline void with_number(Number number, F&& f) {
  switch (number) {
#define CHAINRULE_CASE(name, type) \
  case Number::name:               \
    return f(static_cast<const type*>(nullptr));
    CHAINRULE_NUMBERS(CHAINRULE_CASE)
#undef CHAINRULE_CASE
  }
}

// N is n where it is small, so that no loop runs over one example's few numbers; 0 stands for any n.
template <Index N, class S, class T>
void gather_rows(const Table& table, const Index* rows, Index count, Index n, T* to, Index to_stride) {
  const S* first = static_cast<const S*>(table.data);
  for (Index r = 0; r < count; ++r, to += to_stride) {
    const S* from = first + rows[r] * table.row_stride;
    if (table.column_stride == 1) {
      for (Index i = 0; i < (N ? N : n); ++i) to[i] = static_cast<T>(from[i]);
    } else {
      for (Index i = 0; i < (N ? N : n); ++i) to[i] = static_cast<T>(from[i * table.column_stride]);
    }
  }
}

template <class T>
void gather(const Table& table, const Index* rows, Index count, Index n, T* to, Index to_stride) {
  with_number(table.number, [&]<class S>(const S*) {
    const auto rows_of = n == 1   ? gather_rows<1, S, T>
                         : n == 2 ? gather_rows<2, S, T>
                         : n == 3 ? gather_rows<3, S, T>
                         : n == 4 ? gather_rows<4, S, T>
                                  : gather_rows<0, S, T>;
    rows_of(table, rows, count, n, to, to_stride);
  });
}

// Some examples' n outputs, one example after the other, as one vector for each output. Not inlined: what many outputs
// need prepared would be prepared for an only one, too.
template <class T>
[[gnu::noinline]] void turn_outputs(Index n, Index examples, const T* from, Index stride, Vec<T>* to) {
  for (Index k = 0; k < n; ++k) {
    alignas(CHAINRULE_VECTOR_BYTES) T lanes[LANES<T>] = {};
    for (Index i = 0; i < examples; ++i) lanes[i] = from[i * stride + k];
    to[k] = load(lanes);
  }
}

template <class T>
[[gnu::noinline]] void turn_outputs_back(Index n, Index examples, const Vec<T>* from, T* to, Index stride) {
  for (Index i = 0; i < examples; ++i) {
    for (Index k = 0; k < n; ++k) to[i * stride + k] = from[k][i];
  }
}

template <class T>
inline void turn(Index n, Index examples, const T* from, Index stride, Vec<T>* to) {
  if (stride > 1 || examples < LANES<T>) return turn_outputs<T>(n, examples, from, stride, to);
  *to = load(from);
}

template <class T>
inline void turn_back(Index n, Index examples, const Vec<T>* from, T* to, Index stride) {
  if (stride > 1) return turn_outputs_back<T>(n, examples, from, to, stride);
  store_some(to, *from, examples);
}

// The entries of one row of a sparse table of n columns, converted into `to`. Columns are checked when
// Python hands them over; those of a table that was changed since then are misread as the last, rather than that memory
// is which is not ours.
template <class T>
struct Entries {
  Index count;
  std::int32_t* columns;
  T* values;
};

template <class T>
Entries<T> entries(const Table& table, Index row, Index n, Entries<T> to) {
  const Index start = table.starts[row], count = table.starts[row + 1] - start;
  const auto last = static_cast<std::uint32_t>(n - 1);
  for (Index i = 0; i < count; ++i) {
    const auto column = static_cast<std::uint32_t>(table.columns[start + i]);  // below 0 is above every other
    to.columns[i] = static_cast<std::int32_t>(column < last ? column : last);
  }
  with_number(table.number, [&]<class S>(const S*) {
    const S* from = static_cast<const S*>(table.data) + start;
    for (Index i = 0; i < count; ++i) to.values[i] = static_cast<T>(from[i]);
  });
  return {count, to.columns, to.values};
}

// Z = (W b) (x, 1) for one sparse x: one chain of multiply-adds over its entries, then the bias.
template <class T>
void sparse_product(const Entries<T>& x, const T* B, Packed<T> b, T* Z) {
  for (Index j = 0; j < b.width(); j += LANES<T>) {
    Vec<T> sum{};
    for (Index i = 0; i < x.count; ++i) sum += all(x.values[i]) * load(B + b.at(x.columns[i], j));
    store(Z + j, sum + load(B + b.at(b.rows - 1, j)));
  }
}

// Rows [first, last) of G += (x, 1) dZᵀ for one sparse x.
template <class T>
void sparse_gradient(const Entries<T>& x, const T* dZ, T* G, Packed<T> g, Index first, Index last) {
  for (Index i = 0; i <= x.count; ++i) {
    const bool bias = i == x.count;
    const Index row = bias ? g.rows - 1 : Index{x.columns[i]};
    if (row < first || row >= last) continue;
    const Vec<T> factor = all(bias ? T(1) : x.values[i]);
    for (Index j = 0; j < g.width(); j += LANES<T>) {
      T* to = G + g.at(row, j);
      store(to, load(to) + factor * load(dZ + j));
    }
  }
}

}  // namespace chainrule::CHAINRULE_ISA
