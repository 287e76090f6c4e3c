// Scores to answers: probabilities, their logarithms, class numbers.
#include <cmath>

#include "core/rows.h"
#include "core/vmath.h"

namespace pretzel {
namespace {

template <class F>
Status each_lane(const RunCall& call, F f) noexcept {
  return each_stretch(call, [f](const double* in, double* out, int32_t n) { map_row(in, out, n, f); });
}

Status run_expit(const RunCall& call) noexcept { return each_lane(call, vexpit); }
Status run_exp(const RunCall& call) noexcept { return each_lane(call, vexp); }
Status run_signed_square(const RunCall& call) noexcept {
  return each_value(call, [](double x) { return (x < 0.0 ? -x : x) * x; });
}
Status run_log(const RunCall& call) noexcept {
  return each_value(call, [](double x) { return std::log(x); });
}
Status run_huber(const RunCall& call) noexcept {
  return each_value(call, [](double x) { return ((x < -1.0 ? -1.0 : x > 1.0 ? 1.0 : x) + 1.0) / 2.0; });
}

// Comparisons become numbers without a branch, because a branch on data is mispredicted.
Status run_threshold(const RunCall& call) noexcept {
  const auto cut = call.params[0].scalar<double>();
  if (call.params[1].scalar<uint8_t>() != 0) {
    return each_value(call, [cut](double x) { return static_cast<double>(static_cast<int32_t>(x >= cut)); });
  }
  return each_value(call, [cut](double x) { return static_cast<double>(static_cast<int32_t>(x > cut)); });
}

void put_pair(double* out, double p) noexcept {
  out[0] = 1.0 - p;
  out[1] = p;
}

Status run_pair(const RunCall& call) noexcept {
  return each_row(call, [](const double* in, double* out) { put_pair(out, in[0]); });
}

Status run_sigmoid(const RunCall& call) noexcept {
  const View& in = call.in[0];
  int32_t r = 0;
  for (; r + 8 <= call.rows; r += 8) {
    double p[8];
    for (int32_t i = 0; i < 8; ++i) p[i] = in.row(r + i)[0];
    store8(p, vexpit(load8(p)));
    for (int32_t i = 0; i < 8; ++i) put_pair(call.out->row(r + i), p[i]);
  }
  for (; r < call.rows; ++r) put_pair(call.out->row(r), map_one(in.row(r)[0], vexpit));
  return Status::kOk;
}

double row_sum(const double* x, int32_t n) {
  double total = 0.0;
  for (int32_t j = 0; j < n; ++j) total += x[j];
  return total;
}

double row_max(const double* x, int32_t n) {
  double top = x[0];
  for (int32_t j = 1; j < n; ++j) top = x[j] > top ? x[j] : top;
  return top;
}

void softmax_row(const double* in, double* out, int32_t width) {
  const double top = row_max(in, width);
  map_row(in, out, width, [top](f64x8 x) { return vexp(x - top); });
  const double total = row_sum(out, width);
  map_row(out, out, width, [total](f64x8 x) { return x / total; });
}

Status run_softmax(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) { softmax_row(in, out, width); });
}

Status run_softmax_of_blocks(const RunCall& call) noexcept {
  const auto blocks = call.params[0].scalar<int32_t>();
  const int32_t width = call.out->width / blocks;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t i = 0; i < blocks; ++i, in += width, out += width) softmax_row(in, out, width);
  });
}

const char* check_blocks(const LoadCall& call) {
  const auto blocks = call.params[0].scalar<int32_t>();
  const bool fits = blocks > 0 && call.in[0].width > 0 && call.in[0].width % blocks == 0;
  return fits ? nullptr : "reads another number of blocks";
}

/// Pairs of `n` scores. What is still to be read of the second half never lies before what is written.
void sigmoid_pairs(const double* in, double* out, int32_t n) {
  map_row(in, out + n, n, vexpit);
  for (int32_t j = 0; j < n; ++j) put_pair(out + 2 * static_cast<int64_t>(j), out[n + j]);
}

Status run_sigmoid_pairs(const RunCall& call) noexcept {
  const int32_t width = call.in[0].width;
  if (call.in[0].stride == width && call.out->stride == 2 * width) {
    sigmoid_pairs(call.in[0].dense, call.out->dense, call.rows * width);
    return Status::kOk;
  }
  return each_row(call, [=](const double* in, double* out) { sigmoid_pairs(in, out, width); });
}

const char* check_pairs(const LoadCall& call) {
  return call.out->width == 2 * call.in[0].width ? nullptr : "writes another number of pairs";
}

double log_sum(const double* x, int32_t width) {
  double top = row_max(x, width);
  if (!(std::fabs(top) < INFINITY)) top = 0.0;  // then the sum is infinite, zero or no number, as SciPy has it
  double total = 0.0;
  for (int32_t j = 0; j < width; j += 8) {
    double part[8];
    const int32_t n = width - j < 8 ? width - j : 8;
    map_row(x + j, part, n, [top](f64x8 v) { return vexp(v - top); });
    total += row_sum(part, n);
  }
  return top + std::log(total);
}

Status run_log_softmax(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    const double shift = log_sum(in, width);
    for (int32_t j = 0; j < width; ++j) out[j] = in[j] - shift;
  });
}

Status run_log_sum_exp(const RunCall& call) noexcept {
  const int32_t width = call.in[0].width;
  return each_row(call, [=](const double* in, double* out) { out[0] = log_sum(in, width); });
}

/// What becomes of a row of zeros.
PRETZEL_ENUM(Zeros, uint8_t, kNaN, kUniform, kKeep);

