// interpolate: each value through the points of its column, x[starts[j] .. starts[j + 1] - 1], which ascend, as
// numpy.interp does. interpolate_float32: the same in float32, as scipy.interpolate.interp1d does.
//
// Values beyond the points become those of the ends, or NaN where that is asked for. A single point is a constant.
// Results above `high` become that.
#include <cmath>
#include <limits>

#include "core/interpolation.h"
#include "core/rows.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {{"x", f64, "n_points"},
                             {"y", f64, "n_points"},
                             {"starts", i32, "width+1", kHoldsOffsets, "", "n_points"},
                             {"nan_outside", u8, ""},
                             {"high", f64, ""}};
constexpr int kX = index_of(kParams, "x"), kY = index_of(kParams, "y"), kStarts = index_of(kParams, "starts"),
              kNanOutside = index_of(kParams, "nan_outside"), kHigh = index_of(kParams, "high");

/// Between the points around `x`, of which the upper one may be `x` itself. `x` lies between the first and the last.
double between_float32(double x, const double* xs, const double* ys, int64_t n) {
  int64_t low = 0, high = n - 1;  // xs[low] < x, unless that is the first, and x <= xs[high]
  while (high - low > 1) {
    const int64_t middle = low + (high - low) / 2;
    const bool below = xs[middle] < x;
    low = below ? middle : low;
    high = below ? high : middle;
  }
  const auto x0 = static_cast<float>(xs[low]), y0 = static_cast<float>(ys[low]);
  const float slope = (static_cast<float>(ys[high]) - y0) / (static_cast<float>(xs[high]) - x0);
  return slope * (static_cast<float>(x) - x0) + y0;
}

template <class Between>
Status run_with(const RunCall& call, Between between) noexcept {
  const auto* xs = call.params[kX].as<double>();
  const auto* ys = call.params[kY].as<double>();
  const auto* starts = call.params[kStarts].as<int32_t>();
  const bool nan_outside = call.params[kNanOutside].scalar<uint8_t>() != 0;
  const auto highest = call.params[kHigh].scalar<double>();
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t j = 0; j < width; ++j) {
      const double* x = xs + starts[j];
      const double* y = ys + starts[j];
      const int64_t n = starts[j + 1] - starts[j];
      const double value = in[j];
      if (std::isnan(value) || n == 0) {
        out[j] = std::numeric_limits<double>::quiet_NaN();
      } else if (n == 1) {
        out[j] = y[0];
      } else if (nan_outside && (value < x[0] || value > x[n - 1])) {
        out[j] = std::numeric_limits<double>::quiet_NaN();
      } else {
        out[j] = between(value < x[0] ? x[0] : value > x[n - 1] ? x[n - 1] : value, x, y, n);
      }
      out[j] = out[j] > highest ? highest : out[j];
    }
  });
}

Status run(const RunCall& call) noexcept {
  return run_with(call, [](double value, const double* x, const double* y, int64_t n) {
    return interpolate(value, {x, n, false}, {y, n, false});
  });
}

Status run_float32(const RunCall& call) noexcept { return run_with(call, between_float32); }

Cost cost(const CostCall& call) {
  const double width = call.out_width, points = static_cast<double>(call.params[kX].size);
  return Cost{}.rows(
      {{"call", 2.0}, {"columns", 6.0 * width}, {"search", 1.5 * width * std::log2(1.0 + points / (width + 1.0))}});
}

}  // namespace
PRETZEL_KERNEL(interpolate, .params = kParams, .run = run, .cost = cost)
PRETZEL_KERNEL(interpolate_float32, .params = kParams, .run = run_float32, .cost = cost)
}  // namespace pretzel
