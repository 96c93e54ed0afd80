#include "gil.hpp"

#include <atomic>
#include <chrono>
#include <thread>

namespace chainrule {

namespace {

std::atomic<bool> exiting{false};
std::atomic<int> returning{0};  // threads that are asking for the lock

[[noreturn]] void park() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

// Runs before the interpreter ends: from here on nobody asks for the lock, and who already has gets it.
void prepare_exit() {
  exiting = true;
  PyThreadState* state = PyEval_SaveThread();
  while (returning > 0) std::this_thread::yield();
  PyEval_RestoreThread(state);
}

}  // namespace

void take_back(PyThreadState* state) {
  ++returning;
  if (exiting) {
    --returning;
    park();
  }
  PyEval_RestoreThread(state);
  --returning;
}

void park_threads_at_exit() {
  namespace nb = nanobind;
  nb::module_::import_("atexit").attr("register")(nb::cpp_function(prepare_exit));
}

}  // namespace chainrule
