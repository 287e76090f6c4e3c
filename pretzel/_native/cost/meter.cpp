#include "cost/meter.h"

#include <cmath>

namespace pretzel {
namespace {

constexpr double kLeastRate = 0.05;  // weight of the newest observation in the long run
constexpr double kUnitsRate = 0.1;
constexpr double kYoungStep = 1.5;  // how far one observation may pull the logarithm of a factor, at first ...
constexpr double kOldStep = 0.25;   // ... and later: a thread that lost its core for a while says nothing

void scale(std::atomic<float>& factor, double logarithm) noexcept {
  const double value = factor.load(std::memory_order_relaxed) * std::exp(logarithm);
  factor.store(static_cast<float>(std::clamp(value, 1.0 / Meter::kMost, Meter::kMost)), std::memory_order_relaxed);
}

}  // namespace

// Normalised least mean squares on logarithms: each factor moves as far as its part of the estimate had a share.
void Meter::observe(Estimate e, double nanoseconds) noexcept {
  const double fixed = e.fixed * fixed_factor(), slope = e.slope * slope_factor();
  const double expected = (fixed + slope) * pace.factor();
  if (!(expected > 0) || !(nanoseconds > 0)) return;
  const int32_t seen = seen_.load(std::memory_order_relaxed);
  if (seen < INT32_MAX) seen_.store(seen + 1, std::memory_order_relaxed);
  if (seen == 0) return;  // cold caches, pages never touched: not what a call costs
  const double limit = seen < kYoung ? kYoungStep : kOldStep;
  double error = std::log(nanoseconds / expected);
  if (seen < kYoung) error = pace.observe(error);
  error = std::clamp(error, -limit, limit);
  const double a = fixed / (fixed + slope), b = slope / (fixed + slope);
  const double step = std::max(kLeastRate, 1.0 / seen) * error / (a * a + b * b);
  scale(fixed_, step * a);
  scale(slope_, step * b);
}

void Meter::note_units(int64_t rows, int64_t units) noexcept {
  const double mean = mean_units(), now = static_cast<double>(units) / static_cast<double>(std::max<int64_t>(rows, 1));
  units_.store(static_cast<float>(mean < 0 ? now : mean + kUnitsRate * (now - mean)), std::memory_order_relaxed);
}

void Meter::add_steps(const int64_t* nanoseconds, size_t n, int64_t rows, int64_t weight) noexcept {
  for (size_t i = 0; i < n; ++i) {
    steps_[i].nanoseconds.fetch_add(nanoseconds[i] * weight, std::memory_order_relaxed);
    steps_[i].rows.fetch_add(rows * weight, std::memory_order_relaxed);
    steps_[i].runs.fetch_add(weight, std::memory_order_relaxed);
  }
}

}  // namespace pretzel
