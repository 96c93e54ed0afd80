// Where threads wait for one another, twice a step: spinning at first, since most waits take less than a microsecond.
#pragma once

#include <atomic>

namespace chainrule {

class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}

  void wait();  // not inline: it must not be compiled for an instruction set that the machine may lack

 private:
  const int threads_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> round_{0};
};

}  // namespace chainrule
