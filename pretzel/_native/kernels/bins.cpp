// bins: for each value the number of its column's edges that are not above it.
// params: edges float64[n_edges], starts int32[width + 1]
#include <cmath>

#include "core/kernel.h"

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

Status bind(const BindCall& call) {
  const Array &edges = call.params[0], &starts = call.params[1];
  if (edges.dtype == DType::kFloat64 && starts.dtype == DType::kInt32 && starts.size > 0 &&
      starts.as<int32_t>()[starts.size - 1] == edges.size) {
    return Status::kOk;
  }
  call.error->what = "edges are float64[n_edges] and starts int32[width + 1]";
  return Status::kBadParameter;
}

Status run(const RunCall& call) noexcept {
  const auto* edges = call.params[0].as<double>();
  const auto* starts = call.params[1].as<int32_t>();
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) {
      out[j] = static_cast<double>(edges_passed(edges + starts[j], starts[j + 1] - starts[j], in[j]));
    }
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double width = call.out_width, edges = static_cast<double>(call.params[0].size);
  return Cost{}.rows(
      {{"call", 2.0}, {"columns", 1.5 * width}, {"search", width * std::log2(1.0 + edges / (width + 1.0))}});
}

}  // namespace
PRETZEL_KERNEL(bins, bind, run, cost, kAllParams)
}  // namespace pretzel
