// Forward through all layers (rows 3 and 4), and back in the opposite order (rows 7 to 9), for some examples.
//
// A thread takes its examples through all layers on its own; nothing here waits for another thread.
#pragma once

#include "workspace.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
struct Pass {
  const Job& job;
  const Workspace<T>& space;
  const ThreadSpace<T>& own;
  Index first, count;  // examples [first, first + count) of the workspace's rows
  std::int64_t step;   // for dropout; negative while predicting

  Index width(Index l) const { return job.network.widths[l]; }
  T* A(Index l) const { return space.layers[l].A + first * space.layers[l].stride; }
  T* slope(Index l) const {
    const LayerSpace<T>& layer = space.layers[l];
    return layer.slope ? layer.slope + first * layer.stride : nullptr;
  }
  T* dZ(Index l) const { return space.layers[l].dZ + first * space.layers[l].stride; }
  bool embeds() const { return job.network.n_embeddings > 0; }
  const T* E() const {
    const EmbeddingSpace<T>& embeddings = space.embeddings;
    return embeddings.E ? embeddings.E : static_cast<const T*>(job.theta) + embeddings.place;
  }
  Index* vectors() const { return space.embeddings.vectors + first * job.network.n_embeddings; }

  // Finds the examples from one place of the order on.
  void locate(Index start) const {
    for (Index r = 0; r < count; ++r) {
      const Index place = job.order ? job.order[start + r] : job.first + start + r;
      own.places[r] = job.examples.rows ? job.examples.rows[place] : place;
    }
  }

  void read(Index start) const {
    locate(start);
    const Examples& examples = job.examples;
    const Index stride = space.layers[0].stride;
    if (embeds()) {
      embed<T>(job.network, examples.X, own.places, count, E(), A(0), stride, vectors());
    } else if (!examples.X.starts) {
      gather<T>(examples.X, own.places, count, width(0), A(0), stride);
    }
    if (job.task == Task::logits) return;
    const Index n = width(space.L);
    gather<T>(examples.Y, own.places, count, n, space.Y + first * n, n);
    for (Index r = 0; r < count && examples.weights; ++r) {
      space.weights[first + r] = static_cast<T>(examples.weights[own.places[r]] / examples.mean_weight);
    }
  }

  const Dropout* dropout(Index l) const {
    const Dropout* all_layers = job.network.dropout;
    return step >= 0 && all_layers && all_layers[l].removed ? all_layers + l : nullptr;
  }

  Entries<T> sparse_row(Index r) const {
    Entries<T> x = entries<T>(job.examples.X, own.places[r], width(0), own.entries);
    if (const Dropout* d = dropout(0)) {
      const std::uint64_t key = job.examples.keys[own.places[r]];
      drop_entries<T>(*d, {job.plan.seed, step, 0}, key, x.count, x.columns, x.values);
    }
    return x;
  }

  // The masks of layer l: on A[l] and its slope on the way forward, on dA[0] on the way back.
  void drop(Index l, T* units, T* slopes) const {
    const Dropout* d = dropout(l);
    if (!d) return;
    drop_rows<T>(*d, {job.plan.seed, step, l}, own.draws, job.examples.keys, own.places, count, width(l),
                 space.layers[l].stride, units, slopes);
  }

  // Z[l] = W[l] A[l-1] + b[l]; A[l] = g(Z[l]). Z[L] is left in dZ[L], where its derivative will be.
  void forward() const {
    const bool sparse = job.examples.X.starts;
    if (!sparse) drop(0, A(0), nullptr);
    for (Index l = 1; l <= space.L; ++l) {
      const LayerSpace<T>&previous = space.layers[l - 1], &layer = space.layers[l];
      const Packed<T> W{width(l - 1) + 1, width(l)};
      T* Z = l < space.L ? A(l) : dZ(l);
      if (layer.shape.along_inputs) {
        dot_products<T>(count, width(l - 1), A(l - 1), previous.stride, layer.P, Z);
      } else if (l == 1 && sparse) {
        for (Index r = 0; r < count; ++r) sparse_product<T>(sparse_row(r), layer.P, W, Z + r * layer.stride);
      } else {
        product<T>(count, A(l - 1), previous.stride, layer.P, W, Z, layer.stride);
      }
      if (l == space.L) break;
      activate<T>(job.network.hidden[l - 1], count, width(l), layer.stride, Z, slope(l));
      drop(l, A(l), slope(l));
    }
  }

