// Categorical inputs as learned vectors, as in embeddings.py: a code chooses E[j][:, c], which joins A[0] below the
// plain inputs.
//
// All E are one row of entries, a level's vector after the other, as in the flat vector. It is cut into blocks that
// threads own; a block's gradient is summed over the batch, in order, by its owner.
#pragma once

#include "examples.hpp"

namespace chainrule::CHAINRULE_ISA {

constexpr Index ENTRIES = 256;  // of a block

inline Index n_blocks(Index entries) {
  return (entries + ENTRIES - 1) / ENTRIES;
}

// The code in an entry of the table. Codes are checked in Python, once; a table that was changed since then is misread
// as unknown levels, rather than that memory is which is not ours.
inline Index code_of(double entry, Index levels) {
  return entry >= 0 && entry < static_cast<double>(levels) ? static_cast<Index>(entry) : 0;
}

inline Index n_entries(const Network& network) {
  Index count = 0;
  for (Index j = 0; j < network.n_embeddings; ++j) count += network.embeddings[j].levels * network.embeddings[j].size;
  return count;
}

// A[0] of some rows of the table: the numbers, then E[j][:, c]; and where the entries of those vectors begin.
template <class T>
void embed(const Network& network, const Table& table, const Index* rows, Index count, const T* E, T* A, Index stride,
           Index* vectors) {
  const Index n_numbers = network.n_numbers();
  with_number(table.number, [&]<class S>(const S*) {
    for (Index r = 0; r < count; ++r, A += stride, vectors += network.n_embeddings) {
      const S* from = static_cast<const S*>(table.data) + rows[r] * table.row_stride;
      for (Index i = 0; i < n_numbers; ++i) A[i] = static_cast<T>(from[network.numbers[i] * table.column_stride]);
      T* to = A + n_numbers;
      Index first = 0;  // of E[j]
      for (Index j = 0; j < network.n_embeddings; ++j) {
        const Embedding& e = network.embeddings[j];
        vectors[j] = first + code_of(static_cast<double>(from[e.column * table.column_stride]), e.levels) * e.size;
        for (Index i = 0; i < e.size; ++i) to[i] = E[vectors[j] + i];
        to += e.size;
        first += e.levels * e.size;
      }
    }
  });
}

// dE[j] += dA[0] over the examples of each level, for the entries [own.first, own.last).
template <class T>
void sum_vectors(const Network& network, Index count, const Index* vectors, const T* dA, Index stride, Rows own, T* G) {
  dA += network.n_numbers();
  for (Index r = 0; r < count; ++r, dA += stride, vectors += network.n_embeddings) {
    const T* of_vector = dA;
    for (Index j = 0; j < network.n_embeddings; ++j) {
      const Index size = network.embeddings[j].size, place = vectors[j];
      const Index first = larger(place, own.first), last = smaller(place + size, own.last);
      for (Index i = first; i < last; ++i) G[i] += of_vector[i - place];
      of_vector += size;
    }
  }
}

}  // namespace chainrule::CHAINRULE_ISA
