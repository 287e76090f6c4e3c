// unary_function: one function of NumPy on every value.
#include <cmath>

#include "core/kernel.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(Function, uint8_t, kAbsolute, kSqrt, kSquare, kNegative, kLog1p, kExpm1, kLog2, kLog10, kCbrt);

template <class F>
void each(const RunCall& call, F f) noexcept {
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* __restrict out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) out[j] = f(in[j]);
  }
}

Status run(const RunCall& call) noexcept {
  switch (static_cast<Function>(call.params[0].scalar<uint8_t>())) {
    case Function::kAbsolute:
      each(call, [](double x) { return std::fabs(x); });
      break;
    case Function::kSqrt:
      each(call, [](double x) { return std::sqrt(x); });
      break;
    case Function::kSquare:
      each(call, [](double x) { return x * x; });
      break;
    case Function::kNegative:
      each(call, [](double x) { return -x; });
      break;
    case Function::kLog1p:
      each(call, [](double x) { return std::log1p(x); });
      break;
    case Function::kExpm1:
      each(call, [](double x) { return std::expm1(x); });
      break;
    case Function::kLog2:
      each(call, [](double x) { return std::log2(x); });
      break;
    case Function::kLog10:
      each(call, [](double x) { return std::log10(x); });
      break;
    case Function::kCbrt:
      each(call, [](double x) { return std::cbrt(x); });
      break;
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const auto function = static_cast<Function>(call.params[0].scalar<uint8_t>());
  const double width = call.out_width;
  const bool cheap =
      function == Function::kAbsolute || function == Function::kSquare || function == Function::kNegative;
  if (cheap) return Cost{}.rows({{"call", 3.0}, {"columns", 0.2 * width}});
  if (function == Function::kSqrt) return Cost{}.rows({{"call", 3.0}, {"square_roots", 1.0 * width}});
  return Cost{}.rows({{"call", 3.0}, {"logarithms", 8.0 * width}});
}

constexpr Param kParams[] = {{.name = "function", .dtype = u8, .choices = kFunctionNames}};

}  // namespace
PRETZEL_KERNEL(unary_function, .params = kParams, .in = {kDense, "width"}, .out = {kDense, "width"}, .run = run,
               .cost = cost)
}  // namespace pretzel
