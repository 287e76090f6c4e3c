// Counters and locks of the bindings. With the GIL they are what a single thread needs, at no cost. In a build of
// Python without it, whose headers come first and define Py_GIL_DISABLED, any number of threads may use them at once.
#pragma once

#include <cstdint>

#ifdef Py_GIL_DISABLED
#include <atomic>
#include <mutex>
#endif

namespace pretzel {

/// A number that threads add to; a sum wraps around.
class Count {
 public:
#ifdef Py_GIL_DISABLED
  /// Returns the sum.
  uint64_t add(uint64_t n) noexcept { return n_.fetch_add(n, std::memory_order_relaxed) + n; }
  uint64_t get() const noexcept { return n_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> n_{0};
#else
  uint64_t add(uint64_t n) noexcept { return n_ += n; }
  uint64_t get() const noexcept { return n_; }

 private:
  uint64_t n_ = 0;
#endif
};

/// Held for a few instructions in which nothing waits or runs Python code: Python stops its threads before it forks or
/// collects, and none of them stops there.
class Latch {
 public:
#ifdef Py_GIL_DISABLED
  void lock() noexcept { mutex_.lock(); }
  void unlock() noexcept { mutex_.unlock(); }

 private:
  std::mutex mutex_;
#else
  void lock() noexcept {}
  void unlock() noexcept {}
#endif
};

}  // namespace pretzel
