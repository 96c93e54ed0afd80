#include "memory.hpp"

#include <cstdlib>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace chainrule {

namespace {

constexpr std::size_t LINE = 64, HUGE_PAGE = std::size_t{1} << 21;

}  // namespace

Memory::~Memory() {
  std::free(block_);
}

void* Memory::block(std::size_t bytes) {
  if (bytes <= size_) return block_;
  std::free(block_);
  block_ = nullptr;
  size_ = 0;
  const std::size_t alignment = bytes < 2 * HUGE_PAGE ? LINE : HUGE_PAGE;
  const std::size_t size = (bytes + alignment - 1) / alignment * alignment;
  if (size < bytes) throw std::bad_alloc();
  block_ = std::aligned_alloc(alignment, size);
  if (!block_) throw std::bad_alloc();
  size_ = size;
#if defined(__linux__)
  if (alignment == HUGE_PAGE) madvise(block_, size, MADV_HUGEPAGE);  // fewer page faults and misses of their table
#endif
  return block_;
}

}  // namespace chainrule
