// check_finite: stops at the first value that the source estimator rejects. Writes nothing.
// check_range: the same with a range for each column.
#include "core/finite.h"
#include "core/kernel.h"

namespace pretzel {
namespace {

Status run(const RunCall& call) noexcept {
  const FiniteCheck check(call.params);
  for (int32_t r = 0; r < call.rows; ++r) {
    const Status status = check_row(check, call, r);
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

/// Whether all values lie in their ranges; NaN does not.
bool all_inside(const double* x, const double* low, const double* high, int32_t n) {
  int32_t outside = 0;
  for (int32_t j = 0; j < n; ++j) outside += !(x[j] >= low[j]) | !(x[j] <= high[j]);
  return outside == 0;
}

Status run_range(const RunCall& call) noexcept {
  const bool allow_nan = call.params[0].scalar<uint8_t>() != 0;
  const auto* low = call.params[1].as<double>();
  const auto* high = call.params[2].as<double>();
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* row = in.row(r);
    if (all_inside(row, low, high, in.width)) continue;
    for (int32_t j = 0; j < in.width; ++j) {
      const bool is_nan = row[j] != row[j];
      if (is_nan ? allow_nan : row[j] >= low[j] && row[j] <= high[j]) continue;
      return call.reject(is_nan ? Status::kNotANumber : Status::kInfinite, r, j);
    }
  }
  return Status::kOk;
}

Cost cost_range(const CostCall& call) { return Cost{}.rows({{"call", 3.0}, {"columns", 0.3 * call.in_width}}); }

Cost cost_finite(const CostCall& call) {
  if (call.sparse_in) return Cost{}.rows({{"call", 4.0}}).payload({{"entries", 0.2}});
  return Cost{}.rows({{"call", 4.0}, {"columns", 0.15 * call.in_width}});
}

constexpr Param kFinite[] = {{"allow_nan", u8, ""}, {"float32", u8, ""}};
constexpr Param kRange[] = {{"allow_nan", u8, ""}, {"low", f64, "width"}, {"high", f64, "width"}};

}  // namespace
PRETZEL_KERNEL(check_range, .params = kRange, .out = {}, .run = run_range, .cost = cost_range)
PRETZEL_KERNEL(check_finite, .params = kFinite, .in = {kDense | kSparse, "width"}, .out = {}, .run = run,
               .cost = cost_finite)
}  // namespace pretzel
