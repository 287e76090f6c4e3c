// unit_norm: rows divided by their norm, unless that is less than `smallest`.
// subtract_max: rows minus their largest value, which is NaN where one is.
//
// Sums run in eight lanes over the columns.
#include <cmath>

#include "core/rows.h"
#include "core/simd.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(UnitNorm, uint8_t, kL1, kL2, kMax);

double sum_of_magnitudes(const double* x, int32_t n) {
  f64x8 sum = splat8(0.0);
  int32_t j = 0;
  for (; j + 8 <= n; j += 8) sum += absolute(load8(x + j));
  if (j < n) sum += absolute(load_tail(x + j, n - j));
  return sum8(sum);
}

double largest_magnitude(const double* x, int32_t n) {
  double top = 0.0;
  for (int32_t j = 0; j < n; ++j) top = std::fabs(x[j]) > top ? std::fabs(x[j]) : top;
  return top;
}

double norm_of(UnitNorm norm, const double* x, int32_t n) {
  if (norm == UnitNorm::kL2) return std::sqrt(dot8(x, x, n));
  return norm == UnitNorm::kL1 ? sum_of_magnitudes(x, n) : largest_magnitude(x, n);
}

Status run(const RunCall& call) noexcept {
  const auto norm = call.params[0].scalar<UnitNorm>();
  const auto smallest = call.params[1].scalar<double>();
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* __restrict out) {
    const double length = norm_of(norm, in, width);
    const double divisor = length < smallest ? 1.0 : length;
    for (int32_t j = 0; j < width; ++j) out[j] = in[j] / divisor;
  });
}

Cost cost(const CostCall& call) {
  const double width = call.out_width;
  if (call.params[0].scalar<UnitNorm>() == UnitNorm::kMax)
    return Cost{}.rows({{"call", 10.0}, {"columns", 0.6 * width}, {"maximum", 1.0 * width}});
  return Cost{}.rows(
      {{"call", 10.0}, {"columns", 0.6 * width}, {"sum", 0.3 * width}, {"tail", call.out_width % 8 != 0 ? 14.0 : 0.0}});
}

Status run_subtract_max(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    double top = in[0];
    for (int32_t j = 1; j < width; ++j) top = in[j] > top || in[j] != in[j] ? in[j] : top;
    for (int32_t j = 0; j < width; ++j) out[j] = in[j] - top;
  });
}

Cost cost_subtract_max(const CostCall& call) { return Cost{}.rows({{"call", 3.0}, {"columns", 1.0 * call.out_width}}); }

constexpr Param kParams[] = {{.name = "norm", .dtype = u8, .choices = kUnitNormNames}, {"smallest", f64, ""}};

}  // namespace
PRETZEL_KERNEL(unit_norm, .params = kParams, .run = run, .cost = cost)
PRETZEL_KERNEL(subtract_max, .in = {kDense, "n+1"}, .out = {kDense, "n+1"}, .run = run_subtract_max,
               .cost = cost_subtract_max)
}  // namespace pretzel
