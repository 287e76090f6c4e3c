// Answers from the nearest stored rows. The input holds the distances of these rows, then their numbers.
// neighbor_votes: weights of each class, added up in the order of the neighbours, or as NumPy adds up a row.
// neighbor_means: means of their targets, weighted or not.
// neighbor_graph: distances to them, or ones, as sparse rows with a column for each stored row.
// neighbor_density: minus the mean density of the neighbours, as parts of that of the row itself (local outliers).
#include <cmath>

#include "core/kernel.h"
#include "core/neighbors_found.h"

namespace pretzel {
namespace {

constexpr Param kVotes[] = {
    {"codes", i32, "n_points", kHoldsIndices, "", "classes"}, {"by_distance", u8, ""}, {"as_numpy", u8, ""}};
constexpr Param kMeans[] = {{"values", f64, "n_points n_out"}, {"by_distance", u8, ""}};
constexpr Param kGraph[] = {{"by_distance", u8, ""}};
constexpr Param kDensity[] = {{"reach", f64, "n_points"}, {"density", f64, "n_points"}};

const char* check(const LoadCall& call) { return check_neighbors(call.in[0]); }

/// Weights are inverse distances, but where one is infinite: then it is 1, and others are 0.
void weigh(const Neighbors& found, bool by_distance, double* weights) {
  if (!by_distance) {
    for (int64_t i = 0; i < found.size; ++i) weights[i] = 1.0;
    return;
  }
  bool meets = false;
  for (int64_t i = 0; i < found.size; ++i) {
    weights[i] = 1.0 / found.distances[i];
    meets |= std::isinf(weights[i]);
  }
  if (!meets) return;
  for (int64_t i = 0; i < found.size; ++i) weights[i] = std::isinf(weights[i]) ? 1.0 : 0.0;
}

/// Sum of `n` values in NumPy's order: eight sums side by side, of halves where they are more than 128.
double numpy_sum(const double* values, int64_t n) {
  if (n > 128) {
    const int64_t half = n / 2 - n / 2 % 8;
    return numpy_sum(values, half) + numpy_sum(values + half, n - half);
  }
  double sum = 0.0;
  int64_t i = 0;
  if (n >= 8) {
    double lanes[8];
    for (; i < 8; ++i) lanes[i] = values[i];
    for (; i + 8 <= n; i += 8) {
      for (int64_t lane = 0; lane < 8; ++lane) lanes[lane] += values[i + lane];
    }
    sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  }
  for (; i < n; ++i) sum += values[i];
  return sum;
}

Status run_votes(const RunCall& call) noexcept {
  const Array& codes = call.params[index_of(kVotes, "codes")];
  const bool by_distance = call.params[index_of(kVotes, "by_distance")].scalar<uint8_t>() != 0;
  const bool as_numpy = call.params[index_of(kVotes, "as_numpy")].scalar<uint8_t>() != 0;
  const int32_t k = call.in[0].width / 2, classes = call.out->width;
  const auto mark = call.arena->mark();
  auto* weights = call.arena->alloc_n<double>(static_cast<size_t>(k));
  auto* own = call.arena->alloc_n<double>(static_cast<size_t>(k));
  auto* voted = call.arena->alloc_n<int32_t>(static_cast<size_t>(k));
  if (weights == nullptr || own == nullptr || voted == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const Neighbors found(call.in[0], r);
    weigh(found, by_distance, weights);
    for (int32_t i = 0; i < k; ++i) {
      const int64_t point = found.at(i, codes.size);
      if (point < 0) return call.reject(Status::kOutOfRange, r, i);
      voted[i] = codes.as<int32_t>()[point];
    }
    double* out = call.out->row(r);
    if (as_numpy) {
      for (int32_t c = 0; c < classes; ++c) {
        // Apart from the sum: GCC 12 adds up other values where it makes vectors of such choices in a nested loop.
        for (int32_t i = 0; i < k; ++i) own[i] = voted[i] == c ? weights[i] : 0.0;
        out[c] = numpy_sum(own, k);
      }
      continue;
    }
    for (int32_t c = 0; c < classes; ++c) out[c] = 0.0;
    for (int32_t i = 0; i < k; ++i) out[voted[i]] += weights[i];
  }
  call.arena->release(mark);
  return Status::kOk;
}

Status run_means(const RunCall& call) noexcept {
  const Array& values = call.params[index_of(kMeans, "values")];
  const bool by_distance = call.params[index_of(kMeans, "by_distance")].scalar<uint8_t>() != 0;
  const int32_t k = call.in[0].width / 2, outputs = call.out->width;
  const auto mark = call.arena->mark();
  auto* weights = call.arena->alloc_n<double>(static_cast<size_t>(k));
  if (weights == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const Neighbors found(call.in[0], r);
    weigh(found, by_distance, weights);
    double* __restrict out = call.out->row(r);
    double total = 0.0;
    for (int32_t j = 0; j < outputs; ++j) out[j] = 0.0;
    for (int32_t i = 0; i < k; ++i) {
      const int64_t point = found.at(i, values.shape[0]);
      if (point < 0) return call.reject(Status::kOutOfRange, r, i);
      const double* value = values.as<double>() + point * outputs;
      for (int32_t j = 0; j < outputs; ++j) out[j] += value[j] * weights[i];
      total += weights[i];
    }
    for (int32_t j = 0; j < outputs; ++j) out[j] /= total;
  }
  call.arena->release(mark);
  return Status::kOk;
}

Status run_graph(const RunCall& call) noexcept {
  const bool by_distance = call.params[index_of(kGraph, "by_distance")].scalar<uint8_t>() != 0;
  for (int32_t r = 0; r < call.rows; ++r) {
    const Neighbors found(call.in[0], r);
    auto* index = call.arena->alloc_n<int32_t>(static_cast<size_t>(found.size));
    auto* value = call.arena->alloc_n<double>(static_cast<size_t>(found.size));
    if (index == nullptr || value == nullptr) return Status::kNoMemory;
    for (int64_t i = 0; i < found.size; ++i) {
      const int64_t point = found.at(i, call.out->width);
      if (point < 0) return call.reject(Status::kOutOfRange, r, static_cast<int32_t>(i));
      index[i] = static_cast<int32_t>(point);
      value[i] = by_distance ? found.distances[i] : 1.0;
    }
    call.out->sparse[r] = {index, value, found.size};
  }
  return Status::kOk;
}

Status run_density(const RunCall& call) noexcept {
  const Array& reach = call.params[index_of(kDensity, "reach")];
  const auto* density = call.params[index_of(kDensity, "density")].as<double>();
  for (int32_t r = 0; r < call.rows; ++r) {
    const Neighbors found(call.in[0], r);
    const auto k = static_cast<double>(found.size);
    double reached = 0.0, ratios = 0.0;
    for (int64_t i = 0; i < found.size; ++i) {
      const int64_t point = found.at(i, reach.size);
      if (point < 0) return call.reject(Status::kOutOfRange, r, static_cast<int32_t>(i));
      const double own = reach.as<double>()[point];
      reached += found.distances[i] < own ? own : found.distances[i];
    }
    const double of_row = 1.0 / (reached / k + 1e-10);
    for (int64_t i = 0; i < found.size; ++i) ratios += density[found.at(i, reach.size)] / of_row;
    call.out->row(r)[0] = -(ratios / k);
  }
  return Status::kOk;
}

/// Nanoseconds for which `n` values of an array of this size are waited for, each in a place of its own.
double time_of_misses(double n, double bytes) { return 8.0 * n * doublings(bytes, 16e3); }

Cost cost_votes(const CostCall& call) {
  const double k = call.in_width / 2.0, classes = call.out_width;
  const bool as_numpy = call.params[index_of(kVotes, "as_numpy")].scalar<uint8_t>() != 0;
  const double codes = static_cast<double>(call.params[index_of(kVotes, "codes")].size);
  return Cost{}
      .rows({{"call", 5.0},
             {"votes", 3.0 * k},
             {"classes", classes * (as_numpy ? 1.0 + k : 1.0)},
             {"misses", time_of_misses(k, 4.0 * codes)}})
      .scratch(192.0 + 20.0 * k, 0.0);
}

Cost cost_means(const CostCall& call) {
  const double k = call.in_width / 2.0;
  const double values = static_cast<double>(call.params[index_of(kMeans, "values")].size);
  return Cost{}
      .rows({{"call", 5.0},
             {"neighbors", 4.0 * k},
             {"values", 1.0 * k * call.out_width},
             {"misses", time_of_misses(k, 8.0 * values)}})
      .scratch(64.0 + 8.0 * k, 0.0);
}

Cost cost_graph(const CostCall& call) {
  const double k = call.in_width / 2.0;
  return Cost{}.rows({{"call", 5.0}, {"neighbors", 2.0 * k}}).produces_nnz(0.0, k).scratch(128.0 + 12.0 * k, 0.0);
}

Cost cost_density(const CostCall& call) {
  const double k = call.in_width / 2.0;
  const double reach = static_cast<double>(call.params[index_of(kDensity, "reach")].size);
  return Cost{}.rows({{"call", 5.0}, {"neighbors", 10.0 * k}, {"misses", time_of_misses(2.0 * k, 16.0 * reach)}});
}

}  // namespace
PRETZEL_KERNEL(neighbor_votes, .params = kVotes, .in = {kDense}, .out = {kDense, "classes"}, .check = check,
               .run = run_votes, .cost = cost_votes)
PRETZEL_KERNEL(neighbor_means, .params = kMeans, .in = {kDense}, .out = {kDense, "n_out"}, .check = check,
               .run = run_means, .cost = cost_means)
PRETZEL_KERNEL(neighbor_graph, .params = kGraph, .in = {kDense}, .out = {kSparse, "n_points"}, .check = check,
               .run = run_graph, .cost = cost_graph, .flags = kHasOrder)
PRETZEL_KERNEL(neighbor_density, .params = kDensity, .in = {kDense}, .out = {kDense, "1"}, .check = check,
               .run = run_density, .cost = cost_density)
}  // namespace pretzel
