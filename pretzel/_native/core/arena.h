// Bump allocator for one thread: a request takes what it needs and gives all of it back at its end.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pretzel {

/// Grows while a request is larger than any before it, then never again: the steady state allocates nothing.
class Arena {
 public:
  Arena() = default;
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// 64-byte aligned, uninitialised; nullptr when the system has no memory. Valid until `release` or `reset`.
  void* alloc(size_t bytes) noexcept {
    const size_t need = (bytes + 63) & ~size_t{63};
    if (need > limit_ - used_) return grow(need);
    void* p = base_ + used_;
    used_ += need;
    return p;
  }
  template <class T>
  T* alloc_n(size_t n) noexcept {
    if (n > SIZE_MAX / sizeof(T) - 64) return nullptr;
    return static_cast<T*>(alloc(n * sizeof(T)));
  }

  struct Mark {
    void* block;
    size_t used;
  };
  /// Everything allocated after `mark()` is given back by `release(mark)`.
  Mark mark() const noexcept { return {block_, used_}; }
  void release(Mark mark) noexcept {
    if (mark.block == block_) {
      used_ = mark.used;
    } else {
      drop_since(mark);
    }
  }

  /// Ends a request: merges blocks into one, and returns memory above `keep` bytes to the system.
  void reset(size_t keep = size_t{8} << 20) noexcept;

 private:
  struct Block;
  void* grow(size_t need) noexcept;
  void drop_since(Mark mark) noexcept;
  static void drop(Block* block) noexcept;

  char* base_ = nullptr;
  size_t used_ = 0;
  size_t limit_ = 0;
  void* block_ = nullptr;  // newest Block
};

/// Bytes held by all arenas of this process.
int64_t arena_bytes() noexcept;

/// Waits until an arena has grown, or `stop_waiting` was called, since this returned `seen`.
uint32_t wait_for_growth(uint32_t seen) noexcept;
void stop_waiting() noexcept;

}  // namespace pretzel
