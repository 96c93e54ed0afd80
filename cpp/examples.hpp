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

template <class T>
void gather(const Table& table, const Index* rows, Index count, Index n, T* to, Index to_stride) {
  with_number(table.number, [&]<class S>(const S*) {
    const S* first = static_cast<const S*>(table.data);
    for (Index r = 0; r < count && n == 1; ++r) to[r * to_stride] = static_cast<T>(first[rows[r] * table.row_stride]);
    for (Index r = 0; r < count && n > 1; ++r, to += to_stride) {
      const S* from = first + rows[r] * table.row_stride;
      if (table.column_stride == 1) {
        for (Index i = 0; i < n; ++i) to[i] = static_cast<T>(from[i]);
      } else {
        for (Index i = 0; i < n; ++i) to[i] = static_cast<T>(from[i * table.column_stride]);
      }
    }
  });
}

// Some examples' n outputs, one example after the other, as one vector for each output.
template <class T>
inline void turn(Index n, Index examples, const T* from, Index stride, Vec<T>* to) {
  if (stride == 1 && examples == LANES<T>) {
    *to = load(from);
    return;
  }
  for (Index k = 0; k < n; ++k) {
    alignas(CHAINRULE_VECTOR_BYTES) T lanes[LANES<T>] = {};
    for (Index i = 0; i < examples; ++i) lanes[i] = from[i * stride + k];
    to[k] = load(lanes);
  }
}

template <class T>
inline void turn_back(Index n, Index examples, const Vec<T>* from, T* to, Index stride) {
  if (stride == 1) return store_some(to, *from, examples);
  for (Index i = 0; i < examples; ++i) {
    for (Index k = 0; k < n; ++k) to[i * stride + k] = from[k][i];
  }
}

// The entries of one row of a sparse table, converted into `values`.
template <class T>
struct Entries {
  Index count;
  const std::int32_t* columns;
  T* values;
};

template <class T>
Entries<T> entries(const Table& table, Index row, T* values) {
  const Index start = table.starts[row], count = table.starts[row + 1] - start;
  with_number(table.number, [&]<class S>(const S*) {
    const S* from = static_cast<const S*>(table.data) + start;
    for (Index i = 0; i < count; ++i) values[i] = static_cast<T>(from[i]);
  });
  return {count, table.columns + start, values};
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
