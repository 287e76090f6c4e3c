// relu, tanh: activations of hidden layers.
#include "core/rows.h"
#include "core/vmath.h"

namespace pretzel {
namespace {

Status run_relu(const RunCall& call) noexcept {
  return each_value(call, [](double x) { return x < 0.0 ? 0.0 : x; });
}

Status run_tanh(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) { map_row(in, out, width, vtanh); });
}

Cost cost_relu(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"columns", 0.2 * call.out_width}}); }

Cost cost_tanh(const CostCall& call) {
  const double vectors = static_cast<double>((call.out_width + 7) / 8);
  return Cost{}.rows({{"call", 8.0}, {"vectors", 12.0 * vectors}});
}

}  // namespace
PRETZEL_KERNEL(relu, .run = run_relu, .cost = cost_relu)
PRETZEL_KERNEL(tanh, .run = run_tanh, .cost = cost_tanh)
}  // namespace pretzel
