// All memory of one job, laid out in one block: parameters packed, and A, g'(Z), dZ of the examples at hand.
#pragma once

#include "embeddings.hpp"
#include "gradient.hpp"
#include "losses.hpp"
#include "optimizers.hpp"

namespace chainrule::CHAINRULE_ISA {

constexpr int MAX_SLOTS = 2;

// Hands out parts of a block, or only counts them where there is no block yet.
class Arena {
 public:
  explicit Arena(void* block) : block_(static_cast<char*>(block)) {}

  template <class T>
  T* take(Index count) {
    const Index start = size_;
    size_ += round_up(count * static_cast<Index>(sizeof(T)), 64);
    return block_ ? reinterpret_cast<T*>(block_ + start) : nullptr;
  }

  Index size() const { return size_; }

 private:
  char* block_;
  Index size_ = 0;
};

template <class T>
struct LayerSpace {
  T *P, *D, *G, *slots[MAX_SLOTS];  // packed parameters, W for the deltas, gradient sums, the optimiser's slots
  T *A, *slope, *dZ;                // of this layer's output, one example after the other
  Index stride;
  Layer<T> shape;
};

// All E as one row.
template <class T>
struct EmbeddingSpace {
  Index entries, place;         // how many, and where they begin in the flat vector
  T *E, *G, *slots[MAX_SLOTS];  // with room for whole blocks; E only for training, which changes it
  Index* vectors;               // of the examples at hand: where the vectors of their levels begin
};

template <class T>
struct ThreadSpace {
  Rows* rows;         // of each layer's P that it owns
  Index* places;      // in the tables, of the examples at hand
  Vec<T>*z, *y, *dZ;  // LANES examples' logits, targets and deltas
  TileSpace<T> tiles;
  Entries<T> entries;
  DrawSpace draws;
};

// A row of A has its units, then the constant 1 of the bias.
template <class T>
constexpr Index stride_of(Index n) {
  return (n / LANES<T> + 1) * LANES<T>;
}

inline bool goes_back(Task task) {
  return task == Task::segment || task == Task::gradient || task == Task::batch_gradient;
}

template <class T>
struct Workspace {
  Index L, rows, n_squares;  // layers, examples that fit, squares of all P and E
  LayerSpace<T>* layers;     // 0 to L
  EmbeddingSpace<T> embeddings;
  ThreadSpace<T>* threads;
  T *Y, *weights;  // of the examples at hand
  double* row_losses;
  Squares* squares;     // of the gradient, by rows of P, or vectors of its one row, then by blocks of E
  Index* first_square;  // of each layer; of L + 1: of the embeddings
  T* finite;            // one for each thread: infinite or NaN if its gradient is
  double* loss;

  Workspace(const Job& job, Arena& arena) : L(job.network.L), n_squares(0) {
    const Index* widths = job.network.widths;
    const bool trains = job.task == Task::segment, backward = goes_back(job.task);
    const Index n = widths[L], threads_ = job.threads;
    rows = backward ? smaller(CHUNK, trains ? smaller(job.plan.batch_size, job.m) : job.m) : threads_ * BLOCK;
    rows = larger(rows, 1);
    layers = arena.take<LayerSpace<T>>(L + 1);
    threads = arena.take<ThreadSpace<T>>(threads_);
    first_square = arena.take<Index>(L + 2);
    loss = arena.take<double>(1);
    finite = arena.take<T>(threads_);
    Index W = 0, b = 0;  // places in the flat vector: all weights, then all biases
    for (Index l = 1; l <= L; ++l) b += widths[l] * widths[l - 1];
    for (Index l = 0; l <= L; ++l) {
      LayerSpace<T> space{};
      space.stride = stride_of<T>(widths[l]);
      const bool sparse_input = l == 0 && job.examples.X.starts;
      if (l < L && !sparse_input) space.A = arena.take<T>(rows * space.stride + 2 * LANES<T>);  // read by whole vectors
      if (l == 0 && backward && job.network.n_embeddings) space.dZ = arena.take<T>(rows * space.stride);  // dA[0]
      if (l > 0) {
        const Index units = widths[l], p = widths[l - 1];
        const bool along_inputs = l == L && units == 1 && !(l == 1 && job.examples.X.starts);
        space.shape = {units, p, W, b, {p + 1, units}, {units, p}, along_inputs};
        if (along_inputs) {
          space.shape.P = {1, p + 1};
          space.stride = 1;
        }
        take_layer(job, arena, l, backward, space);
        W += units * p;
        b += units;
      }
      if (layers) {
        layers[l] = space;
        first_square[l] = n_squares;
      }
      n_squares += space.shape.along_inputs ? space.shape.P.width() / LANES<T> : space.shape.P.rows;
    }
    take_embeddings(job, arena, b, backward);
    if (layers) first_square[L + 1] = n_squares;
    n_squares += n_blocks(embeddings.entries);
    squares = arena.take<Squares>(trains ? n_squares : 0);
    Y = arena.take<T>(rows * n);
    weights = arena.take<T>(rows);
    row_losses = arena.take<double>(rows);
    for (int t = 0; t < threads_; ++t) take_thread(job, arena, t);
  }

