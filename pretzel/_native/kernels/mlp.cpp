// relu, tanh: activations of hidden layers.
#include "core/kernel.h"
#include "core/vmath.h"

namespace pretzel {
namespace {

Status run_relu(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* __restrict out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) out[j] = in[j] < 0.0 ? 0.0 : in[j];
  }
  return Status::kOk;
}

Status run_tanh(const RunCall& call) noexcept {
  for (int32_t r = 0; r < call.rows; ++r) map_row(call.in[0].row(r), call.out->row(r), call.out->width, vtanh);
  return Status::kOk;
}

Cost cost_relu(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"columns", 0.2 * call.out_width}}); }

Cost cost_tanh(const CostCall& call) {
  const double vectors = static_cast<double>((call.out_width + 7) / 8);
  return Cost{}.rows({{"call", 8.0}, {"vectors", 12.0 * vectors}});
}

}  // namespace
PRETZEL_KERNEL(relu, .in = {kDense, "width"}, .out = {kDense, "width"}, .run = run_relu, .cost = cost_relu)
PRETZEL_KERNEL(tanh, .in = {kDense, "width"}, .out = {kDense, "width"}, .run = run_tanh, .cost = cost_tanh)
}  // namespace pretzel
