// yeo_johnson: one power per column; powers within `epsilon` of 0 and 2 are logarithms.
#include <cmath>

#include "core/rows.h"

namespace pretzel {
namespace {

double yeo_johnson(double x, double power, double epsilon) {
  if (x >= 0.0) {
    const double log = std::log1p(x);
    return std::fabs(power) < epsilon ? log : std::expm1(power * log) / power;
  }
  const double log = std::log1p(-x);
  const double mirrored = 2.0 - power;
  return std::fabs(mirrored) > epsilon ? -std::expm1(mirrored * log) / mirrored : -log;
}

Status run(const RunCall& call) noexcept {
  const auto* lambdas = call.params[0].as<double>();
  const auto epsilon = call.params[1].scalar<double>();
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t j = 0; j < width; ++j) out[j] = yeo_johnson(in[j], lambdas[j], epsilon);
  });
}

Cost cost(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"columns", 30.0 * call.out_width}}); }

constexpr Param kParams[] = {{"lambdas", f64, "width"}, {"epsilon", f64, ""}};

}  // namespace
PRETZEL_KERNEL(yeo_johnson, .params = kParams, .run = run, .cost = cost)
}  // namespace pretzel
