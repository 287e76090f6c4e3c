// weighted_squares: the sum of w * (x - c)^2 over the columns, for each pair of a centre c and its weights w.
// squared_norms: the sum of squares of each block of columns.
// triangular_squares: the sum of squares of the product of a lower triangular matrix and the row. Each element of the
// product is summed column by column; then squares are added up in eight lanes.
// quadratic_form: d . (M d) with d = x - c, where each sum is that of the even columns and that of the odd ones, as in
// SciPy's distances.
//
// `bind` pads centres and weights with zeros to whole vectors, as a row is padded; the weights of a centre follow it.
#include <cstring>

#include "core/kernel.h"
#include "core/rows.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr int64_t kLanes = 8;
constexpr int kVectors = kLanes / kNativeLanes;
constexpr int32_t kCenters = 4;  // sums that run side by side

constexpr Param kParams[] = {{"centers", f64, "n_centers width", kBindOnly},
                             {"weights", f64, "n_centers width", kBindOnly}};
constexpr Param kBlocks[] = {{"offsets", i32, "n_blocks+1", kHoldsOffsets, "", "width"}};

int64_t padded(int64_t width) { return (width + kLanes - 1) / kLanes * kLanes; }

const char* bind(const BindCall& call) {
  const int64_t count = call.params[0].shape[0], width = call.params[0].shape[1], stride = padded(width);
  call.state->assign(static_cast<size_t>(2 * count * stride) * sizeof(double), 0);
  uint8_t* to = call.state->data();
  for (int64_t c = 0; c < count; ++c) {
    for (int p = 0; p < 2; ++p, to += stride * sizeof(double)) {
      std::memcpy(to, call.params[p].as<double>() + c * width, static_cast<size_t>(width) * sizeof(double));
    }
  }
  return nullptr;
}

const char* check(const LoadCall& call) {
  constexpr int64_t kBytes = sizeof(double);
  const int64_t numbers = 2 * call.out->width * padded(call.in[0].width);
  const bool fits = call.state_bytes % kBytes == 0 && call.state_bytes / kBytes == numbers;
  return fits ? nullptr : "has centres of other widths";
}

template <int N>
void sums(const double* x, const double* state, int64_t stride, double* out) {
  f64xn acc[N][kVectors] = {};
  for (int64_t k = 0; k < stride; k += kLanes) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = k + v * kNativeLanes;
      const f64xn value = loadn(x + at);
      for (int i = 0; i < N; ++i) {
        const double* center = state + 2 * i * stride + at;
        const f64xn difference = value - loadn(center);
        acc[i][v] += difference * difference * loadn(center + stride);
      }
    }
  }
  for (int i = 0; i < N; ++i) out[i] = sum8(acc[i]);
}

Status run(const RunCall& call) noexcept {
  const View& in = call.in[0];
  const auto* state = reinterpret_cast<const double*>(call.state);
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
    for (; c + kCenters <= count; c += kCenters) sums<kCenters>(x, state + 2 * c * stride, stride, out + c);
    for (; c < count; ++c) sums<1>(x, state + 2 * c * stride, stride, out + c);
  }
  call.arena->release(mark);
  return Status::kOk;
}

Status run_norms(const RunCall& call) noexcept {
  const auto* offsets = call.params[0].as<int32_t>();
  const int32_t count = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t b = 0; b < count; ++b) {
      const double* block = in + offsets[b];
      out[b] = dot8(block, block, offsets[b + 1] - offsets[b]);
    }
  });
}

constexpr int32_t kStrip = 16;  // rows of the matrix that lie side by side
constexpr Param kTriangular[] = {{"strips", f64, "n_columns 16"}};

/// Columns of the strips of a matrix up to a row, where a strip begins: those of each strip up to its last row.
int64_t strip_columns(int64_t row) { return row / kStrip * (row / kStrip + 1) / 2 * kStrip; }

const char* check_triangular(const LoadCall& call) {
  const int64_t width = call.in[0].width, last = width / kStrip * kStrip;
  const int64_t columns = strip_columns(last) + (last < width ? width : 0);
  return call.params[0].shape[0] == columns ? nullptr : "has 'strips' of another number of columns than its input";
}

/// Adds the squares of a strip of `columns` columns times R rows to `squares`.
template <int R>
void add_squares(const double* const* x, int64_t columns, const double* strip, f64xn (*squares)[kVectors]) {
  constexpr int kWide = kStrip / kNativeLanes;
  f64xn acc[R][kWide] = {};
  for (int64_t k = 0; k < columns; ++k) {
    f64xn column[kWide];
    for (int v = 0; v < kWide; ++v) column[v] = loadn(strip + k * kStrip + v * kNativeLanes);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < kWide; ++v) acc[r][v] += x[r][k] * column[v];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < kWide; ++v) squares[r][v % kVectors] += acc[r][v] * acc[r][v];
  }
}