  // The loss of every example; Z[L] becomes dZ[L], weights applied.
  void losses() const {
    const Index n = width(space.L), stride = space.layers[space.L].stride;
    for (Index r = 0; r < count; r += LANES<T>) {
      const Index here = smaller(LANES<T>, count - r);
      T* Z = dZ(space.L) + r * stride;
      turn<T>(n, here, space.Y + (first + r) * n, n, own.y);
      turn<T>(n, here, Z, stride, own.z);
      Vec<T> loss = loss_of_lanes<T>(job.network.loss, n, own.z, own.y, own.dZ);
      if (job.examples.weights) {
        Vec<T> weights;  // of these examples alone: another thread may be writing the next ones
        turn<T>(1, here, space.weights + first + r, 1, &weights);
        loss *= weights;
        for (Index k = 0; k < n; ++k) own.dZ[k] *= weights;
      }
      store_as_double<T>(space.row_losses + first + r, loss, here);
      turn_back<T>(n, here, own.dZ, Z, stride);
    }
  }

  // dA[l-1] = W[l]ᵀ dZ[l]; dZ[l-1] = dA[l-1] * g'(Z[l-1]), for l = L to 2.
  void backward() const {
    for (Index l = space.L; l > 1; --l) {
      const LayerSpace<T>&layer = space.layers[l], &previous = space.layers[l - 1];
      T* dA = dZ(l - 1);
      if (!layer.shape.along_inputs) {
        product<T>(count, dZ(l), layer.stride, layer.D, Packed<T>{width(l), width(l - 1)}, dA, previous.stride);
        times_slope(l - 1, [dA, stride = previous.stride](Index r, Index i) { return load(dA + r * stride + i); });
        continue;
      }
      times_slope(l - 1, [deltas = dZ(l), w = layer.P](Index r, Index i) { return all(deltas[r]) * load(w + i); });
      if (width(l - 1) % LANES<T> == 0) continue;
      for (Index r = 0; r < count; ++r) dA[r * previous.stride + width(l - 1)] = 0;  // the bias is not a weight of A
    }
    if (embeds()) deltas_of_inputs();
  }

  // dA[0] = W[1]ᵀ dZ[1], dropout applied: the rows of the embeddings, and of plain inputs only those beside them.
  void deltas_of_inputs() const {
    const LayerSpace<T>& layer = space.layers[1];
    const Index stride = space.layers[0].stride, j = job.network.n_numbers() / PANEL<T> * PANEL<T>;
    T* dA = dZ(0);
    if (layer.shape.along_inputs) {
      for (Index r = 0; r < count; ++r) {
        const Vec<T> delta = all(dZ(1)[r]);
        for (Index i = j; i < width(0); i += LANES<T>) store(dA + r * stride + i, delta * load(layer.P + i));
      }
    } else {
      const Packed<T> D{width(1), width(0) - j};
      product<T>(count, dZ(1), layer.stride, layer.D + layer.shape.D.at(0, j), D, dA + j, stride);
    }
    drop(0, dA, nullptr);
  }

  // dZ[l] := dA(r, i) * g'(Z[l]), where dA gives the vector at unit i of example r.
  template <class F>
  void times_slope(Index l, F&& dA) const {
    const Index stride = space.layers[l].stride, width_ = round_up(width(l), LANES<T>);
    const Dropout* d = dropout(l);
    const Vec<T> kept = all(static_cast<T>(d ? d->factor : 1));
    const T *values = A(l), *slopes = slope(l);
    T* to = dZ(l);
    for (Index r = 0, rows = count; r < rows; ++r) {
      for (Index i = 0; i < width_; i += LANES<T>) {
        const Index place = r * stride + i;
        const Vec<T> v = dA(r, i);
        store(to + place, slopes ? v * load(slopes + place) : (load(values + place) > Vec<T>{} ? v * kept : Vec<T>{}));
      }
    }
  }
};

}  // namespace chainrule::CHAINRULE_ISA
