// linear_leaves: out = (sum over trees of the linear function of the leaf that the row reaches) / divisor.
//
// The input is the columns of the row, then the number of a leaf for each tree. Leaf i adds constants[i] and
// factors[k] * row[columns[k]] for the terms k from starts[i] to starts[i + 1], in this order; where one of these
// columns is NaN it adds values[i] instead.
#include "core/kernel.h"

namespace pretzel {
namespace {

constexpr double kTiny = 1.0000000180025095e-35;  // float32 1e-35

constexpr Param kParams[] = {{"starts", i32, "n_leaves+1", kHoldsOffsets, "", "n_terms"},
                             {"columns", i32, "n_terms"},
                             {"factors", f64, "n_terms"},
                             {"constants", f64, "n_leaves"},
                             {"values", f64, "n_leaves"},
                             {"outputs", i32, "n_trees"},
                             {"width", i32, ""},
                             {"divisor", f64, ""},
                             {"snaps", u8, ""}};
constexpr int kStarts = index_of(kParams, "starts"), kColumns = index_of(kParams, "columns"),
              kFactors = index_of(kParams, "factors"), kConstants = index_of(kParams, "constants"),
              kValues = index_of(kParams, "values"), kOutputs = index_of(kParams, "outputs"),
              kWidth = index_of(kParams, "width"), kDivisor = index_of(kParams, "divisor"),
              kSnaps = index_of(kParams, "snaps");

const char* check_indices(const Array* params) {
  for (int64_t i = 0; i < params[kColumns].size; ++i) {
    if (params[kColumns].as<int32_t>()[i] < 0) return "'columns' is negative";
  }
  const auto width = params[kWidth].scalar<int32_t>();
  for (int64_t t = 0; t < params[kOutputs].size; ++t) {
    const int32_t output = params[kOutputs].as<int32_t>()[t];
    if (output < 0 || output >= width) return "'outputs' holds a column that the result has not";
  }
  return nullptr;
}

const char* bind(const BindCall& call) { return check_indices(call.params); }

const char* check(const LoadCall& call) {
  if (const char* wrong = check_indices(call.params.data())) return wrong;
  const int64_t columns = call.in[0].width - call.params[kOutputs].size;
  if (columns < 0) return "has fewer inputs than trees";
  if (call.out != nullptr && call.params[kWidth].scalar<int32_t>() != call.out->width)
    return "has another number of outputs";
  for (int64_t i = 0; i < call.params[kColumns].size; ++i) {
    if (call.params[kColumns].as<int32_t>()[i] >= columns) return "reads a column that its input has not";
  }
  return nullptr;
}

struct Leaves {
  const int32_t* starts;
  const int32_t* columns;
  const double* factors;
  const double* constants;
  const double* values;
  bool snaps;

  double value(const double* row, int32_t leaf) const {
    double total = constants[leaf];
    for (int32_t k = starts[leaf]; k < starts[leaf + 1]; ++k) {
      double x = row[columns[k]];
      if (x != x) return values[leaf];
      if (snaps && x <= kTiny && x >= -kTiny) x = 0.0;
      total += factors[k] * x;
    }
    return total;
  }
};

Status run(const RunCall& call) noexcept {
  const Array* params = call.params;
  const Leaves leaves{params[kStarts].as<int32_t>(), params[kColumns].as<int32_t>(),
                      params[kFactors].as<double>(), params[kConstants].as<double>(),
                      params[kValues].as<double>(),  params[kSnaps].scalar<uint8_t>() != 0};
  const auto n_leaves = static_cast<double>(params[kConstants].size);
  const auto n_trees = static_cast<int32_t>(params[kOutputs].size);
  const auto* outputs = params[kOutputs].as<int32_t>();
  const double divisor = params[kDivisor].scalar<double>();
  const int32_t width = call.out->width, columns = call.in[0].width - n_trees;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* row = call.in[0].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) out[j] = 0.0;
    for (int32_t t = 0; t < n_trees; ++t) {
      const double leaf = row[columns + t];
      if (!(leaf >= 0.0 && leaf < n_leaves)) return call.reject(Status::kOutOfRange, r);
      out[outputs[t]] += leaves.value(row, static_cast<int32_t>(leaf));
    }
    for (int32_t j = 0; j < width; ++j) out[j] /= divisor;
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const auto trees = static_cast<double>(call.params[kOutputs].size);
  const auto leaves = static_cast<double>(call.params[kConstants].size);
  const auto terms = static_cast<double>(call.params[kColumns].size);
  return Cost{}.rows({{"call", 5.0}, {"leaves", 3.0 * trees}, {"terms", 1.5 * trees * terms / (leaves + 1.0)}});
}

}  // namespace
PRETZEL_KERNEL(linear_leaves, .params = kParams, .out = {kDense, "n_out"}, .bind = bind, .check = check, .run = run,
               .cost = cost)
}  // namespace pretzel
