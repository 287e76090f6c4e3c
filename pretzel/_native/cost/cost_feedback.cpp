#include "cost/cost_feedback.h"

#include <algorithm>
#include <cmath>

namespace pretzel {
namespace {

constexpr double kMinRate = 0.05;  // weight of the newest observation in the long run
constexpr double kPayloadRate = 0.1;
constexpr double kWarmUpStep = 1.5;  // how far one observation may pull the logarithm of a factor while warming up ...
constexpr double kLaterStep = 0.25;  // ... and later: a thread that lost its core for a while says nothing

float moved(double factor, double logarithm) noexcept {
  constexpr double kMax = CostFeedback::kMaxFactor;
  return static_cast<float>(std::clamp(factor * std::exp(logarithm), 1.0 / kMax, kMax));
}

}  // namespace

void CostFeedback::observe(PriceParts price, double ns) noexcept {
  const PriceParts factor = factors();
  const double fixed = price.fixed * factor.fixed, slope = price.slope * factor.slope;
  if (!(fixed + slope > 0) || !(ns > 0)) return;
  const int32_t seen = seen_.load(std::memory_order_relaxed);
  if (seen < INT32_MAX) seen_.store(seen + 1, std::memory_order_relaxed);
  if (seen == 0) return;  // cold caches and page faults: not what a call costs
  const bool warming_up = seen < kWarmUp;
  if (warming_up) speed_factor.observe(ns / (price.fixed + price.slope));
  const double limit = warming_up ? kWarmUpStep : kLaterStep;
  const double error = std::clamp(std::log(ns / (fixed + slope)), -limit, limit);
  const double a = fixed / (fixed + slope), b = slope / (fixed + slope);
  const double step = std::max(kMinRate, 1.0 / seen) * error / (a * a + b * b);
  slope_.store(moved(factor.slope, step * b), std::memory_order_relaxed);
  fixed_.store(moved(factor.fixed, step * a), std::memory_order_release);
}

void CostFeedback::observe_payload(int64_t rows, int64_t payload) noexcept {
  const double mean = mean_payload();
  const double now = static_cast<double>(payload) / static_cast<double>(std::max<int64_t>(rows, 1));
  payload_.store(static_cast<float>(mean < 0 ? now : mean + kPayloadRate * (now - mean)), std::memory_order_relaxed);
}

}  // namespace pretzel
