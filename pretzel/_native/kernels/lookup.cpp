// lookup_linear: the sum of table rows offsets[j] + code, in the order of the columns, and then the bias.
//   params: table float64[total, n_out], offsets int32[width + 1], bias float64[n_out]
#include "core/kernel.h"

namespace pretzel {
namespace {

Status bind(const BindCall& call) {
  const Array* p = call.params;
  if (call.n_params != 3 || p[0].dtype != DType::kFloat64 || p[1].dtype != DType::kInt32 ||
      p[2].dtype != DType::kFloat64 || p[1].size < 1 || p[0].shape[1] != p[2].size ||
      p[1].as<int32_t>()[p[1].size - 1] != p[0].shape[0]) {
    call.error->what = "lookup_linear: table, offsets and bias do not fit together";
    return Status::kBadParameter;
  }
  return Status::kOk;
}

void run_one_output(const RunCall& call, const double* table, const int32_t* offsets, double bias) {
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* code = in.row(r);
    double sum = 0.0;
    for (int32_t j = 0; j < in.width; ++j) {
      if (code[j] >= 0.0) sum += table[offsets[j] + static_cast<int32_t>(code[j])];
    }
    call.out->row(r)[0] = sum + bias;
  }
}

Status run(const RunCall& call) noexcept {
  const double* table = call.params[0].as<double>();
  const int32_t* offsets = call.params[1].as<int32_t>();
  const double* bias = call.params[2].as<double>();
  const int64_t n_out = call.params[2].size;
  if (n_out == 1) {
    run_one_output(call, table, offsets, bias[0]);
    return Status::kOk;
  }
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* code = in.row(r);
    double* out = call.out->row(r);
    for (int64_t k = 0; k < n_out; ++k) out[k] = 0.0;
    for (int32_t j = 0; j < in.width; ++j) {
      if (code[j] < 0.0) continue;
      const double* row = table + (offsets[j] + static_cast<int64_t>(code[j])) * n_out;
      for (int64_t k = 0; k < n_out; ++k) out[k] += row[k];
    }
    for (int64_t k = 0; k < n_out; ++k) out[k] += bias[k];
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double width = call.in_width, outputs = call.out_width;
  const double misses = doublings(8.0 * static_cast<double>(call.params[0].size), 32e3);
  if (call.out_width == 1) {
    return Cost{}.rows({{"call", 3.0}, {"columns", 1.5 * width}, {"misses", 0.5 * width * misses}});
  }
  return Cost{}.rows({{"call", 3.0},
                      {"vector_columns", 1.0 * width},
                      {"additions", 0.3 * width * outputs},
                      {"misses", 0.5 * width * misses}});
}

}  // namespace
PRETZEL_KERNEL(lookup_linear, bind, run, cost, kAllParams)
}  // namespace pretzel
