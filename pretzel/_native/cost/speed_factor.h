// The speed factor: how long this machine takes, relative to the machine that the coefficients were measured on.
//
// Corrects what all kernels have in common: a slower processor, a lower clock, another instruction set. It is learnt
// from the first timed requests of every program and used by programs of which no request has been timed, so that a
// model profits from the calls of the others before its own first call. No probe is run for it. Once a program has
// feedback of its own, the speed factor no longer reaches its estimates.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

namespace pretzel {

/// A running mean of logarithms. Safe for any number of threads: relaxed atomics, of updates that race one may be lost.
class alignas(64) SpeedFactor {
 public:
  double get() const noexcept { return factor_.load(std::memory_order_relaxed); }

  /// Learns from a request that took `ratio` times as long as its price.
  void observe(double ratio) noexcept {
    const int64_t seen = seen_.fetch_add(1, std::memory_order_relaxed) + 1;
    const double error = std::log(ratio / get());
    // A first guess may be far off. Later outliers are preempted threads, or one model with an unusual kernel.
    const double limit = seen <= kGuesses ? kMaxLog : kMaxError;
    const double moved = std::clamp(error, -limit, limit) * std::max(kMinRate, 1.0 / static_cast<double>(seen));
    const double log_factor = std::clamp(std::log(get()) + moved, -kMaxLog, kMaxLog);
    factor_.store(static_cast<float>(std::exp(log_factor)), std::memory_order_relaxed);
  }
  void reset() noexcept {
    factor_.store(1.0f, std::memory_order_relaxed);
    seen_.store(0, std::memory_order_relaxed);
  }

 private:
  static constexpr double kMaxLog = 2.77;   // the factor stays within 1/16 .. 16
  static constexpr double kMaxError = 1.0;  // of one request, after the first few
  static constexpr double kMinRate = 0.02;  // weight of one request in the long run
  static constexpr int64_t kGuesses = 3;

  std::atomic<float> factor_{1.0f};
  std::atomic<int64_t> seen_{0};
};

/// Of this process.
inline constinit SpeedFactor speed_factor;

}  // namespace pretzel
