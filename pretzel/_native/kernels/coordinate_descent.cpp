// coordinate_descent: weights, none of them negative, with which a sum of components approximates a row. Weights are
// updated one at a time. Each row stops when it has converged, whatever the other rows of its request do.
#include <cmath>

#include "core/factor_rows.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {
    {"components", f64, "width n"}, {"gram", f64, "n n"}, {"l1", f64, ""}, {"tolerance", f64, ""}, {"rounds", i32, ""}};
constexpr int kComponents = index_of(kParams, "components"), kGram = index_of(kParams, "gram"),
              kL1 = index_of(kParams, "l1"), kTolerance = index_of(kParams, "tolerance"),
              kRounds = index_of(kParams, "rounds");
constexpr int32_t kRoundsOfGradient = 8;  // after which it is computed anew, because rounding adds up in it

struct Descent {
  const double* gram;
  const double* inverse;  // of its diagonal; zero where that is zero
  int64_t n;
  double tolerance;
  int32_t rounds;
  const double* products;  // of the row with the components
  double* gradient;

  void find(double* w) const {
    for (int64_t t = 0; t < n; ++t) w[t] = 0.0;
    double first = 0.0;
    for (int32_t round = 0; round < rounds; ++round) {
      if (round % kRoundsOfGradient == 0) begin(w);
      const double violation = descend(w);
      if (round == 0) first = violation;
      if (first == 0.0 || violation / first <= tolerance) return;
    }
  }

  void begin(const double* w) const {
    for (int64_t t = 0; t < n; ++t) gradient[t] = -products[t];
    for (int64_t r = 0; r < n; ++r) add(r, w[r]);
  }

  /// What a step of one weight makes of the gradient.
  void add(int64_t t, double step) const {
    if (step == 0.0) return;
    for (int64_t r = 0; r < n; ++r) gradient[r] += gram[t * n + r] * step;
  }

  /// Improves each weight once; returns by how much the gradient fell short of zero.
  double descend(double* w) const {
    double violation = 0.0;
    for (int64_t t = 0; t < n; ++t) {
      const double slope = gradient[t], last = w[t];
      if (last == 0.0 && slope >= 0.0) continue;
      violation += std::fabs(slope);
      const double next = last - slope * inverse[t];
      w[t] = next < 0.0 ? 0.0 : next;
      add(t, w[t] - last);
    }
    return violation;
  }
};

Status run(const RunCall& call) noexcept {
  const int64_t n = call.out->width;
  const auto mark = call.arena->mark();
  auto* scratch = call.arena->alloc_n<double>(static_cast<size_t>(3 * n));
  if (scratch == nullptr) return Status::kNoMemory;
  double *inverse = scratch, *products = scratch + n;
  const double* components = call.params[kComponents].as<double>();
  const double* gram = call.params[kGram].as<double>();
  const double l1 = call.params[kL1].scalar<double>();
  for (int64_t t = 0; t < n; ++t) inverse[t] = gram[t * n + t] == 0.0 ? 0.0 : 1.0 / gram[t * n + t];
  const Descent descent{
      gram,     inverse,        n, call.params[kTolerance].scalar<double>(), call.params[kRounds].scalar<int32_t>(),
      products, scratch + 2 * n};
  for (int32_t r = 0; r < call.rows; ++r) {
    const Entries row = entries_of(call.in[0], r);
    const int32_t negative = negative_in(row);
    if (negative >= 0) return call.reject(Status::kBeyondLimits, r, negative);
    products_of(row, components, n, products);
    for (int64_t t = 0; t < n; ++t) products[t] -= l1;
    descent.find(call.out->row(r));
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double n = call.out_width, rounds = rounds_of(call.params[kRounds]);
  const double products = 2.0 + 0.3 * n;
  const Cost found = Cost{}
                         .rows({{"call", 20.0}, {"steps", 6.0 * rounds * n}, {"products", 0.2 * rounds * n * n}})
                         .scratch(24.0 * n, 0.0);
  if (call.sparse_in) return Cost{found}.payload({{"entries", products}});
  return Cost{found}.rows({{"call", 20.0},
                           {"steps", 6.0 * rounds * n},
                           {"products", 0.2 * rounds * n * n},
                           {"columns", products * call.in_width}});
}

}  // namespace
PRETZEL_KERNEL(coordinate_descent, .params = kParams, .in = {kDense | kSparse, "width"}, .out = {kDense, "n"},
               .run = run, .cost = cost)
}  // namespace pretzel
