// A segment of training, and the evaluations beside it: what every thread does from beginning to end.
//
// A step has two parts. First every thread takes its share of the examples forward and back; then it sums the
// gradient of its share of the *weights* over all examples, and updates them. Each part ends at a barrier. So every
// number is computed by one thread in one order, and the bits do not depend on how many threads there are.
#pragma once

#include "barrier.hpp"
#include "propagate.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
class Worker {
 public:
  Worker(Job& job, const Workspace<T>& space, int thread) : job_(job), space_(space), thread_(thread) {}

  void work() {
    if (job_.follows == 0) load_parameters();
    if (job_.task == Task::segment) return run_segment();
    if (job_.task == Task::gradient) return sum_gradient();
    evaluate();
  }

 private:
  Job& job_;
  const Workspace<T>& space_;
  const int thread_;

  Index width(Index l) const { return job_.network.widths[l]; }
  Index share(Index count, int thread) const { return count * thread / job_.threads; }

  // Calls f(l, layer, space, rows) for each layer with the rows of P that this thread owns.
  template <class F>
  void for_own_rows(F&& f) {
    for (Index l = 1; l <= space_.L; ++l) {
      f(l, space_.layers[l].shape, space_.layers[l], space_.threads[thread_].rows[l]);
    }
  }

  // Calls f(size, place, j) for each panel's share of some rows, which is contiguous in P.
  template <class F>
  static void for_panels(const Layer<T>& layer, Rows rows, F&& f) {
    if (layer.along_inputs) return f(round_up(rows.last - rows.first, LANES<T>), rows.first, Index{0});
    for (Index j = 0; j < layer.P.width(); j += PANEL<T>) {
      f((rows.last - rows.first) * layer.P.panel_width(j), layer.P.at(rows.first, j), j);
    }
  }

  // Packs the parameters, with zeros where a panel is wider than the layer, and sets the inputs that are always 1.
  void load_parameters() {
    for_own_rows([&](Index, const Layer<T>& layer, const LayerSpace<T>& space, Rows rows) {
      const auto fill = [&](const void* from, T* to) {
        for_panels(layer, rows, [&](Index size, Index place, Index) { zero(to + place, size); });
        pack(layer, rows, static_cast<const T*>(from), to);
      };
      fill(job_.theta, space.P);
      for (int s = 0; s < job_.plan.optimizer.slots && space.slots[s]; ++s) {
        fill(job_.slots[s], space.slots[s]);
      }
      if (space.D && !layer.along_inputs && thread_ == 0) zero(space.D, layer.D.size());
    });
    for (Index l = 0; l < space_.L; ++l) {
      const LayerSpace<T>& space = space_.layers[l];
      if (!space.A) continue;
      const Index end = share(space_.rows, thread_ + 1);
      for (Index r = share(space_.rows, thread_); r < end; ++r) {
        zero(space.A + (r + 1) * space.stride - LANES<T>, LANES<T>);
        space.A[r * space.stride + width(l)] = 1;
      }
    }
    job_.barrier->wait();
    refresh_D();
    job_.barrier->wait();
  }

  void refresh_D() {
    for_own_rows([&](Index, const Layer<T>& layer, const LayerSpace<T>& space, Rows rows) {
      if (space.D && !layer.along_inputs) refresh(layer, rows, space.P, space.D);
    });
  }

  Pass<T> pass(Index first, Index last, std::int64_t step) const {
    return {job_, space_, space_.threads[thread_], first, last - first, step};
  }

  void run_segment() {
    const Index size = job_.plan.batch_size, steps = (job_.m + size - 1) / size;
    job_.diverged = -1;
    for (Index s = 0; s < steps; ++s) {
      const Index m = smaller(size, job_.m - s * size);
      const bool measured = s == steps - 1 || job_.plan.clip_norm < __builtin_inf();
      take_step(s * size, m, job_.first_step + s, job_.rates[s], measured);
      job_.barrier->wait();
      if (thread_ == 0) job_.losses[s] = *space_.loss;
      if (!finite()) {
        if (thread_ == 0) job_.diverged = s;
        break;
      }
    }
    store_parameters();
  }

