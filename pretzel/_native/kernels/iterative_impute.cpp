// iterative_impute: missing columns of a row, first filled with constants, then predicted from the others by linear
// models, one step after the other. A row without missing columns, or without others, has no steps.
#include <cstring>

#include "core/kernel.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {{"fill", f64, "width"},
                             {"columns", i32, "n_steps", kHoldsIndices, "", "width"},
                             {"weights", f64, "n_steps width"},
                             {"bias", f64, "n_steps"},
                             {"low", f64, "n_steps"},
                             {"high", f64, "n_steps"}};
constexpr int kFill = index_of(kParams, "fill"), kColumns = index_of(kParams, "columns"),
              kWeights = index_of(kParams, "weights"), kBias = index_of(kParams, "bias"),
              kLow = index_of(kParams, "low"), kHigh = index_of(kParams, "high");

Status run(const RunCall& call) noexcept {
  const auto* fill = call.params[kFill].as<double>();
  const auto* columns = call.params[kColumns].as<int32_t>();
  const auto* weights = call.params[kWeights].as<double>();
  const auto* bias = call.params[kBias].as<double>();
  const auto* low = call.params[kLow].as<double>();
  const auto* high = call.params[kHigh].as<double>();
  const int64_t n_steps = call.params[kColumns].size;
  const int32_t width = call.in[0].width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* out = call.out->row(r);
    int32_t missing = 0;
    for (int32_t j = 0; j < width; ++j) {
      const bool is_missing = in[j] != in[j];
      out[j] = is_missing ? fill[j] : in[j];
      missing += is_missing;
    }
    if (missing == 0 || missing == width) continue;
    for (int64_t s = 0; s < n_steps; ++s) {
      const int32_t column = columns[s];
      if (in[column] == in[column]) continue;
      const double found = dot8(out, weights + s * width, width) + bias[s];
      out[column] = found < low[s] ? low[s] : found > high[s] ? high[s] : found;
    }
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) {  // of a row in which a column in ten is missing
  const double steps = static_cast<double>(call.params[kColumns].size), width = call.in_width;
  return Cost{}.rows(
      {{"call", 3.0}, {"columns", 1.0 * width}, {"steps", 1.0 * steps}, {"products", 0.02 * steps * width}});
}

}  // namespace
PRETZEL_KERNEL(iterative_impute, .params = kParams, .run = run, .cost = cost)
}  // namespace pretzel
