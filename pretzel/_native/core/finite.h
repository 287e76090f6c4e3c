// Which values scikit-learn's checks of an input reject.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "core/kernel.h"

namespace pretzel {
namespace {

constexpr double kFloat32Overflow = 0x1.ffffffp127;  // rounds to infinity as float32

/// What a check lets pass besides finite numbers, and whether they are read as float32.
struct FiniteCheck {
  bool allow_nan, float32;

  explicit FiniteCheck(bool allow_nan_, bool float32_ = false) : allow_nan(allow_nan_), float32(float32_) {}
  /// From two parameters in a row: allow_nan and float32.
  explicit FiniteCheck(const Array* params)
      : FiniteCheck(params[0].scalar<uint8_t>() != 0, params[1].scalar<uint8_t>() != 0) {}

  Status status_of(double x) const {
    if (x != x) return allow_nan ? Status::kOk : Status::kNotANumber;
    return std::fabs(x) < limit() ? Status::kOk : Status::kInfinite;
  }
  double limit() const { return float32 ? kFloat32Overflow : std::numeric_limits<double>::infinity(); }
};

/// Whether all magnitudes are below `limit`, or all but those of NaN.
template <bool kAllowNan>
bool all_below(const double* x, int64_t n, double limit) {
  int64_t outside = 0;  // as wide as the numbers: the compiler counts by lanes
  for (int64_t j = 0; j < n; ++j) {
    outside += kAllowNan ? std::fabs(x[j]) >= limit : !(std::fabs(x[j]) < limit);
  }
  return outside == 0;
}

/// Stops at the first value of a dense or sparse row that is rejected.
inline Status check_row(const FiniteCheck& check, const RunCall& call, int32_t r) {
  const View& in = call.in[0];
  const bool sparse = in.kind == ValueKind::kSparse;
  const double* row = sparse ? in.sparse[r].value : in.row(r);
  const int64_t size = sparse ? in.sparse[r].size : in.width;
  if (check.allow_nan ? all_below<true>(row, size, check.limit()) : all_below<false>(row, size, check.limit())) {
    return Status::kOk;
  }
  int32_t j = 0;
  while (check.status_of(row[j]) == Status::kOk) ++j;
  return call.reject(check.status_of(row[j]), r, sparse ? in.sparse[r].index[j] : j);
}

}  // namespace
}  // namespace pretzel
