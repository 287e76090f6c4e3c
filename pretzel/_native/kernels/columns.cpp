// select: out[:, j] = in[:, columns[j]].
#include "core/kernel.h"

namespace pretzel {
namespace {

Status run(const RunCall& call) noexcept {
  const auto* columns = call.params[0].as<int32_t>();
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) out[j] = in[columns[j]];
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"columns", 0.5 * call.out_width}}); }

constexpr Param kParams[] = {{"columns", i32, "n_columns", kHoldsIndices, "", "width"}};

}  // namespace
PRETZEL_KERNEL(select, .params = kParams, .out = {kDense, "n_columns"}, .run = run, .cost = cost)
}  // namespace pretzel
