// What the requests of one program have taken in fact: factors that bring its estimates up to date, beside the pace of
// the machine; time per step.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "cost/pace.h"

namespace pretzel {

/// Two parts of an estimate in nanoseconds: what each tile costs once, and what every further row and unit adds.
struct Estimate {
  double fixed;
  double slope;
};

/// Safe for any number of threads: relaxed atomics, and of updates that race one may be lost. Whoever only asks writes
/// nothing, so that threads which share a program do not fight for its cache line.
class Meter {
 public:
  static constexpr double kMost = 16.0;  // a factor stays within 1 / kMost .. kMost

  double corrected(Estimate e) const noexcept {
    return (e.fixed * fixed_factor() + e.slope * slope_factor()) * pace.factor();
  }
  /// So little is known that every request should be timed.
  bool young() const noexcept { return seen_.load(std::memory_order_relaxed) < kYoung; }
  /// Learns from a request that was estimated as `e` and took `nanoseconds`.
  void observe(Estimate e, double nanoseconds) noexcept;

  /// Units of a row in what was observed, on average lately; -1 before the first observation.
  double mean_units() const noexcept { return units_.load(std::memory_order_relaxed); }
  void note_units(int64_t rows, int64_t units) noexcept;

  double fixed_factor() const noexcept { return fixed_.load(std::memory_order_relaxed); }
  double slope_factor() const noexcept { return slope_.load(std::memory_order_relaxed); }

  /// Time of each step, scaled up from those requests that were timed step by step.
  struct Step {
    std::atomic<int64_t> nanoseconds{0};
    std::atomic<int64_t> rows{0};
    std::atomic<int64_t> runs{0};
  };
  /// To be called once, before any thread uses the meter.
  void resize(size_t steps) { steps_ = std::make_unique<Step[]>(steps); }
  /// Adds the times of `n` steps for `rows` rows, which stand for `weight` requests alike.
  void add_steps(const int64_t* nanoseconds, size_t n, int64_t rows, int64_t weight) noexcept;
  const Step& step(size_t i) const noexcept { return steps_[i]; }

 private:
  static constexpr int32_t kYoung = 8;

  std::atomic<float> fixed_{1.0f};
  std::atomic<float> slope_{1.0f};
  std::atomic<float> units_{-1.0f};
  std::atomic<int32_t> seen_{0};
  std::unique_ptr<Step[]> steps_;
};

/// Says for each request of a thread whether it is to be timed; lives where only that thread writes.
struct Sampler {
  static constexpr int32_t kPeriod = 64;     // requests for each that is timed
  static constexpr int32_t kStepPeriod = 8;  // of these, for each that is timed step by step
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