Status run_triangular(const RunCall& call) noexcept {
  constexpr int32_t kRows = kNativeLanes / 2;  // as many sums as there are registers
  const auto* strips = call.params[0].as<double>();
  const int64_t width = call.in[0].width;
  const auto mark = call.arena->mark();
  auto* squares = call.arena->alloc_n<f64xn[kVectors]>(static_cast<size_t>(call.rows));
  if (squares == nullptr) return Status::kNoMemory;
  std::memset(squares, 0, sizeof(f64xn[kVectors]) * static_cast<size_t>(call.rows));
  for (int64_t first = 0; first < width; first += kStrip) {
    const int64_t columns = first + kStrip < width ? first + kStrip : width;
    const double* strip = strips + strip_columns(first) * kStrip;
    const double* x[kRows];
    int32_t r = 0;
    for (; r + kRows <= call.rows; r += kRows) {
      for (int32_t i = 0; i < kRows; ++i) x[i] = call.in[0].row(r + i);
      add_squares<kRows>(x, columns, strip, squares + r);
    }
    for (; r < call.rows; ++r) {
      x[0] = call.in[0].row(r);
      add_squares<1>(x, columns, strip, squares + r);
    }
  }
  for (int32_t r = 0; r < call.rows; ++r) call.out->row(r)[0] = sum8(squares[r]);
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost_triangular(const CostCall& call) {
  const double width = call.in_width;
  return Cost{}.rows({{"call", 5.0}, {"strips", 0.3 * width}, {"products", 0.05 * width * width}}).scratch(64.0, 0.0);
}

constexpr Param kForm[] = {{"center", f64, "width"}, {"transposed", f64, "width width"}};

Status run_form(const RunCall& call) noexcept {
  const int64_t width = call.in[0].width, pairs = width / 2 * 2;
  const auto* center = call.params[index_of(kForm, "center")].as<double>();
  const auto* transposed = call.params[index_of(kForm, "transposed")].as<double>();
  const auto mark = call.arena->mark();
  double* __restrict even = call.arena->alloc_n<double>(static_cast<size_t>(2 * width));
  if (even == nullptr) return Status::kNoMemory;
  double* __restrict odd = even + width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* x = call.in[0].row(r);
    for (int64_t i = 0; i < width; ++i) even[i] = odd[i] = 0.0;
    for (int64_t j = 0; j < pairs; j += 2) {
      const double first = x[j] - center[j], second = x[j + 1] - center[j + 1];
      const double* column = transposed + j * width;
      for (int64_t i = 0; i < width; ++i) {
        even[i] += column[i] * first;
        odd[i] += column[width + i] * second;
      }
    }
    for (int64_t i = 0; i < width; ++i) even[i] += odd[i];
    if (pairs < width) {
      const double last = x[pairs] - center[pairs];
      for (int64_t i = 0; i < width; ++i) even[i] += transposed[pairs * width + i] * last;
    }
    double sum = 0.0, other = 0.0;
    for (int64_t i = 0; i < pairs; i += 2) {
      sum += (x[i] - center[i]) * even[i];
      other += (x[i + 1] - center[i + 1]) * even[i + 1];
    }
    sum += other;
    if (pairs < width) sum += (x[pairs] - center[pairs]) * even[pairs];
    call.out->row(r)[0] = sum;
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost_form(const CostCall& call) {
  const double width = call.in_width;
  return Cost{}
      .rows({{"call", 5.0}, {"columns", 3.0 * width}, {"products", 0.15 * width * width}})
      .scratch(16.0 * width, 0.0);
}

Cost cost(const CostCall& call) {
  return Cost{}
      .rows({{"call", 8.0},
             {"centers", 3.0 * call.out_width},
             {"products", 0.01 * static_cast<double>(call.state_bytes)}})
      .scratch(128.0 + 8.0 * call.in_width, 0.0);
}

Cost cost_norms(const CostCall& call) {
  return Cost{}.rows({{"call", 2.0}, {"inputs", 0.15 * call.in_width}, {"outputs", 3.0 * call.out_width}});
}

}  // namespace
PRETZEL_KERNEL(quadratic_form, .params = kForm, .out = {kDense, "1"}, .run = run_form, .cost = cost_form)
PRETZEL_KERNEL(triangular_squares, .params = kTriangular, .out = {kDense, "1"}, .check = check_triangular,
               .run = run_triangular, .cost = cost_triangular)
PRETZEL_KERNEL(weighted_squares, .params = kParams, .out = {kDense, "n_centers"}, .bind = bind, .check = check,
               .check_state = check, .run = run, .cost = cost, .flags = kHasState)
PRETZEL_KERNEL(squared_norms, .params = kBlocks, .out = {kDense, "n_blocks"}, .run = run_norms, .cost = cost_norms)
}  // namespace pretzel
