// neighbors: the k nearest stored rows, nearest first: their distances, then their numbers.
// sorted_neighbors: the same, with equally distant rows in the order of the source.
#include "core/neighbor_search.h"
#include "core/sort_pairs.h"

namespace pretzel {
namespace {

constexpr Param kSortedParams[] = {kParams[0], kParams[1], kParams[2],
                                   kParams[3], kParams[4], kParams[5],
                                   kParams[6], kParams[7], {"sort", i32, "", 0, kPairSortNames}};

struct SortOfSource {
  static constexpr bool kOfTree = true;  // also where that has one node
  static constexpr bool kDecides = false;
  PairSort sort;
  explicit SortOfSource(const RunCall& call) : sort(call.params[index_of(kSortedParams, "sort")].scalar<PairSort>()) {}
  void operator()(double* distances, double* numbers, int64_t k) const { sort_pairs({distances, numbers, k}, sort); }
};

template <class Sort>
Status run(const RunCall& call) noexcept {
  const auto metric = call.params[index_of(kParams, "metric")].scalar<Metric>();
  return with_metric(metric, [&]<Metric kMetric>() { return Search<kMetric, Sort>(call).run(call); });
}

}  // namespace
PRETZEL_KERNEL(neighbors, .params = kParams, .out = {kDense}, .bind = bind, .check = check_parts,
               .check_state = check_parts, .run = run<HeapSort>, .cost = cost, .flags = kHasState)
PRETZEL_KERNEL(sorted_neighbors, .params = kSortedParams, .out = {kDense}, .bind = bind, .check = check,
               .check_state = check, .run = run<SortOfSource>, .cost = cost, .flags = kHasState)
}  // namespace pretzel
