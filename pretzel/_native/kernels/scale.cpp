// sub_div: (x - mean) / scale.                      params: mean float64[w] or empty, scale float64[w] or empty
// mul_add: x * scale + offset, clipped.             params: scale float64[w], offset float64[w], range float64[2]
#include "kernel.h"

namespace pretzel {
namespace {

Status run_sub_div(const RunCall& call) noexcept {
  const double* mean = call.params[0].size > 0 ? call.params[0].as<double>() : nullptr;
  const double* scale = call.params[1].size > 0 ? call.params[1].as<double>() : nullptr;
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* __restrict out = call.out->row(r);
    if (mean != nullptr && scale != nullptr) {
      for (int32_t j = 0; j < width; ++j) out[j] = (in[j] - mean[j]) / scale[j];
    } else if (mean != nullptr) {
      for (int32_t j = 0; j < width; ++j) out[j] = in[j] - mean[j];
    } else {
      for (int32_t j = 0; j < width; ++j) out[j] = in[j] / scale[j];
    }
  }
  return Status::kOk;
}

Status run_mul_add(const RunCall& call) noexcept {
  const auto* scale = call.params[0].as<double>();
  const auto* offset = call.params[1].as<double>();
  const auto* range = call.params[2].as<double>();
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* __restrict out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) {
      const double x = in[j] * scale[j] + offset[j];
      out[j] = x < range[0] ? range[0] : x > range[1] ? range[1] : x;  // NaN passes through
    }
  }
  return Status::kOk;
}

Cost cost(const Array* params, int32_t, const uint8_t*) {
  const int64_t width = params[0].size > params[1].size ? params[0].size : params[1].size;
  return {5.0 + 0.5 * static_cast<double>(width), 0.0};
}

}  // namespace
PRETZEL_KERNEL(sub_div, nullptr, run_sub_div, cost, kAllParams)
PRETZEL_KERNEL(mul_add, nullptr, run_mul_add, cost, kAllParams)
}  // namespace pretzel
