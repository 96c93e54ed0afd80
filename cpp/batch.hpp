// A batch, forward and back: first every thread's share of the examples, then its share of the gradient's sums.
#pragma once

#include "worker.hpp"

namespace chainrule::CHAINRULE_ISA {

// Σ of the first `count` losses, in one order whatever the number of threads.
inline double sum(const double* losses, Index count) {
  constexpr Index chains = 8;
  double partial[chains] = {};
  const Index whole = count / chains * chains;
  for (Index i = 0; i < whole; i += chains) {
    for (Index c = 0; c < chains; ++c) partial[c] += losses[i + c];
  }
  for (Index i = whole; i < count; ++i) partial[i - whole] += losses[i];
  for (Index half = chains / 2; half > 0; half /= 2) {
    for (Index c = 0; c < half; ++c) partial[c] += partial[c + half];
  }
  return partial[0];
}

template <class T>
struct Batch {
  const Worker<T>& worker;
  std::int64_t step;  // for dropout; negative where there is none
  bool keep;          // the gradient in G, else finished tiles alone hold it

  // Examples [start, start + m) of the order, as many at a time as fit: dZ by examples, then the gradient by weights.
  //
  // Calls finished(layer, tile) for every tile of the gradient of W and b, once it is the sum over all examples; that
  // of the embeddings is left in their G.
  template <class F>
  void run(Index start, Index m, F&& finished) const {
    const auto& [job, space, thread] = worker;
    for (Index done = 0; done < m; done += space.rows) {
      const Index count = smaller(space.rows, m - done);
      if (done) job.barrier->wait();
      own_examples(start + done, worker.share(count));
      job.barrier->wait();
      if (worker.is_first()) *space.loss = (done ? *space.loss : 0) + sum(space.row_losses, count);
      const bool last = done + count == m;
      own_gradients(start + done, count, done > 0, m > space.rows, [&](auto&&... tile) {
        if (last) finished(tile...);
      });
    }
  }

 private:
  // A block at a time through all layers, so that what one layer leaves is still near when the next one needs it.
  void own_examples(Index start, Rows examples) const {
    for (Index r = examples.first; r < examples.last; r += BLOCK) {
      const Pass<T> block = worker.pass(r, smaller(r + BLOCK, examples.last), step);
      block.read(start + r);
      block.forward();
      block.losses();
      block.backward();
    }
  }

  // G [+]= Σ A[l-1] dZ[l]ᵀ over the examples at hand, for the owned rows, and the owned entries of the embeddings.
  template <class F>
  void own_gradients(Index start, Index count, bool add, bool in_parts, F&& finished) const {
    const bool stored = keep || in_parts || !in_one_block(count);
    const TileSpace<T>& tiles = worker.own().tiles;
    worker.for_own_rows([&](Index l, const LayerSpace<T>& layer, Rows rows) {
      const LayerSpace<T>& previous = worker.space.layers[l - 1];
      if (l == 1 && worker.job.examples.X.starts) {
        sum_sparse_rows(start, count, add, layer, rows);
        layer.shape.for_panels(
            rows, [&](Index, Index place, Index j) { finished(layer, Tile<T>{layer.G + place, rows, j}); });
      } else if (layer.shape.along_inputs) {
        const Packed<T> own{1, rows.last - rows.first};
        gradient<T>(count, layer.dZ, 1, previous.A + rows.first, previous.stride, layer.G + rows.first, own, {0, 1},
                    add, stored, tiles, layer.P + rows.first, [&](const Tile<T>& tile) {
                      const Index first = rows.first + tile.j;
                      finished(layer, Tile<T>{tile.sums, {first, smaller(first + PANEL<T>, rows.last)}, 0});
                    });
      } else {
        gradient<T>(count, previous.A, previous.stride, layer.dZ, layer.stride, layer.G, layer.shape.P, rows, add,
                    stored, tiles, layer.P, [&](const Tile<T>& tile) { finished(layer, tile); });
      }
    });
    if (worker.job.network.n_embeddings) sum_embeddings(count, add);
  }

  void sum_embeddings(Index count, bool add) const {
    const auto& [job, space, thread] = worker;
    const LayerSpace<T>& inputs = space.layers[0];
    const Rows own = worker.own_entries();
    if (!add) zero(space.embeddings.G + own.first, round_up(own.last - own.first, LANES<T>));
    sum_vectors<T>(job.network, count, space.embeddings.vectors, inputs.dZ, inputs.stride, own, space.embeddings.G);
  }

  void sum_sparse_rows(Index start, Index count, bool add, const LayerSpace<T>& layer, Rows rows) const {
    if (!add) layer.shape.for_panels(rows, [&](Index size, Index place, Index) { zero(layer.G + place, size); });
    for (Index r = 0; r < count; ++r) {
      const Pass<T> one = worker.pass(r, r + 1, step);
      one.locate(start + r);
      sparse_gradient<T>(one.sparse_row(0), layer.dZ + r * layer.stride, layer.G, layer.shape.P, rows.first, rows.last);
    }
  }
};

}  // namespace chainrule::CHAINRULE_ISA
