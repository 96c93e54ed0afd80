// Computing without the interpreter's lock, also while the interpreter ends.
//
// A daemon thread that asks for the lock back after the interpreter has begun to end is killed inside the asking, by
// an unwinding that no C++ frame may survive. So such a thread is parked instead: the process is about to end anyway.
#pragma once

#include <nanobind/nanobind.h>

#include <exception>
#include <utility>

namespace chainrule {

void take_back(PyThreadState* state);
void park_threads_at_exit();

// Runs `work`, which must not touch a Python object, with the lock released.
template <class Work>
void without_gil(Work&& work) {
  PyThreadState* state = PyEval_SaveThread();
  std::exception_ptr error;
  try {
    std::forward<Work>(work)();
  } catch (...) {
    error = std::current_exception();
  }
  take_back(state);
  if (error) std::rethrow_exception(error);
}

}  // namespace chainrule
