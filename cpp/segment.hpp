// A segment of training: what every thread does from its first step to its last.
//
// A step has two parts. First every thread takes its share of the examples forward and back; then it sums the
// gradient of its share of the *weights* over all examples, and updates them. Each part ends at a barrier. So every
// number is computed by one thread in one order, and the bits do not depend on how many threads there are.
#pragma once

#include "batch.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
class Segment {
 public:
  explicit Segment(const Worker<T>& worker) : worker_(worker), job_(worker.job), space_(worker.space) {}

  void run() {
    const Index size = job_.plan.batch_size, steps = (job_.m + size - 1) / size;
    if (worker_.is_first()) job_.diverged = -1;
    for (Index s = 0; s < steps; ++s) {
      const Index m = smaller(size, job_.m - s * size);
      const bool measured = s == steps - 1 || job_.plan.clip_norm < __builtin_inf();
      take_step(s * size, m, job_.first_step + s, job_.rates[s], measured);
      job_.barrier->wait();
      if (worker_.is_first()) job_.losses[s] = *space_.loss;
      if (!finite()) {
        if (worker_.is_first()) job_.diverged = s;
        break;
      }
    }
    worker_.store_parameters();
  }

 private:
  const Worker<T>& worker_;
  Job& job_;
  const Workspace<T>& space_;

  // Where the gradient's length does not matter, each tile of it is used up as soon as it is complete.
  void take_step(Index start, Index m, std::int64_t step, double rate, bool measured) {
    Step<T> rule(job_.network, job_.plan, rate, m, step);
    Vec<T> finite{};
    const auto update = [&](const LayerSpace<T>& layer, const Tile<T>& tile) {
      this->update(rule, layer, tile, finite);
    };
    const Batch<T> batch{worker_, step, measured};
    if (measured) {
      batch.run(start, m, [](auto&&...) {});
      measure(rule);
      worker_.for_own_rows([&](Index, const LayerSpace<T>& layer, Rows rows) {
        layer.shape.for_panels(rows, [&](Index, Index place, Index j) { update(layer, {layer.G + place, rows, j}); });
      });
    } else {
      batch.run(start, m, update);
    }
    if (job_.network.n_embeddings) update_embeddings(rule, finite);
    worker_.refresh_D();
    space_.finite[worker_.thread] = sum_of_lanes<T>(finite);
  }

  // The length of the gradient, row by row, so that the sum has one order; then what clipping leaves of it.
  void measure(Step<T>& rule) {
    worker_.for_own_rows([&](Index l, const LayerSpace<T>& layer, Rows rows) {
      const Layer<T>& shape = layer.shape;
      const Index height = shape.along_inputs ? LANES<T> : 1;
      for (Index i = rows.first; i < rows.last; i += height) {
        Squares& sum = space_.squares[space_.first_square[l] + i / height];
        sum = Squares{};
        const bool has_bias = i + height > shape.p;
        const Lanes<T> lanes = !has_bias            ? Lanes<T>::of_weights()
                               : shape.along_inputs ? Lanes<T>::with_bias(shape.p - i)
                                                    : Lanes<T>::of_biases();
        shape.for_panels({i, i + height}, [&](Index size, Index place, Index) {
          const Squares part = squares<T>(rule, lanes, size, layer.G + place, layer.P + place);
          sum.plain += part.plain;
          sum.clipped += part.clipped;
        });
      }
    });
    measure_embeddings(rule);
    job_.barrier->wait();
    Squares total;
    for (Index i = 0; i < space_.n_squares; ++i) {
      total.plain += space_.squares[i].plain;
      total.clipped += space_.squares[i].clipped;
    }
    const double length = __builtin_sqrt(total.clipped);
    if (length > job_.plan.clip_norm) rule.scale = static_cast<T>(job_.plan.clip_norm / length);
    if (worker_.is_first()) job_.gradient_norm = __builtin_sqrt(total.plain);
  }

  void measure_embeddings(const Step<T>& rule) {
    const EmbeddingSpace<T>& space = space_.embeddings;
    const auto [first, last] = worker_.own_entries();
    for (Index i = first; i < last; i += ENTRIES) {
      const Index size = round_up(smaller(ENTRIES, last - i), LANES<T>);
      space_.squares[space_.first_square[space_.L + 1] + i / ENTRIES] =
          squares<T>(rule, Lanes<T>::of_embeddings(), size, space.G + i, space.E + i);
    }
  }

  void update_embeddings(const Step<T>& rule, Vec<T>& finite) {
    const EmbeddingSpace<T>& space = space_.embeddings;
    const auto [first, last] = worker_.own_entries();
    const auto slot = [&, begin = first](int s) { return space.slots[s] ? space.slots[s] + begin : nullptr; };
    update_parameters<T>(job_.plan.optimizer, rule, Lanes<T>::of_embeddings(), round_up(last - first, LANES<T>),
                         space.G + first, space.E + first, slot(0), slot(1), finite);
  }

  void update(const Step<T>& rule, const LayerSpace<T>& layer, const Tile<T>& tile, Vec<T>& finite) {
    const auto change = [&](Lanes<T> lanes, Index first, Index size, Index place) {
      const auto slot = [&](int s) { return layer.slots[s] ? layer.slots[s] + place : nullptr; };
      update_parameters<T>(job_.plan.optimizer, rule, lanes, size, tile.sums + first, layer.P + place, slot(0), slot(1),
                           finite);
    };
    const Layer<T>& shape = layer.shape;
    const auto [first, last] = tile.rows;
    const bool has_bias = last > shape.p;
    if (shape.along_inputs) {
      const Index weights = (has_bias ? shape.p / LANES<T> * LANES<T> : last) - first;
      change(Lanes<T>::of_weights(), 0, weights, first);
      if (has_bias) change(Lanes<T>::with_bias(shape.p % LANES<T>), weights, LANES<T>, first + weights);
      return;
    }
    const Index width = shape.P.panel_width(tile.j), weights = width * (smaller(last, shape.p) - first);
    const Index place = shape.P.at(first, tile.j);
    if (weights > 0) change(Lanes<T>::of_weights(), 0, weights, place);
    if (has_bias) change(Lanes<T>::of_biases(), weights, width, place + weights);
  }

  bool finite() const {
    double total = *space_.loss;
    for (int t = 0; t < job_.threads; ++t) total += static_cast<double>(space_.finite[t]);
    return __builtin_isfinite(total);
  }
};

}  // namespace chainrule::CHAINRULE_ISA
