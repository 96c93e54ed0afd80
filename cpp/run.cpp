#include "run.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

#include "barrier.hpp"

#if defined(__linux__)
#include <sched.h>
#endif

namespace chainrule {

namespace {

int current_core() {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

// Moves this thread off its creator's core, where the system often starts it and may leave it for milliseconds, both
// sharing one core while another is free. Only for the moment: afterwards it may run wherever it might before.
void leave_core([[maybe_unused]] int core) {
#if defined(__linux__)
  cpu_set_t granted;
  if (core < 0 || core >= CPU_SETSIZE || sched_getaffinity(0, sizeof granted, &granted) != 0) return;
  cpu_set_t others = granted;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof granted, &granted);
#endif
}

}  // namespace

void run(Job& job, const Engine& engine, Memory& memory) {
  const std::lock_guard alone(memory.in_use);
  const std::size_t bytes = engine.workspace_bytes(job);
  const std::uint64_t before = memory.jobs++;
  void* workspace = memory.block(bytes);
  std::atomic<bool> ready{false};
  std::vector<std::jthread> team;
  team.reserve(static_cast<std::size_t>(job.threads - 1));
  try {
    for (int thread = 1; thread < job.threads; ++thread) {
      team.emplace_back([&, thread, core = current_core()] {
        leave_core(core);
        while (!ready.load(std::memory_order_acquire)) std::this_thread::yield();  // microseconds: no need to sleep
        engine.work(job, workspace, thread);
      });
    }
  } catch (const std::exception&) {                   // no thread, or no memory for one
    job.threads = static_cast<int>(team.size()) + 1;  // those there are share the work
  }
  Barrier barrier(job.threads);
  job.barrier = &barrier;
  engine.prepare(job, workspace);
  const Memory::Layout layout{bytes, job.threads, std::min(job.plan.batch_size, job.m)};
  if (job.follows != before || layout != memory.layout) job.follows = 0;
  memory.layout = layout;
  job.number = memory.jobs;
  ready.store(true, std::memory_order_release);
  engine.work(job, workspace, 0);
  team.clear();  // joins, while the barrier still exists
}

}  // namespace chainrule
