#include "barrier.hpp"

#include <thread>

namespace chainrule {

namespace {

constexpr int SPINS_BEFORE_YIELDING = 2000;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

void Barrier::wait() {
  if (threads_ == 1) return;
  const unsigned round = round_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    round_.store(round + 1, std::memory_order_release);
    return;
  }
  for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
    if (spins < SPINS_BEFORE_YIELDING) {
      pause();
    } else {
      std::this_thread::yield();  // there may be more threads than cores
    }
  }
}

}  // namespace chainrule
