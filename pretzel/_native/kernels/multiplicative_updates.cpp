// multiplicative_updates, divergence_updates: weights, none of them negative, with which a sum of components
// approximates a row, by squared errors or by Kullback-Leibler divergence. Each row stops when it has converged,
// whatever the other rows of its request do.
#include <cmath>

#include "core/factor_rows.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr double kEpsilon = 0x1p-23;    // of float32, by which scikit-learn divides instead of zero
constexpr int32_t kRoundsOfError = 10;  // after which the source looks at the error

/// sqrt of the mean of a row of `width` numbers for each component: what all weights begin with.
double first_weight(const Entries& row, int32_t width, int64_t n) {
  double total = 0.0;
  for (int64_t i = 0; i < row.size; ++i) total += row.value[i];
  return std::sqrt(total / width / static_cast<double>(n));
}

double norm(const double* x, int64_t n) {
  double total = 0.0;
  for (int64_t t = 0; t < n; ++t) total += x[t] * x[t];
  return std::sqrt(total);
}

constexpr Param kUpdates[] = {
    {"components", f64, "width n"}, {"l1", f64, ""},     {"l2", f64, ""}, {"tolerance", f64, ""}, {"rounds", i32, ""},
    {"by_error", u8, ""},           {"gram", f64, "n n"}};
constexpr Param kDivergence[] = {
    {"components", f64, "width n"}, {"l1", f64, ""},     {"l2", f64, ""}, {"tolerance", f64, ""}, {"rounds", i32, ""},
    {"by_error", u8, ""},           {"totals", f64, "n"}};
constexpr int kComponents = index_of(kUpdates, "components"), kL1 = index_of(kUpdates, "l1"),
              kL2 = index_of(kUpdates, "l2"), kTolerance = index_of(kUpdates, "tolerance"),
              kRounds = index_of(kUpdates, "rounds"), kByError = index_of(kUpdates, "by_error"),
              kGram = index_of(kUpdates, "gram"), kTotals = index_of(kDivergence, "totals");
static_assert(kGram == kTotals);  // all parameters before are those of both

/// What both methods are given.
struct Settings {
  const double* components;
  int64_t n;
  double l1, l2, tolerance;
  int32_t rounds;
  bool by_error;

  explicit Settings(const RunCall& call)
      : components(call.params[kComponents].as<double>()),
        n(call.out->width),
        l1(call.params[kL1].scalar<double>()),
        l2(call.params[kL2].scalar<double>()),
        tolerance(call.params[kTolerance].scalar<double>()),
        rounds(call.params[kRounds].scalar<int32_t>()),
        by_error(call.params[kByError].scalar<uint8_t>() != 0) {}
};

/// When the rounds of one row end.
struct Stop {
  double tolerance;
  double first = 0.0, last = 0.0;  // errors

  bool by_error(double error) {
    const bool found = (last - error) / first < tolerance;
    last = error;
    return found;
  }
  bool by_change(const double* change, const double* w, int64_t n) const {
    return norm(change, n) / norm(w, n) <= tolerance;
  }
};

/// The rounds of one row by `method`, which makes one of them and knows the error: `NMF` looks at that every ten
/// rounds, `MiniBatchNMF` after each round at the change.
template <class Method>
void repeat(const Method& method, double* w) {
  Stop stop{method.tolerance};
  if (method.by_error) stop.first = stop.last = method.error(w);
  for (int32_t round = 1; round <= method.rounds; ++round) {
    method.round(w);
    if (!(method.tolerance > 0.0)) continue;
    if (!method.by_error) {
      if (stop.by_change(method.change, w, method.n)) return;
    } else if (round % kRoundsOfError == 0 && stop.by_error(method.error(w))) {
      return;
    }
  }
}

// -- multiplicative updates, by squared errors

struct Updates : Settings {
  const double* gram;
  double* products;  // of the row with the components
  double* sums;
  double* change;
  Entries row = {};

  /// `scratch` has room for `3 * n` numbers.
  Updates(const RunCall& call, double* scratch)
      : Settings(call),
        gram(call.params[kGram].as<double>()),
        products(scratch),
        sums(scratch + n),
        change(scratch + 2 * n) {}

