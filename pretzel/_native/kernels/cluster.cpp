// distances: sqrt(sum((x - center)^2)) for each centre.
// expanded_distances: max(-2 x.c + |x|^2 + |c|^2, 0) for each centre, each sum in the order of the columns.
// nearest_center: the number of the centre of the least of these, or of -2 x.c + |c|^2 with |c|^2 as it is given; the
// first of equals.
// sparse_distances: the root of it for sparse x, with each sum in the order of the entries and |c|^2 as it is given.
//
// For `distances`, `bind` pads the centres with zeros to whole vectors; a row is padded likewise, so no sum has a tail.
// For `nearest_center`, it makes bounds: what is measured are those centres that may be the nearest.
#include <cmath>
#include <cstring>

#include "core/center_bounds.h"
#include "core/kernel.h"
#include "core/simd.h"
#include "core/state_check.h"

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

double expanded(double product, double norm, double center_norm) {
  const double sum = -2.0 * product + norm + center_norm;
  return sum < 0.0 ? 0.0 : sum;
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
    for (c = 0; c < count; ++c) out[c] = expanded(out[c], norm, norms[c]);
  }
  call.arena->release(mark);
  return Status::kOk;
}

constexpr int kRows = 4;  // that read a block of centres together

const char* bind_nearest(const BindCall& call) {
  const Array& centers = call.params[0];
  const CenterLayout at(centers.shape[0], centers.shape[1]);
  call.state->assign(static_cast<size_t>(at.bytes), 0);
  copy_centers(centers.as<double>(), at, call.state->data());
  auto* norms = reinterpret_cast<double*>(call.state->data() + at.norms);
  for (int64_t c = 0; c < at.count; ++c) {
    const double* center = centers.as<double>() + c * at.width;
    products<1>(center, center, static_cast<int32_t>(at.width), norms + c);
  }
  return nullptr;
}

const char* check_nearest(const LoadCall& call) {
  const Array &centers = call.params[0], &norms = call.params[1];
  if (norms.size != 0 && norms.size != centers.shape[0]) return "has norms of other centres";
  return call.state_bytes == CenterLayout(centers.shape[0], centers.shape[1]).bytes ? nullptr : kTruncated;
}

class NearestCenter {
 public:
  explicit NearestCenter(const RunCall& call)
      : centers_(call.params[0].as<double>()),
        width_(call.in[0].width),
        at_(call.params[0].shape[0], width_),
        is_given_(call.params[1].size > 0),
        norms_(is_given_ ? call.params[1].as<double>() : reinterpret_cast<const double*>(call.state + at_.norms)),
        bounds_(call.state, at_) {}

  Status run(const RunCall& call) const noexcept {
    const auto mark = call.arena->mark();
    auto* copies = call.arena->alloc_n<float>(static_cast<size_t>(kRows * at_.stride()));
    auto* scores = call.arena->alloc_n<float>(static_cast<size_t>(kRows * at_.blocks * kBlock));
    if (copies == nullptr || scores == nullptr) return Status::kNoMemory;
    int32_t r = 0;
    for (; r + kRows <= call.rows; r += kRows) find<kRows>(call, r, copies, scores);
    for (; r < call.rows; ++r) find<1>(call, r, copies, scores);
    call.arena->release(mark);
    return Status::kOk;
  }

 private:
  template <int kCount>
  void find(const RunCall& call, int32_t r, float* copies, float* scores) const {
    CenterBounds::Row rows[kCount];
    for (int i = 0; i < kCount; ++i) rows[i] = bounds_.copy_row(call.in[0].row(r + i), copies + i * at_.stride());
    bounds_.score<kCount>(copies, scores);
    for (int i = 0; i < kCount; ++i, scores += at_.blocks * kBlock) {
      call.out->row(r + i)[0] = nearest(call.in[0].row(r + i), scores, bounds_.limit_of_least(scores, rows[i]));
    }
  }

  int32_t nearest(const double* x, const float* scores, float limit) const {
    int candidates = 0;
    int64_t only = 0;
    for (int64_t block = 0; block < at_.blocks; ++block) {
      const uint32_t near = bounds_.near(scores, block, limit);
      if (near == 0) continue;
      candidates += __builtin_popcount(near);
      only = block * kBlock + __builtin_ctz(near);
    }
    if (candidates == 1) return static_cast<int32_t>(only);
    Least least(x, width_);
    measure<1>(least, 0);  // the answer, too, where all are NaN
    for (int64_t block = 0; block < at_.blocks; ++block) {
      const uint32_t near = bounds_.near(scores, block, limit);
      int64_t c = block * kBlock;
      const int64_t end = c + kBlock < at_.count ? c + kBlock : at_.count;
      if (__builtin_popcount(near) > kFew) {
        for (; c + kSums <= end; c += kSums) measure<kSums>(least, c);
        for (; c < end; ++c) measure<1>(least, c);
      } else {
        for (uint32_t rest = near; rest != 0; rest &= rest - 1) measure<1>(least, c + __builtin_ctz(rest));
      }
    }
    return static_cast<int32_t>(least.center);
  }

  struct Least {
    const double* x;
    double norm = 0.0, distance = HUGE_VAL;
    int64_t center = -1;

    Least(const double* row, int32_t width) : x(row) { products<1>(x, x, width, &norm); }
  };

  template <int N>
  void measure(Least& least, int64_t first) const {
    double found[N];
    products<N>(least.x, centers_ + first * width_, width_, found);
    for (int i = 0; i < N; ++i) {
      const double norm = norms_[first + i];
      const double distance = is_given_ ? -2.0 * found[i] + norm : expanded(found[i], least.norm, norm);
      if (least.center >= 0 && !(distance < least.distance)) continue;
      least.distance = distance;
      least.center = first + i;
    }
  }

  static constexpr int kFew = 3;  // centres of a block that are measured one by one

  const double* centers_;
  int32_t width_;
  CenterLayout at_;
  bool is_given_;
  const double* norms_;
  CenterBounds bounds_;
};

Status run_nearest(const RunCall& call) noexcept { return NearestCenter(call).run(call); }

constexpr Param kNearest[] = {{"centers", f64, "n+1 width"}, {"norms", f64, "n_norms", kMayBeEmpty}};
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
    for (int64_t c = 0; c < count; ++c) out[c] = std::sqrt(expanded(out[c], norm, norms[c]));
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

Cost cost_nearest(const CostCall& call) {
  const auto centers = static_cast<double>(call.params[0].shape[0]);
  const double blocks = std::ceil(centers / kBlock);
  return Cost{}
      .rows({{"call", 20.0}, {"columns", 1.5 * call.in_width}, {"blocks", blocks * (2.0 + 0.5 * call.in_width)}})
      .scratch(256.0 + 4.0 * kRows * (call.in_width + 8.0 + blocks * kBlock), 0.0);
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
PRETZEL_KERNEL(nearest_center, .params = kNearest, .out = {kDense, "1"}, .bind = bind_nearest, .check = check_nearest,
               .check_state = check_nearest, .run = run_nearest, .cost = cost_nearest, .flags = kHasState)
PRETZEL_KERNEL(distances, .params = kParams, .out = {kDense, "n_centers"}, .bind = bind, .check = check,
               .check_state = check, .run = run, .cost = cost, .flags = kHasState)
}  // namespace pretzel