  // Where the gradient's length does not matter, each tile of it is used up as soon as it is complete.
  void take_step(Index start, Index m, std::int64_t step, double rate, bool measured) {
    Step<T> rule(job_.network, job_.plan, rate, m, step);
    Vec<T> finite{};
    const auto update = [&](const Layer<T>& layer, const LayerSpace<T>& space, const Tile<T>& tile) {
      update_tile(rule, layer, space, tile, finite);
    };
    if (measured) {
      forward_and_back(start, m, step, true, [](auto&&...) {});
      measure(rule);
      for_own_rows([&](Index, const Layer<T>& layer, const LayerSpace<T>& space, Rows rows) {
        for_panels(layer, rows, [&](Index, Index place, Index j) { update(layer, space, {space.G + place, rows, j}); });
      });
    } else {
      forward_and_back(start, m, step, false, update);
    }
    refresh_D();
    space_.finite[thread_] = sum_of_lanes<T>(finite);
  }

  // All examples of a batch, as many at a time as fit: dZ by examples, then the gradient by weights.
  template <class F>
  void forward_and_back(Index start, Index m, std::int64_t step, bool keep, F&& finished) {
    for (Index done = 0; done < m; done += space_.rows) {
      const Index count = smaller(space_.rows, m - done);
      if (done) job_.barrier->wait();
      own_examples(start + done, share(count, thread_), share(count, thread_ + 1), step);
      job_.barrier->wait();
      if (thread_ == 0) *space_.loss = (done ? *space_.loss : 0) + sum(space_.row_losses, count);
      const bool last = done + count == m;
      own_gradients(start + done, count, step, done > 0, keep || m > space_.rows, [&](auto&&... tile) {
        if (last) finished(tile...);
      });
    }
  }

  // A block at a time through all layers, so that what one layer leaves is still near when the next one needs it.
  void own_examples(Index start, Index first, Index last, std::int64_t step) {
    for (Index r = first; r < last; r += BLOCK) {
      const Pass<T> block = pass(r, smaller(r + BLOCK, last), step);
      block.read(start + r);
      block.forward();
      block.losses();
      block.backward();
    }
  }

  // Σ A[l-1] dZ[l]ᵀ over the examples at hand, for the owned rows: finished(layer, space, tile) for each tile.
  template <class F>
  void own_gradients(Index start, Index count, std::int64_t step, bool add, bool keep, F&& finished) {
    for_own_rows([&](Index l, const Layer<T>& layer, const LayerSpace<T>& space, Rows rows) {
      if (l == 1 && job_.examples.X.starts) {
        sum_sparse_rows(start, count, step, add, layer, space, rows);
        for_panels(layer, rows,
                   [&](Index, Index place, Index j) { finished(layer, space, Tile<T>{space.G + place, rows, j}); });
        return;
      }
      const LayerSpace<T>& previous = space_.layers[l - 1];
      if (layer.along_inputs) {
        const Packed<T> own{1, rows.last - rows.first};
        gradient<T>(count, space.dZ, 1, previous.A + rows.first, previous.stride, space.G + rows.first, own, {0, 1},
                    add, keep || !in_one_block(count), space_.threads[thread_].tiles, space.P + rows.first,
                    [&](const Tile<T>& tile) {
                      const Index first = rows.first + tile.j;
                      finished(layer, space, Tile<T>{tile.sums, {first, smaller(first + PANEL<T>, rows.last)}, 0});
                    });
        return;
      }
      gradient<T>(count, previous.A, previous.stride, space.dZ, space.stride, space.G, layer.P, rows, add,
                  keep || !in_one_block(count), space_.threads[thread_].tiles, space.P,
                  [&](const Tile<T>& tile) { finished(layer, space, tile); });
    });
  }

  void sum_sparse_rows(Index start, Index count, std::int64_t step, bool add, const Layer<T>& layer,
                       const LayerSpace<T>& space, Rows rows) {
    if (!add) {
      for_panels(layer, rows, [&](Index size, Index place, Index) { zero(space.G + place, size); });
    }
    for (Index r = 0; r < count; ++r) {
      const Pass<T> one = pass(r, r + 1, step);
      one.locate(start + r);
      sparse_gradient<T>(one.sparse_row(0), space.dZ + r * space.stride, space.G, layer.P, rows.first, rows.last);
    }
  }