  void find(const Entries& given, int32_t width, double* w) {
    row = given;
    products_of(row, components, n, products);
    const double share = first_weight(row, width, n);
    for (int64_t t = 0; t < n; ++t) w[t] = share;
    repeat(*this, w);
  }

  /// The products of the weights with those of the components.
  void multiply(const double* w) const {
    for (int64_t t = 0; t < n; ++t) sums[t] = 0.0;
    for (int64_t r = 0; r < n; ++r) {
      for (int64_t t = 0; t < n; ++t) sums[t] += w[r] * gram[r * n + t];
    }
  }

  void round(double* w) const {
    multiply(w);
    for (int64_t t = 0; t < n; ++t) {
      double below = sums[t];
      below = l1 > 0.0 ? below + l1 : below;
      below = l2 > 0.0 ? below + l2 * w[t] : below;
      below = below == 0.0 ? kEpsilon : below;
      const double next = w[t] * (products[t] / below);
      change[t] = next - w[t];
      w[t] = next;
    }
  }

  /// How far a row is from the sum of its components; of sparse rows as the source computes it, by three products.
  double error(const double* w) const {
    double total = 0.0;
    if (row.index == nullptr) {
      for (int64_t j = 0; j < row.size; ++j) {
        const double rest = row.value[j] - dot8(components + j * n, w, n);
        total += rest * rest;
      }
      return std::sqrt(total);
    }
    multiply(w);
    for (int64_t i = 0; i < row.size; ++i) total += row.value[i] * row.value[i];
    double square = 0.0, cross = 0.0;
    for (int64_t t = 0; t < n; ++t) {
      square += sums[t] * w[t];
      cross += products[t] * w[t];
    }
    return std::sqrt(total + square - 2.0 * cross);
  }
};

/// All rows of a tile. Where the source takes negative numbers, it rejects weights that are not finite.
template <class Method>
Status each_row(const RunCall& call, Method& method) {
  for (int32_t r = 0; r < call.rows; ++r) {
    const Entries row = entries_of(call.in[0], r);
    const int32_t negative = method.by_error ? negative_in(row) : -1;
    if (negative >= 0) return call.reject(Status::kBeyondLimits, r, negative);
    double* out = call.out->row(r);
    method.find(row, call.in[0].width, out);
    for (int64_t t = 0; t < method.n && !method.by_error; ++t) {
      if (!std::isfinite(out[t])) return call.reject(Status::kBeyondLimits, r);
    }
  }
  return Status::kOk;
}

Status run_updates(const RunCall& call) noexcept {
  const int64_t n = call.out->width;
  const auto mark = call.arena->mark();
  auto* scratch = call.arena->alloc_n<double>(static_cast<size_t>(3 * n));
  if (scratch == nullptr) return Status::kNoMemory;
  Updates updates(call, scratch);
  const Status found = each_row(call, updates);
  call.arena->release(mark);
  return found;
}

// -- multiplicative updates, by Kullback-Leibler divergence -----------------------------------------------------------

struct Divergence : Settings {
  const double* totals;  // sums of the components
  double* x;             // the numbers of a row that are not zero
  double* made;          // the sums of the components, or the row divided by them
  double* below;
  double* change;
  double* shares;    // of the components in `x`, component by component
  int64_t size = 0;  // of x

  /// `scratch` has room for `most * (n + 2) + 2 * n` numbers, where no row has more than `most` entries.
  Divergence(const RunCall& call, double* scratch, int64_t most)
      : Settings(call),
        totals(call.params[kTotals].as<double>()),
        x(scratch),
        made(scratch + most),
        below(scratch + 2 * most),
        change(scratch + 2 * most + n),
        shares(scratch + 2 * (most + n)) {}

  void find(const Entries& row, int32_t width, double* w) {
    const double share = first_weight(row, width, n);
    for (int64_t t = 0; t < n; ++t) w[t] = share;
    for (int64_t t = 0; t < n; ++t) below[t] = totals[t];
    pack(row);
    repeat(*this, w);
  }

  void pack(const Entries& row) {
    size = 0;
    for (int64_t i = 0; i < row.size; ++i) size += row.value[i] != 0.0 ? 1 : 0;
    int64_t at = 0;
    for (int64_t i = 0; i < row.size; ++i) {
      if (row.value[i] == 0.0) continue;
      x[at] = row.value[i];
      const double* from = components + row.column(i) * n;
      for (int64_t t = 0; t < n; ++t) shares[t * size + at] = from[t];
      ++at;
    }
  }

