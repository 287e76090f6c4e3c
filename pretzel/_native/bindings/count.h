// Counters and the mutex of the bindings. Under the GIL both are plain code. In a free-threaded build of Python, whose
// headers come first and define Py_GIL_DISABLED, any number of threads may use them at once.
#pragma once

#include <cstdint>

#ifdef Py_GIL_DISABLED
#include <atomic>
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

/// Python's own mutex, one byte, where threads run without the GIL; nothing where the GIL is held. The code under it
/// neither runs Python code nor releases the GIL.
class Mutex {
 public:
#ifdef Py_GIL_DISABLED
  void lock() noexcept { PyMutex_Lock(&mutex_); }
  void unlock() noexcept { PyMutex_Unlock(&mutex_); }

 private:
  PyMutex mutex_{};
#else
  void lock() noexcept {}
  void unlock() noexcept {}
#endif
};

}  // namespace pretzel
