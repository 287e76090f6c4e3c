// Places of rows in an embedding. The first input holds the distances of the nearest stored rows, then their numbers.
// neighbor_paths: -0.5 * d * d of the shortest paths to all stored rows, which begin with a step to some neighbour.
// neighbor_combination: what stands for the neighbours, with the weights of their sum that comes nearest to the row.
#include <cmath>

#include "core/kernel.h"
#include "core/neighbors_found.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr Param kPaths[] = {{"paths", f64, "n_points n_points"}};
constexpr Param kCombination[] = {
    {"points", f64, "n_points width"}, {"embedding", f64, "n_points n_out"}, {"regularization", f64, ""}};
constexpr int64_t kMost = 1 << 12;  // of neighbours whose products fit into memory

const char* check_paths(const LoadCall& call) { return check_neighbors(call.in[0]); }

const char* check_combination(const LoadCall& call) {
  if (call.in.size() != 2) return "reads something else than neighbours and rows";
  if (call.in[1].width != call.params[0].shape[1]) return "reads rows of another width";
  if (call.in[0].width > 2 * kMost) return "has too many neighbours";
  return check_neighbors(call.in[0]);
}

Status run_paths(const RunCall& call) noexcept {
  const Array& paths = call.params[0];
  const int64_t points = paths.shape[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const Neighbors found(call.in[0], r);
    double* __restrict out = call.out->row(r);
    for (int64_t i = 0; i < found.size; ++i) {
      const int64_t point = found.at(i, points);
      if (point < 0) return call.reject(Status::kOutOfRange, r, static_cast<int32_t>(i));
      const double* from = paths.as<double>() + point * points;
      const double step = found.distances[i];
      if (i == 0) {
        for (int64_t j = 0; j < points; ++j) out[j] = from[j] + step;
      } else {
        for (int64_t j = 0; j < points; ++j) out[j] = from[j] + step < out[j] ? from[j] + step : out[j];
      }
    }
    for (int64_t j = 0; j < points; ++j) out[j] = out[j] * out[j] * -0.5;
  }
  return Status::kOk;
}

/// Solves the equations of a positive definite matrix, whose lower part becomes its root, for ones.
bool solve(double* matrix, int64_t n, double* x) {
  for (int64_t i = 0; i < n; ++i) {
    double* row = matrix + i * n;
    double value = 1.0;
    for (int64_t j = 0; j <= i; ++j) {
      double sum = row[j];
      for (int64_t m = 0; m < j; ++m) sum -= row[m] * matrix[j * n + m];
      if (j < i) {
        row[j] = sum / matrix[j * n + j];
        value -= row[j] * x[j];
      } else {
        if (!(sum > 0.0)) return false;
        row[i] = std::sqrt(sum);
      }
    }
    x[i] = value / row[i];
  }
  for (int64_t i = n - 1; i >= 0; --i) {
    for (int64_t m = i + 1; m < n; ++m) x[i] -= matrix[m * n + i] * x[m];
    x[i] /= matrix[i * n + i];
  }
  return true;
}

Status run_combination(const RunCall& call) noexcept {
  const Array &points = call.params[0], &embedding = call.params[1];
  const auto regularization = call.params[2].scalar<double>();
  const int64_t k = call.in[0].width / 2, width = points.shape[1], outputs = embedding.shape[1];
  const auto mark = call.arena->mark();
  auto* away = call.arena->alloc_n<double>(static_cast<size_t>(k * width));
  auto* products = call.arena->alloc_n<double>(static_cast<size_t>(k * k));
  auto* weights = call.arena->alloc_n<double>(static_cast<size_t>(k));
  if (away == nullptr || products == nullptr || weights == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const Neighbors found(call.in[0], r);
    const double* x = call.in[1].row(r);
    double trace = 0.0, total = 0.0;
    for (int64_t i = 0; i < k; ++i) {
      const int64_t point = found.at(i, points.shape[0]);
      if (point < 0) return call.reject(Status::kOutOfRange, r, static_cast<int32_t>(i));
      const double* stored = points.as<double>() + point * width;
      double* own = away + i * width;
      for (int64_t j = 0; j < width; ++j) own[j] = stored[j] - x[j];
      for (int64_t m = 0; m <= i; ++m) products[i * k + m] = dot8(own, away + m * width, width);
      trace += products[i * k + i];
    }
    const double added = regularization * (trace > 0.0 ? trace : 1.0);
    if (!std::isfinite(trace + added)) return call.reject(Status::kInfinite, r);
    for (int64_t i = 0; i < k; ++i) products[i * k + i] += added;
    if (!solve(products, k, weights)) return call.reject(Status::kBeyondLimits, r);
    for (int64_t i = 0; i < k; ++i) total += weights[i];
    double* __restrict out = call.out->row(r);
    for (int64_t j = 0; j < outputs; ++j) out[j] = 0.0;
    for (int64_t i = 0; i < k; ++i) {
      const double* stands = embedding.as<double>() + found.at(i, points.shape[0]) * outputs;
      for (int64_t j = 0; j < outputs; ++j) out[j] += stands[j] * (weights[i] / total);
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost_paths(const CostCall& call) {
  const double points = call.out_width, k = call.in_width / 2.0;
  return Cost{}.rows({{"call", 5.0}, {"paths", 0.3 * k * points}, {"squares", 0.3 * points}});
}

Cost cost_combination(const CostCall& call) {
  const auto width = static_cast<double>(call.params[0].shape[1]);
  const double k = (call.in_width - width) / 2.0;
  return Cost{}
      .rows({{"call", 20.0},
             {"products", k * k * (3.0 + 0.2 * width)},
             {"equations", k * (20.0 + k * (2.0 + 0.2 * k))},
             {"values", 1.0 * k * (width + call.out_width)}})
      .scratch(192.0 + 8.0 * k * (width + k + 1.0), 0.0);
}

}  // namespace
PRETZEL_KERNEL(neighbor_paths, .params = kPaths, .in = {kDense}, .out = {kDense, "n_points"}, .check = check_paths,
               .run = run_paths, .cost = cost_paths)
PRETZEL_KERNEL(neighbor_combination, .params = kCombination, .in = {kDense}, .out = {kDense, "n_out"},
               .check = check_combination, .run = run_combination, .cost = cost_combination)
}  // namespace pretzel
