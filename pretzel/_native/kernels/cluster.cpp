// distances: sqrt(sum((x - center)^2)) for each centre.
// expanded_distances: max(-2 x.c + |x|^2 + |c|^2, 0) for each centre, each sum in the order of the columns.
// sparse_distances: the root of it for sparse x, with each sum in the order of the entries and |c|^2 as it is given.
//
// For `distances`, `bind` pads the centres with zeros to whole vectors; a row is padded likewise, so no sum has a tail.
#include <cmath>
#include <cstring>

#include "core/kernel.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr int64_t kLanes = 8;
constexpr int32_t kCenters = 4;  // sums that run side by side

int64_t padded(int64_t width) { return (width + kLanes - 1) / kLanes * kLanes; }

const char* bind(const BindCall& call) {
  const Array& centers = call.params[0];
  const int64_t width = centers.shape[1], stride = padded(width);
  call.state->assign(static_cast<size_t>(centers.shape[0] * stride) * sizeof(double), 0);
  for (int64_t c = 0; c < centers.shape[0]; ++c) {
    std::memcpy(call.state->data() + c * stride * sizeof(double), centers.as<double>() + c * width,
                static_cast<size_t>(width) * sizeof(double));
  }
  return nullptr;
}

const char* check(const LoadCall& call) {
  constexpr int64_t kBytes = sizeof(double);
  const int64_t numbers = call.out->width * padded(call.in[0].width);
  const bool fits = call.state_bytes % kBytes == 0 && call.state_bytes / kBytes == numbers;
  return fits ? nullptr : "has centres of other widths";
}

template <int N>
void distances(const double* x, const double* centers, int64_t stride, double* out) {
  constexpr int kVectors = kLanes / kNativeLanes;
  f64xn acc[N][kVectors] = {};
  for (int64_t k = 0; k < stride; k += kLanes) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = k + v * kNativeLanes;
      const f64xn value = loadn(x + at);
      for (int i = 0; i < N; ++i) {
        const f64xn difference = value - loadn(centers + i * stride + at);
        acc[i][v] += difference * difference;
      }
    }
  }
  for (int i = 0; i < N; ++i) out[i] = std::sqrt(sum8(acc[i]));
}

Status run(const RunCall& call) noexcept {
  const View& in = call.in[0];
  const auto* centers = reinterpret_cast<const double*>(call.state);
  const int64_t stride = padded(in.width);
  const int32_t count = call.out->width;
  const auto mark = call.arena->mark();
  double* x = call.arena->alloc_n<double>(static_cast<size_t>(stride));
  if (x == nullptr) return Status::kNoMemory;
  for (int64_t k = in.width; k < stride; ++k) x[k] = 0.0;
  for (int32_t r = 0; r < call.rows; ++r) {
    std::memcpy(x, in.row(r), sizeof(double) * static_cast<size_t>(in.width));
    double* out = call.out->row(r);
    int32_t c = 0;
    for (; c + kCenters <= count; c += kCenters) distances<kCenters>(x, centers + c * stride, stride, out + c);
    for (; c < count; ++c) distances<1>(x, centers + c * stride, stride, out + c);
  }
  call.arena->release(mark);
  return Status::kOk;
}

constexpr int32_t kSums = 8;  // that run side by side, each in the order of the columns

/// `x . c` for N centres.
template <int N>
void products(const double* x, const double* centers, int32_t width, double* out) {
  double sum[N] = {};
  for (int32_t k = 0; k < width; ++k) {
#pragma GCC unroll 8
    for (int i = 0; i < N; ++i) sum[i] += x[k] * centers[static_cast<int64_t>(i) * width + k];
  }
  std::memcpy(out, sum, sizeof sum);
}

Status run_expanded(const RunCall& call) noexcept {
  const auto* centers = call.params[0].as<double>();
  const int64_t width = call.in[0].width;
  const int32_t count = call.out->width;
  const auto mark = call.arena->mark();
  double* norms = call.arena->alloc_n<double>(static_cast<size_t>(count));
  if (norms == nullptr) return Status::kNoMemory;
  for (int32_t c = 0; c < count; ++c)
    products<1>(centers + c * width, centers + c * width, call.in[0].width, norms + c);
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* x = call.in[0].row(r);
    double norm = 0.0;
    products<1>(x, x, call.in[0].width, &norm);
    double* out = call.out->row(r);
    int32_t c = 0;
    for (; c + kSums <= count; c += kSums) products<kSums>(x, centers + c * width, call.in[0].width, out + c);
    for (; c < count; ++c) products<1>(x, centers + c * width, call.in[0].width, out + c);
    for (c = 0; c < count; ++c) {
      const double sum = -2.0 * out[c] + norm + norms[c];
      out[c] = sum < 0.0 ? 0.0 : sum;
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

constexpr Param kExpanded[] = {{"centers", f64, "n_centers width"}};
constexpr Param kSparseParams[] = {{"centers", f64, "width n_centers"}, {"norms", f64, "n_centers"}};
constexpr Param kParams[] = {{"centers", f64, "n_centers width", kBindOnly}};

Status run_sparse(const RunCall& call) noexcept {
  const auto* centers = call.params[index_of(kSparseParams, "centers")].as<double>();
  const auto* norms = call.params[index_of(kSparseParams, "norms")].as<double>();
  const int64_t count = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    double* __restrict out = call.out->row(r);
    double norm = 0.0;
    for (int64_t c = 0; c < count; ++c) out[c] = 0.0;
    for (int64_t i = 0; i < row.size; ++i) {
      const double value = row.value[i];
      const double* column = centers + row.index[i] * count;
      norm += value * value;
      for (int64_t c = 0; c < count; ++c) out[c] += value * column[c];
    }
    for (int64_t c = 0; c < count; ++c) {
      const double sum = -2.0 * out[c] + norm + norms[c];
      out[c] = std::sqrt(sum < 0.0 ? 0.0 : sum);
    }
  }
  return Status::kOk;
}

Cost cost_sparse(const CostCall& call) {
  const double outputs = call.out_width;
  const double misses = doublings(8.0 * static_cast<double>(call.params[0].size), 1e6);
  return Cost{}
      .rows({{"call", 10.0}, {"centers", 3.0 * outputs}})
      .payload({{"products", 1.0 + 0.25 * outputs}, {"misses", 0.3 * misses}});
}

Cost cost_expanded(const CostCall& call) {
  return Cost{}
      .rows({{"call", 5.0}, {"products", 1.5 * call.in_width * call.out_width}})
      .scratch(8.0 * call.out_width, 0.0);
}

Cost cost(const CostCall& call) {
  return Cost{}
      .rows({{"call", 8.0},
             {"centers", 3.0 * call.out_width},
             {"products", 0.012 * static_cast<double>(call.state_bytes)}})
      .scratch(128.0 + 8.0 * call.in_width, 0.0);
}

}  // namespace
PRETZEL_KERNEL(sparse_distances, .params = kSparseParams, .in = {kSparse, "width"}, .out = {kDense, "n_centers"},
               .run = run_sparse, .cost = cost_sparse)
PRETZEL_KERNEL(expanded_distances, .params = kExpanded, .out = {kDense, "n_centers"}, .run = run_expanded,
               .cost = cost_expanded)
PRETZEL_KERNEL(distances, .params = kParams, .out = {kDense, "n_centers"}, .bind = bind, .check = check,
               .check_state = check, .run = run, .cost = cost, .flags = kHasState)
}  // namespace pretzel
