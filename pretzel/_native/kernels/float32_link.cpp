// exp_float32, expit_float32, softmax_float32: links of margins that are float32, in float32 arithmetic, for sources
// that call C's expf.
//
// expf is that of the GNU C library and of most others, which computes it in double with the table and the polynomial
// of Arm's optimized routines, and is not rounded correctly. Written out here without fused products, it has the same
// bits everywhere: those of the C library for all but 2 of the 1.26 billion values whose exponential is neither 0, 1
// nor infinite, on a processor with fused products.
#include <cstring>
#include <limits>

#include "core/rows.h"

namespace pretzel {
namespace {

/// 2^(i / 32).
constexpr double kPowers[32] = {0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
                                0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
                                0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
                                0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
                                0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
                                0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
                                0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
                                0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0};

inline float exp_float32(float value) {
  constexpr double kMagic = 0x1.8p52;  // adding it rounds to the nearest integer and leaves that in the low bits
  if (!(value <= 0x1.62e42ep6f)) return value != value ? value : std::numeric_limits<float>::infinity();
  if (value < -0x1.9fe368p6f) return 0.0f;
  const double scaled = double{value} * (32.0 * 0x1.71547652b82fep+0), shifted = scaled + kMagic;
  const double r = scaled - (shifted - kMagic);
  int64_t whole, power;
  std::memcpy(&whole, &shifted, sizeof whole);
  whole -= int64_t{0x4338000000000000};  // the bits of kMagic
  std::memcpy(&power, &kPowers[whole & 31], sizeof power);
  power += (whole >> 5) * (int64_t{1} << 52);
  double factor;
  std::memcpy(&factor, &power, sizeof factor);
  const double high = 0x1.c6af84b912394p-5 / 32768 * r + 0x1.ebfce50fac4f3p-3 / 1024;
  const double low = 0x1.62e42ff0c52d6p-1 / 32 * r + 1.0;
  return static_cast<float>((high * (r * r) + low) * factor);
}

Status run_exp(const RunCall& call) noexcept {
  return each_value(call, [](double x) { return double{exp_float32(static_cast<float>(x))}; });
}

Status run_expit(const RunCall& call) noexcept {
  return each_value(call, [](double x) {
    const auto minus = static_cast<float>(-x);
    const float e = exp_float32(minus > 88.7f ? 88.7f : minus);
    return double{1.0f / (e + 1.0f)};
  });
}

Status run_softmax(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    auto top = static_cast<float>(in[0]);
    for (int32_t j = 1; j < width; ++j) top = in[j] > top ? static_cast<float>(in[j]) : top;
    double total = 0.0;
    for (int32_t j = 0; j < width; ++j) {
      out[j] = exp_float32(static_cast<float>(in[j]) - top);
      total += out[j];
    }
    const auto sum = static_cast<float>(total);
    for (int32_t j = 0; j < width; ++j) out[j] = static_cast<float>(out[j]) / sum;
  });
}

Cost cost_exp(const CostCall& call) { return Cost{}.rows({{"call", 3.0}, {"inputs", 4.0 * call.in_width}}); }

}  // namespace
PRETZEL_KERNEL(exp_float32, .run = run_exp, .cost = cost_exp)
PRETZEL_KERNEL(expit_float32, .run = run_expit, .cost = cost_exp)
PRETZEL_KERNEL(softmax_float32, .in = {kDense, "n+1"}, .out = {kDense, "n+1"}, .run = run_softmax, .cost = cost_exp)
}  // namespace pretzel
