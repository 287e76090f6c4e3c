// polynomial: products of columns.  params: runs int32[n, 3] = (start, factor, length), layout int32[3] =
// (first column kept, whether the leading 1 is kept, width of the full row)
#include <cstring>

#include "kernel.h"

namespace pretzel {
namespace {

void fill(const int32_t* runs, int64_t n_runs, const double* x, int32_t width, double* full) {
  full[0] = 1.0;
  std::memcpy(full + 1, x, sizeof(double) * width);
  double* out = full + 1 + width;
  for (int64_t i = 0; i < n_runs; ++i, runs += 3) {
    const double* in = full + runs[0];
    const double factor = x[runs[1]];
    const int32_t length = runs[2];
#pragma GCC ivdep
    for (int32_t j = 0; j < length; ++j) out[j] = in[j] * factor;
    out += length;
  }
}

Status run(const RunCall& call) noexcept {
  const auto* runs = call.params[0].as<int32_t>();
  const auto* layout = call.params[1].as<int32_t>();
  const int32_t first = layout[0], full_width = layout[2];
  const bool bias = layout[1] != 0;
  const Arena::Mark mark = call.arena->mark();
  double* full = call.arena->alloc_n<double>(full_width);
  if (full == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    fill(runs, call.params[0].shape[0], call.in[0].row(r), call.in[0].width, full);
    if (bias) *out++ = 1.0;
    std::memcpy(out, full + first, sizeof(double) * (full_width - first));
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost(const Array* params, int32_t, const uint8_t*) { return {10.0 + 0.3 * params[1].as<int32_t>()[2], 0.0}; }

}  // namespace
PRETZEL_KERNEL(polynomial, nullptr, run, cost, kAllParams)
}  // namespace pretzel
