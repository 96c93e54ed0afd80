// One thread's part of a job: a share of the examples, and a share of the rows of every P, which it packs and unpacks.
#pragma once

#include "barrier.hpp"
#include "propagate.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
struct Worker {
  Job& job;
  const Workspace<T>& space;
  int thread;

  bool is_first() const { return thread == 0; }
  const ThreadSpace<T>& own() const { return space.threads[thread]; }

  // This thread's part of `count` things.
  Rows share(Index count) const { return {count * thread / job.threads, count * (thread + 1) / job.threads}; }

  // Calls f(l, layer, rows) for each layer with the rows of P that this thread owns.
  template <class F>
  void for_own_rows(F&& f) const {
    for (Index l = 1; l <= space.L; ++l) f(l, space.layers[l], own().rows[l]);
  }

  // The entries of the embeddings that this thread owns: whole blocks.
  Rows own_entries() const {
    const Index entries = space.embeddings.entries;
    const Rows blocks = share(n_blocks(entries));
    return {smaller(blocks.first * ENTRIES, entries), smaller(blocks.last * ENTRIES, entries)};
  }

  Pass<T> pass(Index first, Index last, std::int64_t step) const {
    return {job, space, own(), first, last - first, step};
  }

  // Packs the parameters, with zeros where a panel is wider than the layer, and sets the inputs that are always 1.
  void load_parameters() const {
    for_own_rows([&](Index, const LayerSpace<T>& layer, Rows rows) {
      const auto fill = [&](const void* from, T* to) {
        layer.shape.for_panels(rows, [&](Index size, Index place, Index) { zero(to + place, size); });
        pack(layer.shape, rows, static_cast<const T*>(from), to);
      };
      fill(job.theta, layer.P);
      for (int s = 0; s < job.plan.optimizer.slots && layer.slots[s]; ++s) fill(job.slots[s], layer.slots[s]);
      if (layer.D && !layer.shape.along_inputs && is_first()) zero(layer.D, layer.shape.D.size());
    });
    if (space.embeddings.E) load_embeddings();
    for (Index l = 0; l < space.L; ++l) load_ones(space.layers[l], job.network.widths[l]);
    job.barrier->wait();
    refresh_D();
    job.barrier->wait();
  }

  // Copies the weights to where the deltas' product reads them; of the first layer those of embeddings alone.
  void refresh_D() const {
    for_own_rows([&](Index l, const LayerSpace<T>& layer, Rows rows) {
      if (!layer.D || layer.shape.along_inputs) return;
      if (l == 1) rows.first = larger(rows.first, job.network.n_numbers());
      refresh(layer.shape, rows, layer.P, layer.D);
    });
  }

  void store_gradient() const {
    for_own_rows([&](Index, const LayerSpace<T>& layer, Rows rows) {
      unpack(layer.shape, rows, layer.G, static_cast<T*>(job.new_theta));
    });
    store_entries(space.embeddings.G, job.new_theta);
  }

  void store_parameters() const {
    for_own_rows([&](Index, const LayerSpace<T>& layer, Rows rows) {
      unpack(layer.shape, rows, layer.P, static_cast<T*>(job.new_theta));
      for (int s = 0; s < job.plan.optimizer.slots; ++s) {
        unpack(layer.shape, rows, layer.slots[s], static_cast<T*>(job.new_slots[s]));
      }
    });
    store_entries(space.embeddings.E, job.new_theta);
    for (int s = 0; s < job.plan.optimizer.slots; ++s) store_entries(space.embeddings.slots[s], job.new_slots[s]);
  }

 private:
  void load_embeddings() const {
    load_entries(job.theta, space.embeddings.E);
    for (int s = 0; s < job.plan.optimizer.slots; ++s) load_entries(job.slots[s], space.embeddings.slots[s]);
  }

  void load_entries(const void* flat, T* to) const {
    const auto [first, last] = own_entries();
    zero(to + first, round_up(last - first, LANES<T>));
    __builtin_memcpy(to + first, static_cast<const T*>(flat) + space.embeddings.place + first, bytes(last - first));
  }

  void store_entries(const T* from, void* flat) const {
    const auto [first, last] = own_entries();
    __builtin_memcpy(static_cast<T*>(flat) + space.embeddings.place + first, from + first, bytes(last - first));
  }

  static std::size_t bytes(Index count) { return static_cast<std::size_t>(count) * sizeof(T); }

  void load_ones(const LayerSpace<T>& layer, Index width) const {
    if (!layer.A) return;
    const auto [first, last] = share(space.rows);
    for (Index r = first; r < last; ++r) {
      zero(layer.A + (r + 1) * layer.stride - LANES<T>, LANES<T>);
      layer.A[r * layer.stride + width] = 1;
    }
  }
};

}  // namespace chainrule::CHAINRULE_ISA
