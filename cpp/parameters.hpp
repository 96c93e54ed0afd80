// W[l] and b[l] inside the engine: b is the weight of an input that is always 1, so (W b) is one packed matrix.
//
// P holds (W b)ᵀ, (p + 1, n), for the forward product, the gradient and the update, all of which run along the units;
// D holds W, (n, p), for the deltas, which run along the inputs. The update writes P and keeps D in step.
#pragma once

#include "dense.hpp"

namespace chainrule::CHAINRULE_ISA {

// to[c, r] = from[r, c].
template <class T>
void transpose_copy(Index rows, Index columns, const T* from, Index from_stride, T* to, Index to_stride) {
  constexpr Index V = LANES<T>;
  const Index whole_rows = rows / V * V, whole_columns = columns / V * V;
  for (Index r = 0; r < whole_rows; r += V) {
    for (Index c = 0; c < whole_columns; c += V) {
      Vec<T> block[V];
      for (Index i = 0; i < V; ++i) block[i] = load(from + (r + i) * from_stride + c);
      transpose<T>(block);
      for (Index i = 0; i < V; ++i) store(to + (c + i) * to_stride + r, block[i]);
    }
    for (Index i = r; i < r + V; ++i) {
      for (Index c = whole_columns; c < columns; ++c) to[c * to_stride + i] = from[i * from_stride + c];
    }
  }
  for (Index r = whole_rows; r < rows; ++r) {
    for (Index c = 0; c < columns; ++c) to[c * to_stride + r] = from[r * from_stride + c];
  }
}

// One layer's shape and where its parts are.
template <class T>
struct Layer {
  Index n = 0, p = 0;
  Index W = 0, b = 0;         // places in the flat vector
  Packed<T> P{}, D{};         // (p + 1, n) and (n, p)
  bool along_inputs = false;  // of one unit: P is (1, p + 1), and D the same numbers

  // Of the weight of a unit for an input, the bias being that of input p.
  Index place(Index input, Index unit) const { return along_inputs ? input : P.at(input, unit); }

  // Calls f(size, place, j) for each panel's share of some rows, which is contiguous in P.
  template <class F>
  void for_panels(Rows rows, F&& f) const {
    if (along_inputs) return f(round_up(rows.last - rows.first, LANES<T>), rows.first, Index{0});
    for (Index j = 0; j < P.width(); j += PANEL<T>) {
      f((rows.last - rows.first) * P.panel_width(j), P.at(rows.first, j), j);
    }
  }
};

// The inputs whose weights one thread owns, for the gradient and the update: where there is D in whole vectors of it,
// so that no two threads write to the same one.
template <class T>
Rows rows_of_thread(const Layer<T>& layer, bool has_D, int thread, int threads) {
  const Index grain = has_D || layer.along_inputs ? LANES<T> : 1, blocks = (layer.p + grain) / grain;
  return {smaller(blocks * thread / threads * grain, layer.p + 1),
          smaller(blocks * (thread + 1) / threads * grain, layer.p + 1)};
}

// Copies rows of the flat vector into packed form.
template <class T>
void pack(const Layer<T>& layer, Rows rows, const T* flat, T* packed) {
  const T *W = flat + layer.W + rows.first, *b = flat + layer.b;
  const Index weights = smaller(rows.last, layer.p) - rows.first;
  const bool has_bias = rows.last > layer.p;
  if (layer.along_inputs) {
    for (Index i = 0; i < weights; ++i) packed[rows.first + i] = W[i];
    if (has_bias) packed[layer.p] = *b;
    return;
  }
  for (Index j = 0; j < layer.n; j += PANEL<T>) {
    const Index width = layer.P.panel_width(j), units = smaller(width, layer.n - j);
    transpose_copy(units, weights, W + j * layer.p, layer.p, packed + layer.P.at(rows.first, j), width);
    for (Index unit = j; has_bias && unit < j + units; ++unit) packed[layer.P.at(layer.p, unit)] = b[unit];
  }
}

// And back.
template <class T>
void unpack(const Layer<T>& layer, Rows rows, const T* packed, T* flat) {
  T *W = flat + layer.W + rows.first, *b = flat + layer.b;
  const Index weights = smaller(rows.last, layer.p) - rows.first;
  const bool has_bias = rows.last > layer.p;
  if (layer.along_inputs) {
    for (Index i = 0; i < weights; ++i) W[i] = packed[rows.first + i];
    if (has_bias) *b = packed[layer.p];
    return;
  }
  for (Index j = 0; j < layer.n; j += PANEL<T>) {
    const Index width = layer.P.panel_width(j), units = smaller(width, layer.n - j);
    transpose_copy(weights, units, packed + layer.P.at(rows.first, j), width, W + j * layer.p, layer.p);
    for (Index unit = j; has_bias && unit < j + units; ++unit) b[unit] = packed[layer.P.at(layer.p, unit)];
  }
}

// D := W for the rows of P that a thread owns.
template <class T>
void refresh(const Layer<T>& layer, Rows rows, const T* P, T* D) {
  const Index end = smaller(rows.last, layer.p);
  for (Index j = 0; j < layer.n; j += PANEL<T>) {
    const Index width = layer.P.panel_width(j), units = smaller(width, layer.n - j);
    for (Index i = rows.first, next; i < end; i = next) {
      next = smaller(end, (i / PANEL<T> + 1) * PANEL<T>);
      transpose_copy(next - i, units, P + layer.P.at(i, j), width, D + layer.D.at(j, i),
                     layer.D.panel_width(i / PANEL<T> * PANEL<T>));
    }
  }
}

}  // namespace chainrule::CHAINRULE_ISA
