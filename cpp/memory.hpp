// The block of memory that jobs work in, kept from one job to the next.
#pragma once

#include <cstddef>
#include <mutex>

namespace chainrule {

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  // At least so many bytes, aligned to a cache line; their contents are undefined. Throws std::bad_alloc.
  void* block(std::size_t bytes);

  std::mutex in_use;  // held by the job that works in it

 private:
  void* block_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace chainrule
