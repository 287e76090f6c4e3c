// distances: sqrt(sum((x - center)^2)) for each centre.
// expanded_distances: max(-2 x.c + |x|^2 + |c|^2, 0) for each centre, each sum in the order of the columns.
//
// `bind` pads the centres with zeros to whole vectors; a row is padded likewise, so no sum has a tail.
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

double sequential_dot(const double* a, const double* b, int32_t n) {
  double sum = 0.0;
  for (int32_t k = 0; k < n; ++k) sum += a[k] * b[k];
  return sum;
}

Status run_expanded(const RunCall& call) noexcept {
  const auto* centers = call.params[0].as<double>();
  const int32_t width = call.in[0].width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* x = call.in[0].row(r);
    const double* center = centers;
    const double norm = sequential_dot(x, x, width);
    double* out = call.out->row(r);
    for (int32_t c = 0; c < call.out->width; ++c, center += width) {
      const double sum = -2.0 * sequential_dot(x, center, width) + norm + sequential_dot(center, center, width);
      out[c] = sum < 0.0 ? 0.0 : sum;
    }
  }
  return Status::kOk;
}

Cost cost_expanded(const CostCall& call) {
  return Cost{}.rows({{"call", 5.0}, {"products", 1.5 * call.in_width * call.out_width}});
}

Cost cost(const CostCall& call) {
  return Cost{}
      .rows({{"call", 8.0},
             {"centers", 3.0 * call.out_width},
             {"products", 0.012 * static_cast<double>(call.state_bytes)}})
      .scratch(128.0 + 8.0 * call.in_width, 0.0);
}

constexpr Param kExpanded[] = {{"centers", f64, "n_centers width"}};
constexpr Param kParams[] = {{"centers", f64, "n_centers width", kBindOnly}};

}  // namespace
PRETZEL_KERNEL(expanded_distances, .params = kExpanded, .out = {kDense, "n_centers"}, .run = run_expanded,
               .cost = cost_expanded)
PRETZEL_KERNEL(distances, .params = kParams, .out = {kDense, "n_centers"}, .bind = bind, .check = check,
               .check_state = check, .run = run, .cost = cost, .flags = kHasState)
}  // namespace pretzel
