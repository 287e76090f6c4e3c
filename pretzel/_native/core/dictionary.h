// Parameters that may be dictionary-encoded: distinct numbers in one array, and for each element its place there.
#pragma once

#include <cstdint>

#include "core/kernel.h"

namespace pretzel {
namespace {

/// Numbers as they are. `at` is the place of an element, or of a row of them.
struct PlainNumbers {
  const double* values;

  int64_t at(int64_t i) const { return i; }
  double operator[](int64_t i) const { return values[i]; }
  void prefetch(int64_t i) const { __builtin_prefetch(values + i); }
};

/// The distinct numbers are few, and soon in the cache: only their places are prefetched.
struct EncodedNumbers {
  const double* values;
  const uint16_t* codes;

  int64_t at(int64_t i) const { return codes[i]; }
  double operator[](int64_t i) const { return values[codes[i]]; }
  void prefetch(int64_t i) const { __builtin_prefetch(codes + i); }
};

/// Calls `use` with the numbers of two parameters, the second of which is empty where they are not encoded.
template <class Use>
void with_numbers(const Array& values, const Array& codes, Use use) {
  if (codes.size == 0) return use(PlainNumbers{values.as<double>()});
  use(EncodedNumbers{values.as<double>(), codes.as<uint16_t>()});
}

/// For `check`: whether there is a number, or a row of them, for each of `n` elements. The signature checks the codes.
inline bool has_numbers(const Array& values, const Array& codes, int64_t n) {
  return codes.size == 0 ? values.shape[0] == n : values.size != 0;
}

}  // namespace
}  // namespace pretzel
