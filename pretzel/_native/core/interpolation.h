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

/// The last place whose number is at most `x`; -1 before the first. As many steps for every `x`, none of them a jump.
int64_t last_at_most(double x, Ascending from) {
  if (x < from[0]) return -1;
  int64_t found = 0;
  for (int64_t left = from.n; left > 1;) {
    const int64_t half = left / 2;
    found += from[found + half] <= x ? half : 0;
    left -= half;
  }
  return found;
}

/// numpy.interp at a place that `last_at_most` found, operation by operation.
double interpolate_at(int64_t low, double x, Ascending from, Ascending to) {
  if (low < 0) return to[0];
  if (low == from.n - 1 || from[low] == x) return to[low];
  const double slope = (to[low + 1] - to[low]) / (from[low + 1] - from[low]);
  double y = slope * (x - from[low]) + to[low];
  if (std::isnan(y)) {
    y = slope * (x - from[low + 1]) + to[low + 1];
    if (std::isnan(y) && to[low] == to[low + 1]) y = to[low];
  }
  return y;
}

/// numpy.interp.
double interpolate(double x, Ascending from, Ascending to) {
  return interpolate_at(last_at_most(x, from), x, from, to);
}

}  // namespace
}  // namespace pretzel
