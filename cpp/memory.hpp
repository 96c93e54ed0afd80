// The block of memory that jobs work in, kept from one job to the next.
#pragma once

#include <cstddef>
#include <cstdint>
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

  // What the last job left, enough to know whether a segment may go on with it.
  struct Layout {
    std::size_t bytes = 0;
    int threads = 0;
    std::int64_t rows = 0;

    bool operator==(const Layout&) const = default;
  } layout;
  std::uint64_t jobs = 0;  // how many have begun: the last one's number

 private:
  void* block_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace chainrule
