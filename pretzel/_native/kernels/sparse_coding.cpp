// matching_pursuit: coefficients with which a sum of few atoms approximates a row, by orthogonal matching pursuit on
// the products of the row with the atoms, and of these with each other. A Cholesky factor grows by a row in each round.
#include <cmath>
#include <utility>

#include "core/kernel.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {{"gram", f64, "width width"}, {"rounds", i32, ""}};
constexpr int kGram = index_of(kParams, "gram"), kRounds = index_of(kParams, "rounds");
constexpr double kLeast = 0x1p-52;

struct Pursuit {
  const double* gram;
  int64_t n, rounds;
  int64_t* order;   // of the atoms: those that were added come first
  double* remains;  // products of the atoms with what remains of the row
  double* factor;   // lower triangle, a row for each added atom
  double* halfway;  // solution of the lower triangle
  double* solution;

  void find(const double* products, double* out) const {
    for (int64_t j = 0; j < n; ++j) {
      order[j] = j;
      remains[j] = products[j];
      out[j] = 0.0;
    }
    int64_t added = 0;
    while (added < rounds && add(products, added)) {
      ++added;
      solve(added);
      if (added < rounds) subtract(products, added);
    }
    for (int64_t i = 0; i < added; ++i) out[order[i]] = solution[i];
  }

  /// Adds the atom with the largest product; returns whether there is one.
  bool add(const double* products, int64_t added) const {
    const int64_t place = largest();
    const int64_t atom = order[place];
    if (place < added || remains[atom] * remains[atom] < kLeast) return false;
    double* last = factor + added * rounds;
    double square = gram[atom * n + atom];
    double half = products[atom];
    for (int64_t i = 0; i < added; ++i) {
      const double* row = factor + i * rounds;
      double found = gram[atom * n + order[i]];
      for (int64_t k = 0; k < i; ++k) found -= last[k] * row[k];
      last[i] = found / row[i];
      square -= last[i] * last[i];
      half -= last[i] * halfway[i];
    }
    if (added > 0 && square <= kLeast) return false;
    last[added] = std::sqrt(square);
    halfway[added] = half / last[added];
    std::swap(order[added], order[place]);
    return true;
  }

  /// Where the first of the largest products is; that of NaN, as NumPy finds it.
  int64_t largest() const {
    double best = -1.0;
    int64_t found = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double size = std::fabs(remains[order[i]]);
      if (size <= best) continue;
      best = size;
      found = i;
      if (size != size) break;
    }
    return found;
  }

  void solve(int64_t added) const {
    for (int64_t i = added - 1; i >= 0; --i) {
      double sum = halfway[i];
      for (int64_t k = i + 1; k < added; ++k) sum -= factor[k * rounds + i] * solution[k];
      solution[i] = sum / factor[i * rounds + i];
    }
  }

  void subtract(const double* products, int64_t added) const {
    for (int64_t j = 0; j < n; ++j) remains[j] = products[j];
    for (int64_t i = 0; i < added; ++i) {
      const double* row = gram + order[i] * n;
      for (int64_t j = 0; j < n; ++j) remains[j] -= solution[i] * row[j];
    }
  }
};

Status run(const RunCall& call) noexcept {
  const int64_t n = call.in[0].width, given = call.params[kRounds].scalar<int32_t>();
  const int64_t rounds = given < 0 ? 0 : given < n ? given : n;
  const auto mark = call.arena->mark();
  auto* order = call.arena->alloc_n<int64_t>(static_cast<size_t>(n));
  auto* scratch = call.arena->alloc_n<double>(static_cast<size_t>(n + rounds * (rounds + 2)));
  if (order == nullptr || scratch == nullptr) return Status::kNoMemory;
  double* factor = scratch + n;
  double* halfway = factor + rounds * rounds;
  const Pursuit pursuit{call.params[kGram].as<double>(), n, rounds, order, scratch, factor, halfway, halfway + rounds};
  for (int32_t r = 0; r < call.rows; ++r) pursuit.find(call.in[0].row(r), call.out->row(r));
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double atoms = call.in_width;
  const double rounds = std::fmax(0.0, std::fmin(atoms, call.params[kRounds].scalar<int32_t>()));
  return Cost{}
      .rows({{"call", 10.0},
             {"atoms", 1.0 * rounds * atoms},
             {"products", 0.15 * rounds * rounds * atoms},
             {"solutions", 4.0 * rounds * rounds},
             {"factors", 0.2 * rounds * rounds * rounds}})
      .scratch(128.0 + 16.0 * atoms + 8.0 * rounds * (rounds + 2.0), 0.0);
}

}  // namespace
PRETZEL_KERNEL(matching_pursuit, .params = kParams, .run = run, .cost = cost)
}  // namespace pretzel
