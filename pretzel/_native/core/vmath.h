// exp and its kin on eight lanes, with the same bits on every instruction set and in every lane.
#pragma once

#include "core/simd.h"

namespace pretzel {
namespace {

/// exp(x) - 1 == 2^k * (1 + p) - 1 with |p| small: the parts, so that callers lose nothing to cancellation.
struct ExpParts {
  f64x8 p;      // expm1 of the remainder
  f64x8 half;   // 2^(k / 2)
  f64x8 other;  // 2^(k - k / 2); in two factors, because 2^k alone may not be a double
};

/// Cody-Waite reduction by ln 2 and a Taylor polynomial: 13 terms reach the last bit for |r| <= ln(2) / 2.
inline ExpParts exp_parts(f64x8 x) {
  constexpr double kMagic = 0x1.8p52;  // adding it rounds to the nearest integer and leaves that in the low bits
  constexpr double kLn2High = 0x1.62e42fefa38p-1, kLn2Low = 0x1.ef35793c7673p-45;
  x = x > splat8(710.0) ? splat8(710.0) : x;    // infinity from here on
  x = x < splat8(-746.0) ? splat8(-746.0) : x;  // zero
  const f64x8 shifted = x * 0x1.71547652b82fep+0 + kMagic;
  const f64x8 k = shifted - kMagic;
  const f64x8 r = (x - k * kLn2High) - k * kLn2Low;
  f64x8 p = splat8(1.0 / 6227020800.0);
  constexpr double kFactorials[] = {1.0 / 479001600.0,
                                    1.0 / 39916800.0,
                                    1.0 / 3628800.0,
                                    1.0 / 362880.0,
                                    1.0 / 40320.0,
                                    1.0 / 5040.0,
                                    1.0 / 720.0,
                                    1.0 / 120.0,
                                    1.0 / 24.0,
                                    1.0 / 6.0,
                                    0.5};
  for (const double c : kFactorials) p = p * r + c;
  p = r + (r * r) * p;
  i64x8 bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  const i64x8 whole = bits - int64_t{0x4338000000000000};  // the bits of kMagic: what is left is k
  const i64x8 first = whole >> 1, second = whole - first;
  const i64x8 first_bits = (first + 1023) << 52, second_bits = (second + 1023) << 52;
  ExpParts parts;
  parts.p = p;
  std::memcpy(&parts.half, &first_bits, sizeof first_bits);
  std::memcpy(&parts.other, &second_bits, sizeof second_bits);
  return parts;
}

/// Within two units in the last place of exp(x); NaN stays NaN.
inline f64x8 vexp(f64x8 x) {
  const ExpParts e = exp_parts(x);
  return ((e.p + 1.0) * e.half) * e.other;
}

/// exp(x) - 1 without cancellation near zero, for x <= 709.
inline f64x8 vexpm1(f64x8 x) {
  const ExpParts e = exp_parts(x);
  const f64x8 scale = e.half * e.other;
  return e.p * scale + (scale - 1.0);
}

/// 1 / (1 + exp(-x)).
inline f64x8 vexpit(f64x8 x) { return 1.0 / (1.0 + vexp(-x)); }

/// tanh(x) == e / (e + 2) with e == expm1(2 x), taken at |x| so that it is odd and cannot overflow.
inline f64x8 vtanh(f64x8 x) {
  const f64x8 magnitude = absolute(x);
  const f64x8 e = vexpm1(2.0 * (magnitude > splat8(20.0) ? splat8(20.0) : magnitude));
  const f64x8 t = e / (e + 2.0);
  return x < splat8(0.0) ? -t : t;
}

/// Applies a function of lanes to every value of a row; a tail is padded, so each value has the same bits anywhere.
template <class F>
inline void map_row(const double* in, double* out, int32_t n, F f) {
  int32_t j = 0;
  for (; j + 8 <= n; j += 8) store8(out + j, f(load8(in + j)));
  if (j < n) store_tail(out + j, f(load_tail(in + j, n - j)), n - j);
}

/// One value through a function of lanes.
template <class F>
inline double map_one(double x, F f) {
  return f(splat8(x))[0];
}

}  // namespace
}  // namespace pretzel
