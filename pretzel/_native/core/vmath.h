// exp and its kin on eight lanes, with the same bits on every instruction set and in every lane.
#pragma once

#include <cmath>

#include "core/simd.h"

namespace pretzel {
namespace {

/// exp(x) - 1 == 2^k * (1 + p) - 1 with |p| small, for N registers: the parts, so that callers lose nothing to
/// cancellation.
template <int N>
struct ExpParts {
  f64xn p[N];      // expm1 of the remainder
  f64xn half[N];   // 2^(k / 2)
  f64xn other[N];  // 2^(k - k / 2); in two factors, because 2^k alone may not be a double
};

/// 2^k for whole k between -1022 and 1023.
inline f64xn power_of_two(f64xn k) {
  typedef int64_t Bits __attribute__((vector_size(sizeof(f64xn))));
  k += 0x1.8p52;  // which leaves k in the low bits
  Bits bits;
  std::memcpy(&bits, &k, sizeof bits);
  bits = (bits + 1023) << 52;
  std::memcpy(&k, &bits, sizeof k);
  return k;
}

/// Cody-Waite reduction by ln 2 and a Taylor polynomial: 13 terms reach the last bit for |r| <= ln(2) / 2. Registers go
/// through it side by side, because each step waits for the one before.
template <int N>
inline ExpParts<N> exp_parts(const f64xn (&x)[N]) {
  constexpr double kMagic = 0x1.8p52;  // adding it rounds to the nearest integer
  constexpr double kLn2High = 0x1.62e42fefa38p-1, kLn2Low = 0x1.ef35793c7673p-45;
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
  const f64xn most = f64xn{} + 710.0, least = f64xn{} - 746.0;
  ExpParts<N> parts;
  f64xn k[N], r[N];
  for (int i = 0; i < N; ++i) {
    f64xn value = x[i];
    value = value > most ? most : value;    // infinity from here on
    value = value < least ? least : value;  // zero
    k[i] = (value * 0x1.71547652b82fep+0 + kMagic) - kMagic;
    r[i] = (value - k[i] * kLn2High) - k[i] * kLn2Low;
    parts.p[i] = f64xn{} + 1.0 / 6227020800.0;
  }
#pragma GCC unroll 11
  for (const double c : kFactorials) {
    for (int i = 0; i < N; ++i) parts.p[i] = parts.p[i] * r[i] + c;
  }
  for (int i = 0; i < N; ++i) {
    parts.p[i] = r[i] + (r[i] * r[i]) * parts.p[i];
    const f64xn first = (k[i] * 0.5 + kMagic) - kMagic;
    parts.half[i] = power_of_two(first);
    parts.other[i] = power_of_two(k[i] - first);
  }
  return parts;
}

/// exp of N registers: see `vexp`.
template <int N>
inline void exp_registers(f64xn (&x)[N]) {
  const ExpParts<N> e = exp_parts(x);
  for (int i = 0; i < N; ++i) x[i] = ((e.p[i] + 1.0) * e.half[i]) * e.other[i];
}

/// Within two units in the last place of exp(x); NaN stays NaN.
inline f64x8 vexp(f64x8 x) {
  f64xn parts[8 / kNativeLanes];
  std::memcpy(parts, &x, sizeof x);
  exp_registers(parts);
  std::memcpy(&x, parts, sizeof x);
  return x;
}

/// exp(x) - 1 without cancellation near zero, for x <= 709.
inline f64x8 vexpm1(f64x8 x) {
  f64xn parts[8 / kNativeLanes];
  std::memcpy(parts, &x, sizeof x);
  const auto e = exp_parts(parts);
  for (int i = 0; i < 8 / kNativeLanes; ++i) {
    const f64xn scale = e.half[i] * e.other[i];
    parts[i] = e.p[i] * scale + (scale - 1.0);
  }
  std::memcpy(&x, parts, sizeof x);
  return x;
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

/// sin(x + quarters * pi / 2): Cody-Waite reduction by pi / 2 and two polynomials, within two units in the last place.
inline f64x8 vsin(f64x8 x, int64_t quarters = 0) {
  constexpr double kMagic = 0x1.8p52;                                                                  // as for exp
  constexpr double kHigh = 0x1.921fb544p+0, kMiddle = 0x1.0b4611a6p-34, kLow = 0x1.3198a2e037073p-69;  // of pi / 2
  constexpr double kMost = 1e6;  // from here on products with kHigh and kMiddle are not exact
  const f64x8 shifted = x * 0x1.45f306dc9c883p-1 + kMagic;
  const f64x8 k = shifted - kMagic;
  const f64x8 r = ((x - k * kHigh) - k * kMiddle) - k * kLow;
  const f64x8 z = r * r;
  constexpr double kSine[] = {-2.50507602534068634195e-08, 2.75573137070700676789e-06, -1.98412698298579493134e-04,
                              8.33333333332248946124e-03, -1.66666666666666324348e-01};
  constexpr double kCosine[] = {2.08757232129817482790e-09, -2.75573143513906633035e-07, 2.48015872894767294178e-05,
                                -1.38888888888741095749e-03, 4.16666666666666019037e-02};
  f64x8 sine = splat8(1.58969099521155010221e-10), cosine = splat8(-1.13596475577881948265e-11);
  for (const double c : kSine) sine = sine * z + c;
  for (const double c : kCosine) cosine = cosine * z + c;
  sine = r + r * z * sine;
  const f64x8 half = 0.5 * z, rest = 1.0 - half;
  cosine = rest + (((1.0 - rest) - half) + z * z * cosine);
  i64x8 bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits += quarters;
  const f64x8 found = (bits & 1) != 0 ? cosine : sine;
  f64x8 result = (bits & 2) != 0 ? -found : found;
  for (int i = 0; i < 8; ++i) {
    if (std::fabs(x[i]) > kMost) result[i] = quarters == 0 ? std::sin(x[i]) : std::cos(x[i]);
  }
  return result;
}

inline f64x8 vcos(f64x8 x) { return vsin(x, 1); }

/// Applies a function of lanes to every value of a row; a tail is padded, so each value has the same bits anywhere.
template <class F>
inline void map_row(const double* in, double* out, int32_t n, F f) {
  int32_t j = 0;
  for (; j + 8 <= n; j += 8) store8(out + j, f(load8(in + j)));
  if (j < n) store_tail(out + j, f(load_tail(in + j, n - j)), n - j);
}

/// exp(factor * x) of every value of a row; four registers at a time, as far as they go.
inline void exp_row(const double* in, double* out, int32_t n, double factor) {
  constexpr int32_t kTogether = 4;
  int32_t j = 0;
  for (; j + kTogether * kNativeLanes <= n; j += kTogether * kNativeLanes) {
    f64xn x[kTogether];
    for (int32_t i = 0; i < kTogether; ++i) x[i] = factor * loadn(in + j + i * kNativeLanes);
    exp_registers(x);
    for (int32_t i = 0; i < kTogether; ++i) std::memcpy(out + j + i * kNativeLanes, &x[i], sizeof x[i]);
  }
  map_row(in + j, out + j, n - j, [factor](f64x8 x) { return vexp(factor * x); });
}

/// One value through a function of lanes.
template <class F>
inline double map_one(double x, F f) {
  return f(splat8(x))[0];
}

}  // namespace
}  // namespace pretzel
