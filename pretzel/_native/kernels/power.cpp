// yeo_johnson: one power per column; powers within `epsilon` of 0 and 2 are logarithms.
// inverse_power: the inverse of it, or of the transform of Box and Cox.
#include <cmath>

#include "core/rows.h"

namespace pretzel {
namespace {

/// ((1 + x)^power - 1) / power; `powers` computes it as it is written.
double raised(double x, double power, bool powers) {
  return (powers ? std::pow(x + 1.0, power) - 1.0 : std::expm1(power * std::log1p(x))) / power;
}

/// `mirrored` is 2 - power, rounded as the source rounds it.
double yeo_johnson(double x, double power, double mirrored, double epsilon, bool powers) {
  if (x >= 0.0) return std::fabs(power) < epsilon ? std::log1p(x) : raised(x, power, powers);
  return std::fabs(mirrored) > epsilon ? -raised(-x, mirrored, powers) : -std::log1p(-x);
}

Status run(const RunCall& call) noexcept {
  const auto* lambdas = call.params[0].as<double>();
  const auto* mirrored = call.params[1].as<double>();
  const auto epsilon = call.params[2].scalar<double>();
  const bool powers = call.params[3].scalar<uint8_t>() != 0;
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t j = 0; j < width; ++j) out[j] = yeo_johnson(in[j], lambdas[j], mirrored[j], epsilon, powers);
  });
}

double inverse_yeo_johnson(double x, double power, double epsilon) {
  if (x >= 0.0) return (std::fabs(power) < epsilon ? std::exp(x) : std::pow(x * power + 1.0, 1.0 / power)) - 1.0;
  const double mirrored = 2.0 - power;
  return 1.0 - (std::fabs(mirrored) > epsilon ? std::pow(-mirrored * x + 1.0, 1.0 / mirrored) : std::exp(-x));
}

double inverse_box_cox(double x, double power) {
  return power == 0.0 ? std::exp(x) : std::exp(std::log1p(power * x) / power);
}

Status run_inverse(const RunCall& call) noexcept {
  const auto* lambdas = call.params[0].as<double>();
  const auto epsilon = call.params[1].scalar<double>();
  const bool box_cox = call.params[2].scalar<uint8_t>() != 0;
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t j = 0; j < width; ++j) {
      out[j] = box_cox ? inverse_box_cox(in[j], lambdas[j]) : inverse_yeo_johnson(in[j], lambdas[j], epsilon);
    }
  });
}

Cost cost(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"columns", 30.0 * call.out_width}}); }

constexpr Param kParams[] = {
    {"lambdas", f64, "width"}, {"mirrored", f64, "width"}, {"epsilon", f64, ""}, {"powers", u8, ""}};
constexpr Param kInverse[] = {{"lambdas", f64, "width"}, {"epsilon", f64, ""}, {"box_cox", u8, ""}};

}  // namespace
PRETZEL_KERNEL(inverse_power, .params = kInverse, .run = run_inverse, .cost = cost)
PRETZEL_KERNEL(yeo_johnson, .params = kParams, .run = run, .cost = cost)
}  // namespace pretzel