Status run_normalize(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  const auto zeros = call.params[0].scalar<Zeros>();
  return each_row(call, [=](const double* in, double* out) {
    const double total = row_sum(in, width);
    const double divisor = zeros == Zeros::kKeep && total == 0.0 ? 1.0 : total;
    for (int32_t j = 0; j < width; ++j) {
      out[j] = zeros == Zeros::kUniform && total == 0.0 ? 1.0 / width : in[j] / divisor;
    }
  });
}

/// The same of values of float32, each result rounded to float32.
Status run_normalize_float32(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  const auto zeros = call.params[0].scalar<Zeros>();
  return each_row(call, [=](const double* in, double* out) {
    double total = 0.0;
    for (int32_t j = 0; j < width; ++j) total = static_cast<float>(total + in[j]);
    const double divisor = zeros == Zeros::kKeep && total == 0.0 ? 1.0 : total;
    for (int32_t j = 0; j < width; ++j) {
      out[j] = static_cast<float>(zeros == Zeros::kUniform && total == 0.0 ? 1.0 / width : in[j] / divisor);
    }
  });
}

template <class Better>
Status best(const RunCall& call, Better better) noexcept {
  const int32_t width = call.in[0].width;
  return each_row(call, [=](const double* in, double* out) {
    double top = in[0];
    int32_t found = 0;
    for (int32_t j = 1; j < width; ++j) {
      const bool wins = better(in[j], top);
      top = wins ? in[j] : top;
      found = wins ? j : found;
    }
    out[0] = found;
  });
}

/// The first NaN is the largest, as for NumPy.
Status run_argmax(const RunCall& call) noexcept {
  return best(call, [](double a, double b) { return a > b || (a != a && b == b); });
}
Status run_argmin(const RunCall& call) noexcept {
  return best(call, [](double a, double b) { return a < b; });
}

double vectors_of(double values) { return std::ceil(values / 8); }

/// Rows that lie together share their vectors.
Cost cost_lanes(const CostCall& call) {
  return Cost{}
      .rows({{"call", 1.0}, {"inputs", 1.5 * call.in_width}, {"outputs", 0.5 * call.out_width}})
      .first_row({{"call", 8.0}, {"vectors", 12.0 * vectors_of(call.in_width)}});
}

Cost cost_softmax(const CostCall& call) {
  return Cost{}.rows({{"call", 8.0}, {"vectors", 16.0 * vectors_of(call.in_width)}, {"inputs", 2.0 * call.in_width}});
}

Cost cost_log(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"inputs", 6.0 * call.in_width}}); }

Cost cost_plain(const CostCall& call) {
  return Cost{}.rows({{"call", 2.0}, {"inputs", 0.7 * call.in_width}, {"outputs", 0.5 * call.out_width}});
}

constexpr Param kBlocks[] = {{"blocks", i32, ""}};
constexpr Param kNormalizeSum[] = {{.name = "uniform", .dtype = u8, .choices = kZerosNames}};
constexpr Param kThreshold[] = {{"cut", f64, ""}, {"inclusive", u8, ""}};

}  // namespace
PRETZEL_KERNEL(sigmoid, .in = {kDense, "1"}, .out = {kDense, "2"}, .run = run_sigmoid, .cost = cost_lanes)
PRETZEL_KERNEL(expit, .run = run_expit, .cost = cost_lanes)
PRETZEL_KERNEL(signed_square, .run = run_signed_square, .cost = cost_plain)
PRETZEL_KERNEL(softmax, .in = {kDense, "n+1"}, .out = {kDense, "n+1"}, .run = run_softmax, .cost = cost_softmax)
PRETZEL_KERNEL(softmax_of_blocks, .params = kBlocks, .check = check_blocks, .run = run_softmax_of_blocks,
               .cost = cost_softmax)
PRETZEL_KERNEL(sigmoid_pairs, .in = {kDense, "n"}, .out = {kDense, "n_out"}, .check = check_pairs,
               .run = run_sigmoid_pairs, .cost = cost_lanes)
PRETZEL_KERNEL(log_softmax, .in = {kDense, "n+1"}, .out = {kDense, "n+1"}, .run = run_log_softmax, .cost = cost_softmax)
PRETZEL_KERNEL(log_sum_exp, .in = {kDense, "n+1"}, .out = {kDense, "1"}, .run = run_log_sum_exp, .cost = cost_softmax)
PRETZEL_KERNEL(normalize_sum, .params = kNormalizeSum, .run = run_normalize, .cost = cost_plain)
PRETZEL_KERNEL(normalize_sum_float32, .params = kNormalizeSum, .run = run_normalize_float32, .cost = cost_plain)
PRETZEL_KERNEL(huber_probability, .run = run_huber, .cost = cost_plain)
PRETZEL_KERNEL(pair, .in = {kDense, "1"}, .out = {kDense, "2"}, .run = run_pair, .cost = cost_plain)
PRETZEL_KERNEL(exp, .run = run_exp, .cost = cost_lanes)
PRETZEL_KERNEL(log, .run = run_log, .cost = cost_log)
PRETZEL_KERNEL(argmax, .in = {kDense, "n+1"}, .out = {kDense, "1"}, .run = run_argmax, .cost = cost_plain)
PRETZEL_KERNEL(argmin, .in = {kDense, "n+1"}, .out = {kDense, "1"}, .run = run_argmin, .cost = cost_plain)
PRETZEL_KERNEL(threshold, .params = kThreshold, .run = run_threshold, .cost = cost_plain)
}  // namespace pretzel
