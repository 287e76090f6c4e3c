// Feedback: corrects the estimates of one program by the time that its requests have taken.
//
// Corrects what is peculiar to a program: data that its trees or vocabularies answer faster or slower than calibration
// data, and kernels that calibration priced wrong. Two factors are learnt, for the two parts of a price, by normalised
// least mean squares on logarithms (Haykin, Adaptive Filter Theory, 4th edition, chapter 6): an error moves each factor
// by the share that its part had in the estimate.
#pragma once

#include <atomic>
#include <cstdint>

#include "cost/speed_factor.h"

namespace pretzel {

/// The two parts of a price in nanoseconds: what each tile costs once, and what every further row and payload adds.
struct PriceParts {
  double fixed;
  double slope;
};

/// Safe for any number of threads: relaxed atomics, of updates that race one may be lost. Reading writes nothing, so
/// threads that share a program do not contend for its cache line.
class CostFeedback {
 public:
  static constexpr double kMaxFactor = 16.0;  // a factor stays within 1 / kMaxFactor .. kMaxFactor

  /// Nanoseconds.
  double corrected(PriceParts price) const noexcept {
    const double fixed = fixed_.load(std::memory_order_acquire);
    if (fixed == 0) return (price.fixed + price.slope) * speed_factor.get();
    return price.fixed * fixed + price.slope * slope_.load(std::memory_order_relaxed);
  }
  /// Whether so little is known that every request should be timed.
  bool is_warming_up() const noexcept { return seen_.load(std::memory_order_relaxed) < kWarmUp; }
  bool has_begun() const noexcept { return seen_.load(std::memory_order_relaxed) > 0; }
  /// Learns from a request of this price that took `ns`.
  void observe(PriceParts price, double ns) noexcept;

  /// Units of payload of a row, as a running mean over observed requests; -1 before the first.
  double mean_payload() const noexcept { return payload_.load(std::memory_order_relaxed); }
  void observe_payload(int64_t rows, int64_t payload) noexcept;

  /// What the parts of a price are multiplied by now.
  PriceParts factors() const noexcept { return {corrected({1, 0}), corrected({0, 1})}; }

 private:
  static constexpr int32_t kWarmUp = 8;

  std::atomic<float> fixed_{0.0f};  // 0: nothing was learnt yet, the speed factor holds; set after `slope_`
  std::atomic<float> slope_{0.0f};
  std::atomic<float> payload_{-1.0f};
  std::atomic<int32_t> seen_{0};
};

}  // namespace pretzel
