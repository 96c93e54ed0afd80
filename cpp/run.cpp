#include "run.hpp"

#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "barrier.hpp"

namespace chainrule {

void run(Job& job, const Engine& engine, Memory& memory) {
  const std::lock_guard alone(memory.in_use);
  void* workspace = memory.block(engine.workspace_bytes(job));
  std::atomic<bool> ready{false};
  std::vector<std::jthread> team;
  try {
    for (int thread = 1; thread < job.threads; ++thread) {
      team.emplace_back([&, thread] {
        ready.wait(false, std::memory_order_acquire);
        engine.work(job, workspace, thread);
      });
    }
  } catch (const std::system_error&) {
    job.threads = static_cast<int>(team.size()) + 1;  // the system has no more threads: those there are share the work
  }
  Barrier barrier(job.threads);
  job.barrier = &barrier;
  engine.prepare(job, workspace);
  ready.store(true, std::memory_order_release);
  ready.notify_all();
  engine.work(job, workspace, 0);
  team.clear();  // joins, while the barrier still exists
}

}  // namespace chainrule
