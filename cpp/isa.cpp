// Compiled once for every instruction set: its engine, for both types.
#include "evaluate.hpp"
#include "segment.hpp"

namespace chainrule::CHAINRULE_ISA {

template <class T>
std::size_t workspace_bytes(const Job& job) {
  Arena arena(nullptr);
  arena.take<Workspace<T>>(1);
  const Workspace<T> space(job, arena);
  return static_cast<std::size_t>(arena.size());
}

template <class T>
void prepare(const Job& job, void* block) {
  Arena arena(block);
  auto* space = arena.take<Workspace<T>>(1);
  *space = Workspace<T>(job, arena);
}

template <class T>
void work(Job& job, const void* block, int thread) {
  const Worker<T> own{job, *static_cast<const Workspace<T>*>(block), thread};
  if (job.follows == 0) own.load_parameters();
  if (job.task == Task::segment) return Segment<T>(own).run();
  if (job.task == Task::gradient) return sum_gradient(own);
  if (job.task == Task::batch_gradient) return batch_gradient(own);
  evaluate(own);
}

template <class T>
double multiply(Index repetitions) {
  constexpr Index K = 192, rows = TILE_ROWS<TILE_VECTORS>, columns = PANEL<T>;  // all in the first-level cache
  alignas(64) T a[rows * K], b[K * columns], C[rows * columns] = {};
  auto* volatile kernel = tile<T, rows, TILE_VECTORS>;  // volatile: the compiler may not see through it
  for (T& entry : a) entry = T(1e-3);
  for (T& entry : b) entry = T(1e-3);
  for (Index i = 0; i < repetitions; ++i) kernel(K, a, 1, rows, b, columns, C, columns, i > 0);
  return 2.0 * rows * K * columns * static_cast<double>(repetitions) + static_cast<double>(C[0]);
}

template <class T>
constexpr Engine engine{workspace_bytes<T>, prepare<T>, work<T>, multiply<T>};

#define CHAINRULE_STRING(name) #name
#define CHAINRULE_NAME_OF(isa) CHAINRULE_STRING(isa)

extern const InstructionSet instruction_set;
const InstructionSet instruction_set{CHAINRULE_NAME_OF(CHAINRULE_ISA), engine<float>, engine<double>};

}  // namespace chainrule::CHAINRULE_ISA
