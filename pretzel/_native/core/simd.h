// Lane types whose arithmetic is the same on every instruction set: the compiler lowers them to SSE2, AVX2, AVX-512 or
// NEON, lane by lane, so a reduction written with them has one order everywhere.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace pretzel {
namespace {

typedef double f64x8 __attribute__((vector_size(64)));
typedef float f32x16 __attribute__((vector_size(64)));
typedef int64_t i64x8 __attribute__((vector_size(64)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef uint32_t u32x16 __attribute__((vector_size(64)));

inline f64x8 load8(const double* p) {
  f64x8 v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
inline void store8(double* p, f64x8 v) { std::memcpy(p, &v, sizeof v); }
inline f64x8 absolute(f64x8 v) { return v < 0.0 ? -v : v; }
inline f64x8 splat8(double x) { return f64x8{x, x, x, x, x, x, x, x}; }

/// One register, for arithmetic without dependencies between lanes: the number of lanes does not show in the result.
/// Wider vectors are at the mercy of the compiler, which may send them through memory.
#if defined(__AVX512F__)
constexpr int kNativeLanes = 8;
#elif defined(__AVX2__)
constexpr int kNativeLanes = 4;
#else
constexpr int kNativeLanes = 2;
#endif
typedef double f64xn __attribute__((vector_size(8 * kNativeLanes)));

inline f64xn loadn(const double* p) {
  f64xn v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

/// Rounded to float32, as a conversion there and back; too large a number becomes infinite.
inline double to_float32(double x) { return static_cast<double>(static_cast<float>(x)); }
template <class Lanes>
inline Lanes to_float32(Lanes x) {
  typedef float Floats __attribute__((vector_size(sizeof(Lanes) / 2)));
  return __builtin_convertvector(__builtin_convertvector(x, Floats), Lanes);
}

/// The one tree in which eight lanes are combined: ((0+4)+(2+6)) + ((1+5)+(3+7)).
inline double sum8(f64x8 v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

/// The same for eight lanes in as many registers as they take.
inline double sum8(const f64xn (&lanes)[8 / kNativeLanes]) {
  f64x8 v;
  std::memcpy(&v, lanes, sizeof v);
  return sum8(v);
}

/// The first n lanes of a register, where n may be 0 or all. The other lanes are read as zeros and not written; their
/// memory need not exist.
class FirstLanes {
 public:
#if defined(__AVX512F__)
  explicit FirstLanes(int64_t n) : mask_(static_cast<__mmask8>(n >= 8 ? 0xff : n > 0 ? (1 << n) - 1 : 0)) {}
  f64xn load(const double* p) const { return (f64xn)_mm512_maskz_loadu_pd(mask_, p); }
  void store(double* p, f64xn v) const { _mm512_mask_storeu_pd(p, mask_, (__m512d)v); }

 private:
  __mmask8 mask_;
#elif defined(__AVX2__)
  explicit FirstLanes(int64_t n)
      : n_(n), mask_(_mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3))) {}
  f64xn load(const double* p) const { return (f64xn)_mm256_maskload_pd(p, mask_); }
  /// Without a masked store, because some processors take ten times as long for it.
  void store(double* p, f64xn v) const {
    if (n_ >= 4) return _mm256_storeu_pd(p, (__m256d)v);
    if (n_ >= 2) _mm_storeu_pd(p, _mm256_castpd256_pd128((__m256d)v));
    if (n_ == 1) p[0] = v[0];
    if (n_ == 3) p[2] = v[2];
  }

 private:
  int64_t n_;
  __m256i mask_;
#else
  explicit FirstLanes(int64_t n) : n_(n) {}
  f64xn load(const double* p) const { return f64xn{n_ > 0 ? p[0] : 0.0, n_ > 1 ? p[1] : 0.0}; }
  void store(double* p, f64xn v) const {
    if (n_ > 0) p[0] = v[0];
    if (n_ > 1) p[1] = v[1];
  }

 private:
  int64_t n_;
#endif
};

/// All lanes, in the same words.
struct WholeLanes {
  f64xn load(const double* p) const { return loadn(p); }
  void store(double* p, f64xn v) const { std::memcpy(p, &v, sizeof v); }
};

/// Calls `f(j, lanes)` for the columns from j on that a register holds, until all are done.
template <class F>
inline void each_register(int32_t width, F f) {
  int32_t j = 0;
  for (; j + kNativeLanes <= width; j += kNativeLanes) f(j, WholeLanes{});
  if (j < width) f(j, FirstLanes(width - j));
}

/// The first n (below 8) of the numbers at p, then zeros.
inline f64x8 load_tail(const double* p, int64_t n) {
  f64xn parts[8 / kNativeLanes];
  for (int64_t i = 0; i < 8 / kNativeLanes; ++i) {
    parts[i] = FirstLanes(n - i * kNativeLanes).load(p + i * kNativeLanes);
  }
  f64x8 v;
  std::memcpy(&v, parts, sizeof v);
  return v;
}

/// Writes the first n (below 8) lanes.
inline void store_tail(double* p, f64x8 v, int64_t n) {
  f64xn parts[8 / kNativeLanes];
  std::memcpy(parts, &v, sizeof v);
  for (int64_t i = 0; i < 8 / kNativeLanes; ++i) {
    FirstLanes(n - i * kNativeLanes).store(p + i * kNativeLanes, parts[i]);
  }
}

#if defined(__AVX2__) && !defined(__AVX512F__)
/// The dot product below in two registers.
inline double dot8(const double* a, const double* b, int64_t n) {
  f64xn low{}, high{};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    low += loadn(a + i) * loadn(b + i);
    high += loadn(a + i + 4) * loadn(b + i + 4);
  }
  if (i < n) {
    const FirstLanes first(n - i), last(n - i - 4);
    low += first.load(a + i) * first.load(b + i);
    high += last.load(a + i + 4) * last.load(b + i + 4);
  }
  const f64xn half = low + high;
  return (half[0] + half[2]) + (half[1] + half[3]);
}
#else
/// Dot product: lane i takes elements i, i+8, ...; a short tail counts as zeros.
inline double dot8(const double* a, const double* b, int64_t n) {
  f64x8 acc = splat8(0.0);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) acc += load8(a + i) * load8(b + i);
  if (i < n) acc += load_tail(a + i, n - i) * load_tail(b + i, n - i);
  return sum8(acc);
}
#endif

}  // namespace
}  // namespace pretzel