  void add_up(const double* w) const {
    for (int64_t i = 0; i < size; ++i) made[i] = 0.0;
    for (int64_t t = 0; t < n; ++t) {
      for (int64_t i = 0; i < size; ++i) made[i] += w[t] * shares[t * size + i];
    }
    for (int64_t i = 0; i < size; ++i) made[i] = made[i] < kEpsilon ? kEpsilon : made[i];
  }

  /// NMF adds the penalty to the sums of the components again in each round; MiniBatchNMF begins with the sums.
  void round(double* w) const {
    add_up(w);
    for (int64_t i = 0; i < size; ++i) made[i] = x[i] / made[i];
    for (int64_t t = 0; t < n; ++t) {
      double divisor = by_error ? below[t] : totals[t];
      if (l1 > 0.0) below[t] = divisor += l1;
      if (l2 > 0.0) divisor += l2 * w[t];
      if (divisor == 0.0) divisor = kEpsilon;
      if (!(l2 > 0.0)) below[t] = divisor;
      const double next = w[t] * (dot8(made, shares + t * size, size) / divisor);
      change[t] = next - w[t];
      w[t] = next;
    }
  }

  double error(const double* w) const {
    add_up(w);
    double found = 0.0, total = 0.0, all = 0.0;
    for (int64_t i = 0; i < size; ++i) {
      if (!(x[i] > kEpsilon)) continue;
      found += x[i] * std::log(x[i] / made[i]);
      total += x[i];
    }
    for (int64_t t = 0; t < n; ++t) all += w[t] * totals[t];
    found += all - total;
    return std::sqrt(2.0 * (found < 0.0 ? 0.0 : found));
  }
};

Status run_divergence(const RunCall& call) noexcept {
  const int64_t n = call.out->width;
  int64_t most = 0;
  for (int32_t r = 0; r < call.rows; ++r) {
    const int64_t size = entries_of(call.in[0], r).size;
    most = size > most ? size : most;
  }
  const auto mark = call.arena->mark();
  auto* scratch = call.arena->alloc_n<double>(static_cast<size_t>(most * (n + 2) + 2 * n));
  if (scratch == nullptr) return Status::kNoMemory;
  Divergence divergence(call, scratch, most);
  const Status found = each_row(call, divergence);
  call.arena->release(mark);
  return found;
}

// -- cost

Cost cost_updates(const CostCall& call) {
  const double n = call.out_width, rounds = rounds_of(call.params[kRounds]);
  const double products = 2.0 + 0.3 * n;
  Cost found{};
  if (call.sparse_in) {
    found.rows({{"call", 20.0}, {"steps", 2.0 * rounds * n}, {"products", 0.1 * rounds * n * n}})
        .payload({{"entries", products}});
  } else {
    found.rows({{"call", 20.0},
                {"steps", 2.0 * rounds * n},
                {"products", 0.1 * rounds * n * n},
                {"columns", (products + 0.1 * rounds * n) * call.in_width}});
  }
  return found.scratch(24.0 * n, 0.0);
}

Cost cost_divergence(const CostCall& call) {
  const double n = call.out_width, rounds = rounds_of(call.params[kRounds]);
  const double products = 1.0 + 0.5 * n + rounds * (1.0 + 0.4 * n);
  Cost found{};
  if (call.sparse_in) {
    found.rows({{"call", 20.0}, {"steps", 6.0 * rounds * n}}).payload({{"entries", products}});
    return found.scratch(16.0 * n, 8.0 * (n + 2.0));
  }
  found.rows({{"call", 20.0}, {"steps", 6.0 * rounds * n}, {"columns", products * call.in_width}});
  return found.scratch(16.0 * n + 8.0 * (n + 2.0) * call.in_width, 0.0);
}

}  // namespace
PRETZEL_KERNEL(multiplicative_updates, .params = kUpdates, .in = {kDense | kSparse, "width"}, .out = {kDense, "n"},
               .run = run_updates, .cost = cost_updates)
PRETZEL_KERNEL(divergence_updates, .params = kDivergence, .in = {kDense | kSparse, "width"}, .out = {kDense, "n"},
               .run = run_divergence, .cost = cost_divergence)
}  // namespace pretzel
