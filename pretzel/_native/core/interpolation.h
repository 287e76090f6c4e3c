// Linear interpolation between known points.
#pragma once

#include <cmath>
#include <cstdint>

namespace pretzel {
namespace {

/// Ascending numbers, or the same negated and backwards, which ascend again.
struct Ascending {
  const double* x;
  int64_t n;
  bool mirrored;

  double operator[](int64_t i) const { return mirrored ? -x[n - 1 - i] : x[i]; }
};

/// numpy.interp, operation by operation.
double interpolate(double x, Ascending from, Ascending to) {
  const int64_t n = from.n;
  if (x < from[0]) return to[0];
  int64_t low = 0, high = n;  // from[low] <= x, and x < from[high] unless that is the end
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    const bool passed = from[middle] <= x;
    low = passed ? middle : low;
    high = passed ? high : middle;
  }
  if (low == n - 1 || from[low] == x) return to[low];
  const double slope = (to[low + 1] - to[low]) / (from[low + 1] - from[low]);
  double y = slope * (x - from[low]) + to[low];
  if (std::isnan(y)) {
    y = slope * (x - from[low + 1]) + to[low + 1];
    if (std::isnan(y) && to[low] == to[low + 1]) y = to[low];
  }
  return y;
}

}  // namespace
}  // namespace pretzel
