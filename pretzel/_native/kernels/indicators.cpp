// indicators: sparse rows of ones at the columns that the dense input names, ascending.
#include "core/kernel.h"

namespace pretzel {
namespace {

Status run(const RunCall& call) noexcept {
  const View& in = call.in[0];
  const int64_t n = in.width;
  const auto width = static_cast<uint32_t>(call.out->width);
  auto* ones = call.arena->alloc_n<double>(n);  // the same for every row
  auto* index = call.arena->alloc_n<int32_t>(n * call.rows);
  if (ones == nullptr || index == nullptr) return Status::kNoMemory;
  for (int64_t k = 0; k < n; ++k) ones[k] = 1.0;
  for (int32_t r = 0; r < call.rows; ++r, index += n) {
    const double* row = in.row(r);
    bool inside = true;
    for (int64_t k = 0; k < n; ++k) {
      index[k] = static_cast<int32_t>(row[k]);
      inside &= static_cast<uint32_t>(index[k]) < width;
    }
    if (!inside) return call.reject(Status::kOutOfRange, r);
    call.out->sparse[r] = {index, ones, n};
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double width = call.in_width;
  return Cost{}
      .rows({{"call", 3.0}, {"columns", 1.0 * width}})
      .produces_nnz(0.0, width)
      .scratch(128.0 + 12.0 * width, 0.0);
}

}  // namespace
PRETZEL_KERNEL(indicators, .in = {kDense, "n"}, .out = {kSparse, "width"}, .run = run, .cost = cost)
}  // namespace pretzel
