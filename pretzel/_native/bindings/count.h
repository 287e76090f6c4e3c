// Counters and locks of the bindings. With the GIL they are what a single thread needs, at no cost. In a build of
// Python without it, whose headers come first and define Py_GIL_DISABLED, any number of threads may use them at once.
#pragma once

#include <cstdint>

#ifdef Py_GIL_DISABLED
#include <atomic>
#include <thread>
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
/// collects, and none of them stops there. So whoever finds it taken need not sleep.
class Latch {
 public:
#ifdef Py_GIL_DISABLED
  void lock() noexcept {
    while (taken_.exchange(true, std::memory_order_acquire)) {
      for (int turn = 0; taken_.load(std::memory_order_relaxed); ++turn) {
        if (turn >= kTurns) std::this_thread::yield();  // the system has taken the core from who holds it
      }
    }
  }
  void unlock() noexcept { taken_.store(false, std::memory_order_release); }

 private:
  static constexpr int kTurns = 100;
  std::atomic<bool> taken_{false};
#else
  void lock() noexcept {}
  void unlock() noexcept {}
#endif
};

}  // namespace pretzel
