// check_finite: reads, writes nothing; stops at the first value the source estimator refuses.
//   params: flags uint8[2] = {allow_nan, float32}
// check_range: the same for a range of each column.
//   params: allow_nan uint8[], low float64[width], high float64[width]
#include <cmath>
#include <limits>

#include "kernel.h"

namespace pretzel {
namespace {

constexpr double kFloat32Overflow = 0x1.ffffffp127;  // rounds to infinity as float32

/// Whether all magnitudes are below `limit`, or all but those of NaN.
template <bool kAllowNan>
bool all_below(const double* x, int32_t n, double limit) {
  int64_t outside = 0;  // as wide as the numbers: the compiler counts by lanes
  for (int32_t j = 0; j < n; ++j) {
    outside += kAllowNan ? std::fabs(x[j]) >= limit : !(std::fabs(x[j]) < limit);
  }
  return outside == 0;
}

Status check(double x, bool allow_nan, bool float32) {
  if (x != x) return allow_nan ? Status::kOk : Status::kNotANumber;
  const double magnitude = x < 0 ? -x : x;
  if (magnitude > 0x1.fffffffffffffp1023 || (float32 && magnitude >= kFloat32Overflow)) return Status::kInfinite;
  return Status::kOk;
}

Status run(const RunCall& call) noexcept {
  const auto* flags = call.params[0].as<uint8_t>();
  const bool allow_nan = flags[0] != 0, float32 = flags[1] != 0;
  const View& in = call.in[0];
  const double limit = float32 ? kFloat32Overflow : std::numeric_limits<double>::infinity();
  const bool sparse = in.kind == ValueKind::kSparse;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* row = sparse ? in.sparse[r].value : in.row(r);
    const auto size = sparse ? static_cast<int32_t>(in.sparse[r].size) : in.width;
    if (allow_nan ? all_below<true>(row, size, limit) : all_below<false>(row, size, limit)) continue;
    for (int32_t j = 0; j < size; ++j) {
      const Status status = check(row[j], allow_nan, float32);
      if (status == Status::kOk) continue;
      call.fault->row = r;
      call.fault->column = sparse ? in.sparse[r].index[j] : j;
      return status;
    }
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
      call.fault->row = r;
      call.fault->column = j;
      return is_nan ? Status::kNotANumber : Status::kInfinite;
    }
  }
  return Status::kOk;
}

Cost cost_range(const CostCall& call) { return Cost{}.rows(3.0, 0.3 * call.in_width); }

Cost cost_finite(const CostCall& call) {
  const double width = call.in_width;
  return call.sparse_in ? Cost{}.rows(4.0).units(0.2) : Cost{}.rows(4.0, 0.15 * width);
}

}  // namespace
PRETZEL_KERNEL(check_range, nullptr, run_range, cost_range, kAllParams)
PRETZEL_KERNEL(check_finite, nullptr, run, cost_finite, kAllParams)
}  // namespace pretzel
