// What a kernel will take, as a few counted terms: priced by the kernel, weighed by what was measured on this machine.
//
// A kernel says how much there is to do in each of three regimes, as up to kTerms terms that grow with its parameters:
// the dimensions, the trees and their depth, the logarithm of what does not fit into a cache. A term is given in
// nanoseconds on the machine that the constants were measured on, so that a weight of 1 is right there; calibration
// finds the weights of this machine at pace 1 (`pace.h`), none of them negative. So estimates are linear in what is
// counted: they never fall when it grows, however far beyond anything that was measured.
#pragma once

#include <cstdint>

namespace pretzel {

struct Array;

struct Cost {
  static constexpr int kTerms = 6;
  enum Regime { kOne, kRow, kUnit, kRegimes };

  double terms[kRegimes][kTerms] = {};
  double unit_entries = 0;  // sparse entries of the output for each unit of the input
  double row_entries = 0;   // ... and for each row besides
  double row_bytes = 0;     // of the arena, beside dense outputs, at most: for each row of a tile
  double unit_bytes = 0;    // ... and each unit of the input

  /// The same for the first row of a tile and every further one.
  constexpr Cost& rows(double a, double b = 0, double c = 0, double d = 0, double e = 0, double f = 0) {
    return set(kRow, a, b, c, d, e, f).first(a, b, c, d, e, f);
  }
  /// The first row of a tile, where rows share work or are taken side by side. After `rows`.
  constexpr Cost& first(double a, double b = 0, double c = 0, double d = 0, double e = 0, double f = 0) {
    return set(kOne, a, b, c, d, e, f);
  }
  /// Every text code unit or sparse entry of the input.
  constexpr Cost& units(double a, double b = 0, double c = 0, double d = 0, double e = 0, double f = 0) {
    return set(kUnit, a, b, c, d, e, f);
  }
  constexpr Cost& yields(double per_unit, double per_row) {
    unit_entries = per_unit;
    row_entries = per_row;
    return *this;
  }
  constexpr Cost& takes(double per_row, double per_unit) {
    row_bytes = per_row;
    unit_bytes = per_unit;
    return *this;
  }

 private:
  constexpr Cost& set(Regime regime, double a, double b, double c, double d, double e, double f) {
    double* t = terms[regime];
    t[0] = a, t[1] = b, t[2] = c, t[3] = d, t[4] = e, t[5] = f;
    return *this;
  }
};

/// What is known of a call when a program is built.
struct CostCall {
  const Array* params;  // those that `run` does not read are empty
  int32_t n_params;
  const uint8_t* state;
  int64_t state_bytes;
  int32_t n_in;
  int32_t in_width;  // of all inputs together
  int32_t out_width;
  bool sparse_in, sparse_out;
};

using CostFn = Cost (*)(const CostCall&);

/// How often `bytes` would have to be halved to fit into a cache of `cache` bytes: what a visit costs beyond the first.
double doublings(double bytes, double cache) noexcept;

/// Weights of the terms of one kernel, at pace 1.
struct Weights {
  double of[Cost::kRegimes][Cost::kTerms];
};

/// What is shipped for kernels that were not measured here.
Weights weights_of(const char* kernel) noexcept;
/// For programs built from now on.
void set_weights(const char* kernel, const Weights& weights);
void forget_weights() noexcept;

}  // namespace pretzel
