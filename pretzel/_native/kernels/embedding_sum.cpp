// embedding_sum: the sum of the table rows offsets[j] + code of all codes that are not negative, in the order of the
// columns, and then the bias.
#include "core/codes.h"
#include "core/kernel.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {
    {"table", f64, "total n_out"}, {"offsets", i32, "width+1", kHoldsOffsets, "", "total"}, {"bias", f64, "n_out"}};
constexpr int kTable = index_of(kParams, "table"), kOffsets = index_of(kParams, "offsets"),
              kBias = index_of(kParams, "bias");

Status run_one_output(const RunCall& call, const double* table, const int32_t* offsets, double bias) {
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* code = in.row(r);
    double sum = 0.0;
    for (int32_t j = 0; j < in.width; ++j) {
      if (!(code[j] >= 0.0)) continue;
      const int32_t at = place_of_code(code[j], offsets + j);
      if (at < 0) return call.reject(Status::kOutOfRange, r, j);
      sum += table[at];
    }
    call.out->row(r)[0] = sum + bias;
  }
  return Status::kOk;
}

Status run(const RunCall& call) noexcept {
  const double* table = call.params[kTable].as<double>();
  const int32_t* offsets = call.params[kOffsets].as<int32_t>();
  const double* bias = call.params[kBias].as<double>();
  const int64_t n_out = call.params[kBias].size;
  if (n_out == 1) return run_one_output(call, table, offsets, bias[0]);
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* code = in.row(r);
    double* out = call.out->row(r);
    for (int64_t k = 0; k < n_out; ++k) out[k] = 0.0;
    for (int32_t j = 0; j < in.width; ++j) {
      if (!(code[j] >= 0.0)) continue;
      const int64_t at = place_of_code(code[j], offsets + j);
      if (at < 0) return call.reject(Status::kOutOfRange, r, j);
      const double* row = table + at * n_out;
      for (int64_t k = 0; k < n_out; ++k) out[k] += row[k];
    }
    for (int64_t k = 0; k < n_out; ++k) out[k] += bias[k];
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double width = call.in_width, outputs = call.out_width;
  const double misses = doublings(8.0 * static_cast<double>(call.params[kTable].size), 32e3);
  if (call.out_width == 1) {
    return Cost{}.rows({{"call", 3.0}, {"columns", 1.5 * width}, {"misses", 0.5 * width * misses}});
  }
  return Cost{}.rows({{"call", 3.0},
                      {"vector_columns", 1.0 * width},
                      {"additions", 0.3 * width * outputs},
                      {"misses", 0.5 * width * misses}});
}

}  // namespace
PRETZEL_KERNEL(embedding_sum, .params = kParams, .out = {kDense, "n_out"}, .run = run, .cost = cost)
}  // namespace pretzel