 private:
  void take_layer(const Job& job, Arena& arena, Index l, bool backward, LayerSpace<T>& space) {
    const Layer<T>& layer = space.shape;
    space.P = arena.take<T>(layer.P.size());
    space.dZ = arena.take<T>(rows * space.stride);
    if (!backward) return;
    space.G = arena.take<T>(layer.P.size());
    if (l > 1 || job.network.n_embeddings) space.D = layer.along_inputs ? space.P : arena.take<T>(layer.D.size());
    if (l < L && !slope_from_value(job.network.hidden[l - 1])) space.slope = arena.take<T>(rows * space.stride);
    if (job.task != Task::segment) return;
    for (int s = 0; s < job.plan.optimizer.slots; ++s) space.slots[s] = arena.take<T>(layer.P.size());
  }

  void take_embeddings(const Job& job, Arena& arena, Index place, bool backward) {
    EmbeddingSpace<T> space{};
    space.entries = n_entries(job.network);
    space.place = place;
    space.vectors = arena.take<Index>(rows * job.network.n_embeddings);
    const Index size = n_blocks(space.entries) * ENTRIES;
    if (backward) space.G = arena.take<T>(size);
    if (job.task == Task::segment) {
      space.E = arena.take<T>(size);
      for (int s = 0; s < job.plan.optimizer.slots; ++s) space.slots[s] = arena.take<T>(size);
    }
    embeddings = space;
  }

  void take_thread(const Job& job, Arena& arena, int t) {
    const Index n = job.network.widths[L];
    Index widest = 1;
    for (Index l = 0; l <= L; ++l) widest = larger(widest, job.network.widths[l]);
    ThreadSpace<T> space{};
    space.rows = arena.take<Rows>(L + 1);
    space.places = arena.take<Index>(rows);
    space.z = arena.take<Vec<T>>(n);
    space.y = arena.take<Vec<T>>(n);
    space.dZ = arena.take<Vec<T>>(n);
    if (goes_back(job.task)) {
      space.tiles.factors = arena.take<T>(TileSpace<T>::n_factors(widest + 1, rows));
      space.tiles.columns = arena.take<T>(TileSpace<T>::n_columns(rows));
      space.tiles.sums = arena.take<T>(TileSpace<T>::n_sums);
    }
    const Index most = job.examples.X.most_entries;
    space.entries = {most, arena.take<std::int32_t>(most), arena.take<T>(most)};
    const Index counters = job.network.dropout ? DrawSpace::n_counters(widest) : 0;
    space.draws = {arena.take<Word>(counters), arena.take<Word>(counters), arena.take<Word>(4 * counters)};
    if (!threads) return;
    threads[t] = space;
    for (Index l = 1; l <= L; ++l)
      space.rows[l] = rows_of_thread(layers[l].shape, l > 1 || job.network.n_embeddings, t, job.threads);
  }
};

}  // namespace chainrule::CHAINRULE_ISA
