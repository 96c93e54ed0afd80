// The four things an engine does, each one job. The GIL is released around the computation alone, when every
// array is held by an argument of the caller and nothing touches a Python object any more.
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "../dispatch.hpp"
#include "../run.hpp"
#include "arguments.hpp"
#include "gil.hpp"

namespace chainrule {

using namespace nb::literals;

namespace {

const Engine& engine_for(nb::dlpack::dtype dtype) {
  if (dtype == nb::dtype<float>()) return chosen_instruction_set().float32;
  if (dtype == nb::dtype<double>()) return chosen_instruction_set().float64;
  throw std::invalid_argument("parameters must be float32 or float64.");
}

void check_size(std::size_t size, std::size_t needed, const char* what) {
  if (size != needed) {
    throw std::invalid_argument(std::string(what) + " must have " + std::to_string(needed) + " entries, got " +
                                std::to_string(size) + ".");
  }
}

template <class Vector>
Job job_of(Task task, int threads, const NetworkArgument& network, const TableArgument& X, const Vector& theta) {
  check_size(theta.shape(0), network.n_parameters(), "theta");
  check_size(static_cast<std::size_t>(X.n), network.n_columns(), "a row of X");
  if (X.view.starts && !network.embeddings.empty()) throw std::invalid_argument("embeddings need a dense table.");
  if (threads < 1) throw std::invalid_argument("threads must be at least 1.");
  Job job{};
  job.task = task;
  job.network = network.view();
  job.examples.X = X.view;
  job.m = X.m;
  job.threads = threads;
  job.theta = theta.data();
  return job;
}

template <class Vector>
Job job_of(Task task, int threads, const NetworkArgument& network, const ExamplesArgument& examples,
           const Vector& theta) {
  Job job = job_of(task, threads, network, examples.X, theta);
  check_size(static_cast<std::size_t>(examples.Y.n), static_cast<std::size_t>(network.widths.back()), "a row of Y");
  job.examples = examples.view();
  job.m = examples.m();
  return job;
}

void check_keys(const Job& job) {
  if (job.network.dropout && !job.examples.keys) throw std::invalid_argument("dropout needs the keys of the rows.");
}

void run_released(Job& job, const Engine& engine, Memory& memory) {
  without_gil([&] { run(job, engine, memory); });
}

// Theta, then the optimiser's slots.
template <class Vectors>
void check_state(const Vectors& state, const NetworkArgument& network, const PlanArgument& plan,
                 nb::dlpack::dtype type) {
  check_size(state.size(), static_cast<std::size_t>(plan.view.optimizer.slots + 1), "state");
  for (const auto& vector : state) {
    check_size(vector.shape(0), network.n_parameters(), "a vector of the state");
    if (vector.dtype() != type) throw std::invalid_argument("slots must have the dtype of theta.");
  }
}

nb::tuple run_segment(Memory& memory, std::uint64_t follows, int threads, const NetworkArgument& network,
                      const PlanArgument& plan, const ExamplesArgument& examples, const std::vector<InVector>& state,
                      const std::vector<InOut>& new_state, In<std::int64_t> order, In<double> rates,
                      std::int64_t first_step, Out<double> losses) {
  if (state.empty()) throw std::invalid_argument("state must begin with theta.");
  const InVector& theta = state.front();
  check_state(state, network, plan, theta.dtype());
  check_state(new_state, network, plan, theta.dtype());
  Job job = job_of(Task::segment, threads, network, examples, theta);
  check_places(order, job.m, "order");
  job.plan = plan.view;
  job.order = order.data();
  job.m = static_cast<std::int64_t>(order.shape(0));
  const std::int64_t size = job.plan.batch_size, steps = (job.m + size - 1) / size;
  check_size(rates.shape(0), static_cast<std::size_t>(steps), "rates");
  check_size(losses.shape(0), static_cast<std::size_t>(steps), "losses");
  if (plan.mu)
    check_size(std::min<std::size_t>(plan.mu->shape(0), static_cast<std::size_t>(first_step + steps + 1)),
               static_cast<std::size_t>(first_step + steps + 1), "mu");
  check_keys(job);
  job.follows = follows;
  job.new_theta = new_state.front().data();
  for (std::size_t slot = 1; slot < state.size(); ++slot) {
    job.slots[slot - 1] = state[slot].data();
    job.new_slots[slot - 1] = new_state[slot].data();
  }
  job.rates = rates.data();
  job.first_step = first_step;
  job.losses = losses.data();
  run_released(job, engine_for(theta.dtype()), memory);
  return nb::make_tuple(job.gradient_norm, job.diverged, job.number);
}

// Limits a job to `count` examples from `first` on.
void take_part(Job& job, std::int64_t first, std::int64_t count) {
  if (first < 0 || count < 0 || count > job.m - first)
    throw std::out_of_range("first and count must lie in the examples.");
  job.first = first;
  job.m = count;
}

std::vector<double> block_losses(Memory& memory, int threads, const NetworkArgument& network,
                                 const ExamplesArgument& examples, InVector theta, std::int64_t first,
                                 std::int64_t count) {
  Job job = job_of(Task::mean_loss, threads, network, examples, theta);
  take_part(job, first, count);
  std::vector<double> losses(static_cast<std::size_t>((job.m + BLOCK - 1) / BLOCK));
  job.losses = losses.data();
  run_released(job, engine_for(theta.dtype()), memory);
  return losses;
}

void logits(Memory& memory, int threads, const NetworkArgument& network, const TableArgument& X, InVector theta,
            nb::ndarray<nb::ndim<2>, nb::c_contig, nb::device::cpu> out) {
  Job job = job_of(Task::logits, threads, network, X, theta);
  check_size(out.size(), static_cast<std::size_t>(X.m * network.widths.back()), "out");
  if (out.dtype() != theta.dtype()) throw std::invalid_argument("out must have the dtype of theta.");
  job.logits = out.data();
  run_released(job, engine_for(theta.dtype()), memory);
}

std::vector<double> sum_gradient(Memory& memory, int threads, const NetworkArgument& network,
                                 const ExamplesArgument& examples, InVector theta, std::int64_t first,
                                 std::int64_t count, Out<double> gradient) {
  Job job = job_of(Task::gradient, threads, network, examples, theta);
  take_part(job, first, count);
  check_size(gradient.shape(0), theta.shape(0), "gradient");
  job.gradient = gradient.data();
  std::vector<double> losses(static_cast<std::size_t>((job.m + CHUNK - 1) / CHUNK));
  job.losses = losses.data();
  run_released(job, engine_for(theta.dtype()), memory);
  return losses;
}

double batch_gradient(Memory& memory, int threads, const NetworkArgument& network, const ExamplesArgument& examples,
                      InVector theta, std::uint64_t seed, std::int64_t step, InOut gradient) {
  Job job = job_of(Task::batch_gradient, threads, network, examples, theta);
  check_keys(job);
  check_size(gradient.shape(0), theta.shape(0), "gradient");
  if (gradient.dtype() != theta.dtype()) throw std::invalid_argument("gradient must have the dtype of theta.");
  double loss = 0;
  job.plan.seed = seed;
  job.first_step = step;
  job.new_theta = gradient.data();
  job.losses = &loss;
  run_released(job, engine_for(theta.dtype()), memory);
  return loss;
}

}  // namespace

void bind_jobs(nb::module_& m) {
  nb::class_<Memory>(m, "Memory", "The block that jobs work in; one job at a time.").def(nb::init<>());
  m.def("run_segment", run_segment, "memory"_a, "follows"_a, "threads"_a, "network"_a, "plan"_a, "examples"_a,
        "state"_a, "new_state"_a, "order"_a, "rates"_a, "first_step"_a, "losses"_a,
        "Take one step per rate from `state`, theta and the slots, to `new_state`. Returns the last gradient's length, "
        "the first step whose loss or gradient was not finite or -1, and this job's number. If `follows` is the number "
        "of the memory's last job, `state` must be what that job left: it need not be read again.");
  m.def("block_losses", block_losses, "memory"_a, "threads"_a, "network"_a, "examples"_a, "theta"_a, "first"_a,
        "count"_a, "The weighted losses of `count` examples from `first` on, summed over blocks of rows.");
  m.def("logits", logits, "memory"_a, "threads"_a, "network"_a, "X"_a, "theta"_a, "out"_a,
        "Write Z[L] of every row to a table of one row each.");
  m.def("sum_gradient", sum_gradient, "memory"_a, "threads"_a, "network"_a, "examples"_a, "theta"_a, "first"_a,
        "count"_a, "gradient"_a,
        "Add the gradient of the loss summed over `count` examples from `first` on to `gradient`; returns the losses, "
        "summed over chunks of rows.");
  m.def(
      "batch_gradient", batch_gradient, "memory"_a, "threads"_a, "network"_a, "examples"_a, "theta"_a, "seed"_a,
      "step"_a, "gradient"_a,
      "Write the gradient of the loss summed over the examples, dropped out as in step `step`, to `gradient`; returns "
      "the loss.");
}

}  // namespace chainrule
