// Time per step of a program, and which requests are timed at all.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace pretzel {

/// Time of each step, scaled up from the requests that were timed step by step. Safe for any number of threads.
class StepTimers {
 public:
  struct Timer {
    std::atomic<int64_t> ns{0};
    std::atomic<int64_t> rows{0};
    std::atomic<int64_t> runs{0};
  };

  /// To be called once, before any thread uses the timers.
  void resize(size_t steps) { timers_ = std::make_unique<Timer[]>(steps); }
  const Timer& operator[](size_t step) const noexcept { return timers_[step]; }

  /// Adds the times of `n` steps over `rows` rows, from one request that stands for `weight` requests like it.
  void add(const int64_t* ns, size_t n, int64_t rows, int64_t weight) noexcept {
    for (size_t i = 0; i < n; ++i) {
      timers_[i].ns.fetch_add(ns[i] * weight, std::memory_order_relaxed);
      timers_[i].rows.fetch_add(rows * weight, std::memory_order_relaxed);
      timers_[i].runs.fetch_add(weight, std::memory_order_relaxed);
    }
  }

 private:
  std::unique_ptr<Timer[]> timers_;
};

/// Chooses the requests of one thread that are timed.
struct Sampler {
  static constexpr int32_t kPeriod = 64;     // requests for each that is timed
  static constexpr int32_t kStepPeriod = 8;  // timed requests for each that is timed step by step
  int32_t countdown = kPeriod;
  int32_t step_countdown = 1;

  bool due() noexcept {
    if (--countdown > 0) return false;
    countdown = kPeriod;
    return true;
  }
  bool steps_due() noexcept {
    if (--step_countdown > 0) return false;
    step_countdown = kStepPeriod;
    return true;
  }
};

}  // namespace pretzel
