// bins: for each value the number of its column's edges that are not above it. The edges of column j are
// edges[starts[j] .. starts[j + 1] - 1].
#include <cmath>

#include "core/rows.h"

namespace pretzel {
namespace {

int64_t edges_passed(const double* edges, int64_t n, double x) {
  const double* first = edges;
  while (n > 0) {
    const int64_t half = n / 2;
    const bool passed = first[half] <= x;
    first = passed ? first + half + 1 : first;
    n = passed ? n - half - 1 : half;
  }
  return first - edges;
}

Status run(const RunCall& call) noexcept {
  const auto* edges = call.params[0].as<double>();
  const auto* starts = call.params[1].as<int32_t>();
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t j = 0; j < width; ++j) {
      out[j] = static_cast<double>(edges_passed(edges + starts[j], starts[j + 1] - starts[j], in[j]));
    }
  });
}

Cost cost(const CostCall& call) {
  const double width = call.out_width, edges = static_cast<double>(call.params[0].size);
  return Cost{}.rows(
      {{"call", 2.0}, {"columns", 1.5 * width}, {"search", width * std::log2(1.0 + edges / (width + 1.0))}});
}

constexpr Param kParams[] = {{"edges", f64, "n_edges"}, {"starts", i32, "width+1", kHoldsOffsets, "", "n_edges"}};

}  // namespace
PRETZEL_KERNEL(bins, .params = kParams, .run = run, .cost = cost)
}  // namespace pretzel
