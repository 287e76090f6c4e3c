// unary_function: one function of NumPy on every value.
#include <cmath>

#include "core/rows.h"
#include "core/vmath.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(Function, uint8_t, kAbsolute, kSqrt, kSquare, kNegative, kLog1p, kExpm1, kLog2, kLog10, kCbrt, kExp2, kSin,
             kCos, kTan, kSinh, kCosh, kTanh, kArcsinh, kArctan, kRint, kFloor, kCeil, kTrunc, kSign, kReciprocal,
             kArcsin);

double square(double x) { return x * x; }
double negative(double x) { return -x; }
double reciprocal(double x) { return 1.0 / x; }
/// NaN stays NaN, and both zeros become 0.
double sign(double x) { return x != x ? x : static_cast<double>((x > 0.0) - (x < 0.0)); }

template <double (*f)(double)>
Status each(const RunCall& call) noexcept {
  return each_value(call, [](double x) { return f(x); });
}

template <f64x8 (*f)(f64x8)>
Status lanes(const RunCall& call) noexcept {
  return each_stretch(call, [](const double* in, double* out, int32_t n) { map_row(in, out, n, f); });
}

f64x8 sine(f64x8 x) { return vsin(x); }

/// By the numbers of Function.
constexpr RunFn kFunctions[] = {each<fabs>,  each<sqrt>,  each<square>, each<negative>,   each<log1p>,
                                each<expm1>, each<log2>,  each<log10>,  each<cbrt>,       each<exp2>,
                                lanes<sine>, lanes<vcos>, each<tan>,    each<sinh>,       each<cosh>,
                                each<tanh>,  each<asinh>, each<atan>,   each<rint>,       each<floor>,
                                each<ceil>,  each<trunc>, each<sign>,   each<reciprocal>, each<asin>};

Status run(const RunCall& call) noexcept { return kFunctions[call.params[0].scalar<uint8_t>()](call); }

Cost cost(const CostCall& call) {
  const auto function = static_cast<Function>(call.params[0].scalar<uint8_t>());
  const double width = call.out_width;
  const bool cheap = function == Function::kAbsolute || function == Function::kSquare ||
                     function == Function::kNegative ||
                     (function >= Function::kRint && function <= Function::kReciprocal);
  if (cheap) return Cost{}.rows({{"call", 3.0}, {"columns", 0.2 * width}});
  if (function == Function::kSqrt) return Cost{}.rows({{"call", 3.0}, {"square_roots", 1.0 * width}});
  if (function == Function::kSin || function == Function::kCos)
    return Cost{}.rows({{"call", 3.0}, {"waves", 2.0 * width}});
  return Cost{}.rows({{"call", 3.0}, {"logarithms", 8.0 * width}});
}

constexpr Param kParams[] = {{.name = "function", .dtype = u8, .choices = kFunctionNames}};

}  // namespace
PRETZEL_KERNEL(unary_function, .params = kParams, .run = run, .cost = cost)
}  // namespace pretzel
