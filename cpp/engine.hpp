// What the engine is asked to do, as plain data that every instruction set understands.
//
// Orientation: a C-ordered table (m, n) is a column-major matrix (n, m). Buffers here hold one example after the
// other, which is the textbook's matrix with its columns contiguous; nothing is ever transposed on the way in or out.
// Parameters enter and leave as the flat vector of parameters.py: W[1] to W[L], each (n, p) by rows, then b[1] to b[L],
// then the embeddings, one level's vector after the other.
#pragma once

#include <cstddef>
#include <cstdint>

namespace chainrule {

// clang-format off
#define CHAINRULE_ACTIVATIONS(X) \
  X(identity) X(sigmoid) X(tanh) X(relu) X(leaky_relu) X(elu) X(selu) X(gelu) X(silu) X(softplus) X(mish) X(hard_tanh) \
  X(exponential)
#define CHAINRULE_LOSSES(X) \
  X(binary_cross_entropy) X(categorical_cross_entropy) X(binary_focal) X(categorical_focal) X(hinge) X(squared_error) \
  X(absolute_error) X(huber) X(log_cosh) X(quantile) X(poisson) X(gamma) X(tweedie) X(quantiles)
#define CHAINRULE_OPTIMIZERS(X) X(sgd) X(momentum) X(nesterov) X(rmsprop) X(adagrad) X(adam) X(nadam)
#define CHAINRULE_NUMBERS(X) \
  X(float32, float) X(float64, double) \
  X(int8, std::int8_t) X(int16, std::int16_t) X(int32, std::int32_t) X(int64, std::int64_t) \
  X(uint8, std::uint8_t) X(uint16, std::uint16_t) X(uint32, std::uint32_t) X(uint64, std::uint64_t)
// clang-format on

#define CHAINRULE_NAME(name) name,
enum class ActivationKind { CHAINRULE_ACTIVATIONS(CHAINRULE_NAME) };
enum class LossKind { CHAINRULE_LOSSES(CHAINRULE_NAME) };
enum class OptimizerKind { CHAINRULE_OPTIMIZERS(CHAINRULE_NAME) };
#undef CHAINRULE_NAME
#define CHAINRULE_NAME(name, type) name,
enum class Number { CHAINRULE_NUMBERS(CHAINRULE_NAME) };
#undef CHAINRULE_NAME

struct Activation {
  ActivationKind kind;
  double parameter;  // negative_slope or alpha
};

struct Loss {
  LossKind kind;
  const double* parameters;  // label_smoothing, gamma, delta, quantile or power; or the quantile of each output
  Activation output;         // identity where the loss is computed from the logits
};

struct Dropout {
  std::uint64_t removed;  // a unit is removed if its random 32-bit word is below
  double factor;          // 1 / (1 - rate)
};

struct Embedding {
  std::int64_t column, levels, size;
};

struct Network {
  std::int64_t L;
  const std::int64_t* widths;  // n[0] to n[L]
  const Activation* hidden;    // g[1] to g[L-1]
  const Dropout* dropout;      // of A[0] to A[L-1]; null for none
  Loss loss;
  double l1, l2;
  std::int64_t n_embeddings;
  const Embedding* embeddings;
  const std::int64_t* numbers;  // where there are embeddings: the columns of the table that hold no codes

  std::int64_t n_numbers() const {
    std::int64_t count = widths[0];
    for (std::int64_t j = 0; j < n_embeddings; ++j) count -= embeddings[j].size;
    return count;
  }
};

// A table of numbers, dense with any strides (in elements) or in compressed sparse rows. Rows are examples.
struct Table {
  const void* data;
  Number number;
  std::int64_t row_stride, column_stride;
  const std::int64_t* starts;   // of each row among the entries; null if dense
  const std::int32_t* columns;  // of each entry
  std::int64_t most_entries;    // of any row
};

struct Examples {
  Table X, Y;
  const double* weights;  // of every row of the tables; null for none
  double mean_weight;
  const std::int64_t* rows;   // those that count; null for all
  const std::uint64_t* keys;  // of every row; null without dropout
};

struct Optimizer {
  OptimizerKind kind;
  double a, b, epsilon;           // momentum, or rho, or beta_1 and beta_2
  const double *mu, *mu_product;  // of nadam, indexed by the step counted from 0
  int slots;
};

struct Plan {
  Optimizer optimizer;
  std::int64_t batch_size;
  std::uint64_t seed;
  double weight_decay;
  double clip_norm, clip_value;  // infinity for none
};

enum class Task { segment, mean_loss, logits, gradient, batch_gradient };

class Barrier;

struct Job {
  Task task;
  Network network;
  Examples examples;
  Plan plan;
  int threads;
  Barrier* barrier;
  const std::int64_t* order;  // of the examples to visit; null for first, first + 1, ...
  std::int64_t first, m;      // m: how many
  const double* rates;        // one for each step of a segment
  std::int64_t first_step;
  const void* theta;  // the flat vector
  const void* slots[2];
  void *new_theta, *new_slots[2];  // out: after the segment, or the gradient of a batch
  std::uint64_t follows;  // the job that left theta and slots in the memory; run sets 0 if they are there no more
  std::uint64_t number;   // out: of this job
  double* losses;         // of each step, or of each block of rows
  double* gradient;       // of task gradient: float64, like theta
  double gradient_norm;   // out
  std::int64_t diverged;  // out: the step, counted from the segment's start; -1 for none
  void* logits;           // out: (m, n[L])
};

constexpr std::int64_t BLOCK = 256;   // rows evaluated at a time by one thread; sums go block by block, in order
constexpr std::int64_t CHUNK = 4096;  // examples of a batch whose A and Z exist at a time

// One instruction set's engine, for one floating-point type.
struct Engine {
  std::size_t (*workspace_bytes)(const Job&);
  void (*prepare)(const Job&, void* workspace);
  void (*work)(Job&, const void* workspace, int thread);  // what each thread runs
  double (*multiply)(std::int64_t repetitions);  // the kernel on data in the first-level cache; returns its flops
};

struct InstructionSet {
  const char* name;
  Engine float32, float64;
};

}  // namespace chainrule
