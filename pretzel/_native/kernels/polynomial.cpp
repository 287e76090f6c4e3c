// polynomial: products of columns. The full row is a 1, the columns, then for each run (start, factor, length) the
// columns start .. start + length - 1 of the full row times column `factor` of the input. Kept are its columns from
// `first_column` on, and the 1 where `include_bias` says so. polynomial_float32 rounds every product to float32.
#include <cstring>

#include "core/kernel.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr int32_t kLanes = 8;

template <bool kFloat32, class T>
T rounded(T x) {
  if constexpr (kFloat32) return to_float32(x);
  return x;
}

/// Writes `size` terms, the full row without its 1. Runs follow one another and write behind what they read, so a
/// vector may spill into the next run as long as it stays inside the terms.
template <bool kFloat32>
void fill(const int32_t* runs, int64_t n_runs, const double* x, int32_t width, double* terms, int32_t size) {
  std::memcpy(terms, x, sizeof(double) * static_cast<size_t>(width));
  int32_t first = width;
  for (int64_t i = 0; i < n_runs; ++i, runs += 3) {
    const double* in = terms + runs[0] - 1;
    const double factor = x[runs[1]];
    const int32_t length = runs[2];
    double* out = terms + first;
    int32_t j = 0;
    for (; j < length && first + j + kLanes <= size; j += kLanes) {
      store8(out + j, rounded<kFloat32>(load8(in + j) * splat8(factor)));
    }
    for (; j < length; ++j) out[j] = rounded<kFloat32>(in[j] * factor);
    first += length;
  }
}

constexpr Param kParams[] = {
    {"runs", i32, "n_runs 3"}, {"first_column", i32, ""}, {"include_bias", u8, ""}, {"full_width", i32, ""}};
constexpr int kRuns = index_of(kParams, "runs"), kFirstColumn = index_of(kParams, "first_column"),
              kIncludeBias = index_of(kParams, "include_bias"), kFullWidth = index_of(kParams, "full_width");

/// A run reads columns in front of those that it writes, and together they fill the row.
const char* check(const LoadCall& call) {
  const auto* run = call.params[kRuns].as<int32_t>();
  const int64_t width = call.in[0].width;
  int64_t end = 1 + width;
  for (int64_t i = 0; i < call.params[kRuns].shape[0]; ++i, run += 3) {
    if (run[0] < 1 || run[2] < 0 || int64_t{run[0]} + run[2] > end)
      return "a run reads what no run before it has written";
    if (run[1] < 0 || run[1] >= width) return "a run multiplies by a column that its input has not";
    end += run[2];
  }
  const int64_t first = call.params[kFirstColumn].scalar<int32_t>();
  if (call.params[kFullWidth].scalar<int32_t>() != end || first < 1 || first > end)
    return "the runs do not fill the row";
  const int64_t kept = end - first + (call.params[kIncludeBias].scalar<uint8_t>() != 0 ? 1 : 0);
  return kept == call.out->width ? nullptr : "writes a row of another width";
}

template <bool kFloat32>
Status run(const RunCall& call) noexcept {
  const auto* runs = call.params[kRuns].as<int32_t>();
  const int64_t n_runs = call.params[kRuns].shape[0];
  const int32_t skipped = call.params[kFirstColumn].scalar<int32_t>() - 1;
  const int32_t size = call.params[kFullWidth].scalar<int32_t>() - 1;
  const bool bias = call.params[kIncludeBias].scalar<uint8_t>() != 0;
  const Arena::Mark mark = call.arena->mark();
  double* scratch = skipped > 0 ? call.arena->alloc_n<double>(static_cast<size_t>(size)) : nullptr;
  if (skipped > 0 && scratch == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    if (bias) *out++ = 1.0;
    fill<kFloat32>(runs, n_runs, call.in[0].row(r), call.in[0].width, skipped > 0 ? scratch : out, size);
    if (skipped > 0) std::memcpy(out, scratch + skipped, sizeof(double) * static_cast<size_t>(size - skipped));
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double runs = static_cast<double>(call.params[kRuns].shape[0]);
  const double size = call.params[kFullWidth].scalar<int32_t>();
  return Cost{}.rows({{"call", 4.0}, {"runs", 2.0 * runs}, {"products", 0.2 * size}}).scratch(128.0 + 8.0 * size, 0.0);
}

}  // namespace
PRETZEL_KERNEL(polynomial, .params = kParams, .out = {kDense, "n_kept"}, .check = check, .run = run<false>,
               .cost = cost)
PRETZEL_KERNEL(polynomial_float32, .params = kParams, .out = {kDense, "n_kept"}, .check = check, .run = run<true>,
               .cost = cost)
}  // namespace pretzel
