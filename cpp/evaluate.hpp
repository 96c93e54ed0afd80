// What is asked beside a segment: the gradient over some examples, losses and logits.
#pragma once

#include "batch.hpp"

namespace chainrule::CHAINRULE_ISA {

// The sum of the gradient over the examples, chunk by chunk in float64, and the sum of the losses of each chunk.
template <class T>
void sum_gradient(const Worker<T>& worker) {
  const auto& [job, space, thread] = worker;
  const Batch<T> batch{worker, -1, true};
  for (Index start = 0; start < job.m; start += space.rows) {
    batch.run(start, smaller(space.rows, job.m - start), [](auto&&...) {});
    if (worker.is_first()) job.losses[start / space.rows] = *space.loss;
    worker.for_own_rows([&](Index, const LayerSpace<T>& layer, Rows rows) {
      const Layer<T>& shape = layer.shape;
      for (Index i = rows.first; i < rows.last; ++i) {
        for (Index j = 0; j < shape.n; ++j) {
          double& entry = worker.job.gradient[i < shape.p ? shape.W + j * shape.p + i : shape.b + j];
          entry += static_cast<double>(layer.G[shape.place(i, j)]);
        }
      }
    });
    const EmbeddingSpace<T>& embeddings = space.embeddings;
    const Rows own = worker.own_entries();
    for (Index i = own.first; i < own.last; ++i) {
      job.gradient[embeddings.place + i] += static_cast<double>(embeddings.G[i]);
    }
    job.barrier->wait();
  }
}

// The same of one batch, as a step of training has it: dropout on, summed in T, to new_theta.
template <class T>
void batch_gradient(const Worker<T>& worker) {
  Batch<T>{worker, worker.job.first_step, true}.run(0, worker.job.m, [](auto&&...) {});
  if (worker.is_first()) worker.job.losses[0] = *worker.space.loss;
  worker.store_gradient();
}

// Losses or logits, block by block; no block needs another.
template <class T>
void evaluate(const Worker<T>& worker) {
  const auto& [job, space, thread] = worker;
  const Index L = space.L, n = job.network.widths[L], stride = space.layers[L].stride;
  const Rows blocks = worker.share((job.m + BLOCK - 1) / BLOCK);
  for (Index block = blocks.first; block < blocks.last; ++block) {
    const Index start = block * BLOCK, first = thread * BLOCK, count = smaller(BLOCK, job.m - start);
    const Pass<T> pass = worker.pass(first, first + count, -1);
    pass.read(start);
    pass.forward();
    if (job.task == Task::mean_loss) {
      pass.losses();
      job.losses[block] = sum(space.row_losses + first, count);
      continue;
    }
    for (Index r = 0; r < count; ++r) {
      T* out = static_cast<T*>(job.logits) + (start + r) * n;
      for (Index k = 0; k < n; ++k) out[k] = pass.dZ(L)[r * stride + k];
    }
  }
}

}  // namespace chainrule::CHAINRULE_ISA
