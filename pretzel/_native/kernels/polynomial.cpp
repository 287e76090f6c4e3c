// polynomial: products of columns.  params: runs int32[n, 3] = (start, factor, length), layout int32[3] =
// (first column kept, whether the leading 1 is kept, width of the full row)
#include <cstring>

#include "core/kernel.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr int32_t kLanes = 8;

/// Writes `size` terms, the full row without its 1. Runs follow one another and write behind what they read, so a
/// vector may spill into the next run as long as it stays inside the terms.
void fill(const int32_t* runs, int64_t n_runs, const double* x, int32_t width, double* terms, int32_t size) {
  std::memcpy(terms, x, sizeof(double) * static_cast<size_t>(width));
  int32_t first = width;
  for (int64_t i = 0; i < n_runs; ++i, runs += 3) {
    const double* in = terms + runs[0] - 1;
    const double factor = x[runs[1]];
    const int32_t length = runs[2];
    double* out = terms + first;
    int32_t j = 0;
    for (; j < length && first + j + kLanes <= size; j += kLanes) store8(out + j, load8(in + j) * splat8(factor));
    for (; j < length; ++j) out[j] = in[j] * factor;
    first += length;
  }
}

Status run(const RunCall& call) noexcept {
  const auto* runs = call.params[0].as<int32_t>();
  const auto* layout = call.params[1].as<int32_t>();
  const int32_t skipped = layout[0] - 1, bias = layout[1], size = layout[2] - 1;
  const Arena::Mark mark = call.arena->mark();
  double* scratch = skipped > 0 ? call.arena->alloc_n<double>(static_cast<size_t>(size)) : nullptr;
  if (skipped > 0 && scratch == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    if (bias != 0) *out++ = 1.0;
    fill(runs, call.params[0].shape[0], call.in[0].row(r), call.in[0].width, skipped > 0 ? scratch : out, size);
    if (skipped > 0) std::memcpy(out, scratch + skipped, sizeof(double) * static_cast<size_t>(size - skipped));
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double runs = static_cast<double>(call.params[0].shape[0]), size = call.params[1].as<int32_t>()[2];
  return Cost{}.rows({{"call", 4.0}, {"runs", 2.0 * runs}, {"products", 0.2 * size}}).scratch(128.0 + 8.0 * size, 0.0);
}

}  // namespace
PRETZEL_KERNEL(polynomial, nullptr, run, cost, kAllParams)
}  // namespace pretzel
