// select: out[:, j] = in[:, columns[j]].
// place: out[:, columns[j]] = in[:, j], and `fill` elsewhere.
// constant: the same values for each row.
#include "core/kernel.h"

namespace pretzel {
namespace {

Status run(const RunCall& call) noexcept {
  const auto* columns = call.params[0].as<int32_t>();
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) out[j] = in[columns[j]];
  }
  return Status::kOk;
}

Status run_place(const RunCall& call) noexcept {
  const auto* columns = call.params[0].as<int32_t>();
  const auto fill = call.params[1].scalar<double>();
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < call.out->width; ++j) out[j] = fill;
    for (int32_t j = 0; j < call.in[0].width; ++j) out[columns[j]] = in[j];
  }
  return Status::kOk;
}

Status run_constant(const RunCall& call) noexcept {
  const auto* values = call.params[0].as<double>();
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    for (int32_t j = 0; j < call.out->width; ++j) out[j] = values[j];
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"columns", 0.5 * call.out_width}}); }

constexpr Param kParams[] = {{"columns", i32, "n_columns", kHoldsIndices, "", "width"}};
constexpr Param kPlace[] = {{"columns", i32, "width", kHoldsIndices, "", "n_out"}, {"fill", f64, ""}};
constexpr Param kConstant[] = {{"values", f64, "n_out"}};

}  // namespace
PRETZEL_KERNEL(place, .params = kPlace, .out = {kDense, "n_out"}, .run = run_place, .cost = cost)
PRETZEL_KERNEL(constant, .params = kConstant, .in = {kDense | kSparse | kCells, "width"}, .out = {kDense, "n_out"},
               .run = run_constant, .cost = cost)
PRETZEL_KERNEL(select, .params = kParams, .out = {kDense, "n_columns"}, .run = run, .cost = cost)
}  // namespace pretzel