  // The length of the gradient, row by row, so that the sum has one order; then what clipping leaves of it.
  void measure(Step<T>& rule) {
    for_own_rows([&](Index l, const Layer<T>& layer, const LayerSpace<T>& space, Rows rows) {
      const Index height = layer.along_inputs ? LANES<T> : 1;
      for (Index i = rows.first; i < rows.last; i += height) {
        Squares& sum = space_.squares[space_.first_square[l] + i / height];
        sum = Squares{};
        const bool has_bias = i + height > layer.p;
        const Lanes<T> lanes = !has_bias            ? Lanes<T>::of_weights()
                               : layer.along_inputs ? Lanes<T>::with_bias(layer.p - i)
                                                    : Lanes<T>::of_biases();
        for_panels(layer, {i, i + height}, [&](Index size, Index place, Index) {
          const Squares part = squares<T>(rule, lanes, size, space.G + place, space.P + place);
          sum.plain += part.plain;
          sum.clipped += part.clipped;
        });
      }
    });
    job_.barrier->wait();
    Squares total;
    for (Index i = 0; i < space_.n_squares; ++i) {
      total.plain += space_.squares[i].plain;
      total.clipped += space_.squares[i].clipped;
    }
    const double length = __builtin_sqrt(total.clipped);
    if (length > job_.plan.clip_norm) rule.scale = static_cast<T>(job_.plan.clip_norm / length);
    if (thread_ == 0) job_.gradient_norm = __builtin_sqrt(total.plain);
  }

  void update_tile(const Step<T>& rule, const Layer<T>& layer, const LayerSpace<T>& space, const Tile<T>& tile,
                   Vec<T>& finite) {
    const auto update = [&](Lanes<T> lanes, Index first, Index size, Index place) {
      const auto slot = [&](int s) { return space.slots[s] ? space.slots[s] + place : nullptr; };
      update_parameters<T>(job_.plan.optimizer, rule, lanes, size, tile.sums + first, space.P + place, slot(0), slot(1),
                           finite);
    };
    const auto [first, last] = tile.rows;
    const bool has_bias = last > layer.p;
    if (layer.along_inputs) {
      const Index weights = (has_bias ? layer.p / LANES<T> * LANES<T> : last) - first;
      update(Lanes<T>::of_weights(), 0, weights, first);
      if (has_bias) update(Lanes<T>::with_bias(layer.p % LANES<T>), weights, LANES<T>, first + weights);
      return;
    }
    const Index width = layer.P.panel_width(tile.j), weights = width * (smaller(last, layer.p) - first);
    const Index place = layer.P.at(first, tile.j);
    if (weights > 0) update(Lanes<T>::of_weights(), 0, weights, place);
    if (has_bias) update(Lanes<T>::of_biases(), weights, width, place + weights);
  }

  bool finite() const {
    double total = *space_.loss;
    for (int t = 0; t < job_.threads; ++t) total += static_cast<double>(space_.finite[t]);
    return __builtin_isfinite(total);
  }

  void store_parameters() {
    for_own_rows([&](Index, const Layer<T>& layer, const LayerSpace<T>& space, Rows rows) {
      unpack(layer, rows, space.P, static_cast<T*>(job_.new_theta));
      for (int s = 0; s < job_.plan.optimizer.slots; ++s) {
        unpack(layer, rows, space.slots[s], static_cast<T*>(job_.new_slots[s]));
      }
    });
  }

  // The sum of the gradient over all examples, chunk by chunk in float64, and the sum of the losses of each chunk.
  void sum_gradient() {
    for (Index start = 0; start < job_.m; start += space_.rows) {
      forward_and_back(start, smaller(space_.rows, job_.m - start), -1, true, [](auto&&...) {});
      if (thread_ == 0) job_.losses[start / space_.rows] = *space_.loss;
      for_own_rows([&](Index, const Layer<T>& layer, const LayerSpace<T>& space, Rows rows) {
        for (Index i = rows.first; i < rows.last; ++i) {
          for (Index j = 0; j < layer.n; ++j) {
            double& entry = job_.gradient[i < layer.p ? layer.W + j * layer.p + i : layer.b + j];
            entry += static_cast<double>(space.G[layer.place(i, j)]);
          }
        }
      });
      job_.barrier->wait();
    }
  }

  // Losses or logits, block by block; no block needs another.
  void evaluate() {
    const Index blocks = (job_.m + BLOCK - 1) / BLOCK, n = width(space_.L);
    const LayerSpace<T>& last = space_.layers[space_.L];
    for (Index block = share(blocks, thread_); block < share(blocks, thread_ + 1); ++block) {
      const Index start = block * BLOCK, first = thread_ * BLOCK, count = smaller(BLOCK, job_.m - start);
      const Pass<T> own = pass(first, first + count, -1);
      own.read(start);
      own.forward();
      if (job_.task == Task::mean_loss) {
        own.losses();
        job_.losses[block] = sum(space_.row_losses + first, count);
        continue;
      }
      for (Index r = 0; r < count; ++r) {
        T* out = static_cast<T*>(job_.logits) + (start + r) * n;
        for (Index k = 0; k < n; ++k) out[k] = own.dZ(space_.L)[r * last.stride + k];
      }
    }
  }
};

}  // namespace chainrule::CHAINRULE_ISA
