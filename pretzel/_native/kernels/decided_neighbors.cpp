// decided_neighbors: the same as neighbors, where the source subtracts products from squares: a row is left to it if
// that rounding decides about an answer.
#include "core/group_votes.h"
#include "core/neighbor_search.h"

namespace pretzel {
namespace {

constexpr Param kDecidedParams[] = {kParams[0],           kParams[1],
                                    kParams[2],           kParams[3],
                                    kParams[4],           kParams[5],
                                    kParams[6],           kParams[7],
                                    kParams[8],           {"groups", i32, "n_points", kHoldsIndices, "", "n_points"},
                                    {"largest", f64, ""}, {"weighted", u8, ""},
                                    {"whole", u8, ""}};

enum Weights : uint8_t { kNone, kOfMeans, kOfVotes };

/// Whether the rounding of the source may change an answer that is made of the groups of the neighbours, and of their
/// distances where these are weights.
struct Decision : HeapSort {
  static constexpr bool kDecides = true;
  const double* points;
  const int32_t* groups;
  int64_t n_points, width;
  double largest;
  uint8_t weighted;
  bool whole, has_root;
  GroupVotes votes;

  explicit Decision(const RunCall& call)
      : HeapSort(call),
        points(call.params[0].as<double>()),
        groups(call.params[index_of(kDecidedParams, "groups")].as<int32_t>()),
        n_points(call.params[0].shape[0]),
        width(call.in[0].width),
        largest(call.params[index_of(kDecidedParams, "largest")].scalar<double>()),
        weighted(call.params[index_of(kDecidedParams, "weighted")].scalar<uint8_t>()),
        whole(call.params[index_of(kDecidedParams, "whole")].scalar<uint8_t>() != 0),
        has_root(call.params[index_of(kDecidedParams, "metric")].scalar<Metric>() == Metric::kEuclidean),
        votes(call.arena, weighted == kOfVotes ? n_points : 0) {}

  /// Most by which a square of the source differs from ours; none between whole numbers, whose squares are exact.
  double rounding(const double* x) const {
    double norm = 0.0;
    bool is_whole = whole;
    for (int64_t j = 0; j < width; ++j) {
      norm += x[j] * x[j];
      is_whole = is_whole && x[j] == std::floor(x[j]);
    }
    if (is_whole && norm < kExact && largest < kExact) return 0.0;
    return 2.0 * DBL_EPSILON * static_cast<double>(width + 16) * (norm + largest) + kSmallest;
  }

  /// The squares are sorted. `excluded` is that of the nearest row which is no neighbour.
  bool is_decided(const double* x, const double* squares, const double* numbers, int64_t k, double excluded,
                  double rounding) const {
    if (rounding == 0.0) return true;
    if (!(rounding < HUGE_VAL)) return false;
    const auto at = [numbers](int64_t i) { return static_cast<int64_t>(numbers[i]); };
    if (weighted != kNone && !(rounding <= kPrecise * squares[0])) {
      for (int64_t i = 1; i < k; ++i) {
        if (groups[at(i)] != groups[at(0)]) return false;
      }
    } else if (weighted == kOfVotes) {
      const auto weight = [&](int64_t i) { return 1.0 / (has_root ? std::sqrt(squares[i]) : squares[i]); };
      if (votes.are_close(k, [&](int64_t i) { return groups[at(i)]; }, weight, rounding / squares[0])) return false;
    }
    if (excluded - squares[k - 1] > rounding) return true;
    // Which of several equal rows stay follows from the heap of the source, in which all distances are rounded.
    const int32_t group = groups[at(k - 1)];
    for (int64_t i = 0; i < k; ++i) {
      if (squares[i] >= squares[k - 1] - rounding && groups[at(i)] != group) return false;
    }
    for (int64_t point = 0; point < n_points; ++point) {
      const double square = reduced<Metric::kSqeuclidean>(x, points + point * width, width, nullptr);
      if (groups[point] != group && std::fabs(square - squares[k - 1]) <= rounding) return false;
    }
    return true;
  }

 private:
  static constexpr double kExact = 0x1p50, kPrecise = 1e-8;
  static constexpr double kSmallest = 1e-290;  // of squares that have all their digits
};

const char* check_decided(const LoadCall& call) {
  if (call.params[index_of(kParams, "ranges")].shape[0] != 1) return "leaves rows of a tree to the source";
  const auto metric = call.params[index_of(kParams, "metric")].scalar<Metric>();
  if (metric != Metric::kEuclidean && metric != Metric::kSqeuclidean) return "has a metric without products";
  return check_parts(call);
}

Status run_decided(const RunCall& call) noexcept {
  const auto metric = call.params[index_of(kParams, "metric")].scalar<Metric>();
  const auto mark = call.arena->mark();
  const Status status = metric == Metric::kEuclidean ? Search<Metric::kEuclidean, Decision>(call).run(call)
                                                     : Search<Metric::kSqeuclidean, Decision>(call).run(call);
  call.arena->release(mark);
  return status;
}

}  // namespace
PRETZEL_KERNEL(decided_neighbors, .params = kDecidedParams, .out = {kDense}, .bind = bind, .check = check_decided,
               .check_state = check_decided, .run = run_decided, .cost = cost, .flags = kHasState | kLeavesRows)
}  // namespace pretzel
