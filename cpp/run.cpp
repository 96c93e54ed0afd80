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

// Numbers too small for a full exponent count as zero while this lives. Each costs the processor a hundred cycles, and
// the running mean of a gradient that has become zero decays into them and stays there.
class FlushToZero {
 public:
  FlushToZero() : before_(control()) { set(before_ | BITS); }
  ~FlushToZero() { set(before_); }
  FlushToZero(const FlushToZero&) = delete;
  FlushToZero& operator=(const FlushToZero&) = delete;

 private:
#if defined(__x86_64__)
  using Control = unsigned;
  static constexpr Control BITS = 0x8040;  // results, and operands
  static Control control() { return __builtin_ia32_stmxcsr(); }
  static void set(Control bits) { __builtin_ia32_ldmxcsr(bits); }
#elif defined(__aarch64__)
  using Control = std::uint64_t;
  static constexpr Control BITS = 1 << 24;  // both
  static Control control() {
    Control bits;
    __asm__ volatile("mrs %0, fpcr" : "=r"(bits));
    return bits;
  }
  static void set(Control bits) { __asm__ volatile("msr fpcr, %0" : : "r"(bits)); }
#else
  using Control = int;
  static constexpr Control BITS = 0;
  static Control control() { return 0; }
  static void set(Control) {}
#endif
  const Control before_;
};

void work(Job& job, const Engine& engine, const void* workspace, int thread) {
  const FlushToZero flush;
  engine.work(job, workspace, thread);
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
        work(job, engine, workspace, thread);
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
  work(job, engine, workspace, 0);
  team.clear();  // joins, while the barrier still exists
}

}  // namespace chainrule
