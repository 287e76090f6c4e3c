// The cost model: how long a request will take, before it runs. It has three layers, each with a file of its own:
//
//   coefficients.h    A kernel counts its work in named terms, in nanoseconds on a nominal machine (`Cost`, below). One
//                     calibrated coefficient for each term turns them into nanoseconds on a real one.
//   speed_factor.h    One factor of the process: how fast this machine is, relative to the calibrated one.
//   cost_feedback.h   Two factors of each program, learnt from the time of its requests.
//
// program_cost.h adds up the steps of a program once, when it is built; a request is then priced with a few
// multiplications, from any thread. step_timers.h holds the time per step that `explain` and `stats` show.
//
// Estimates decide whether a call releases the GIL, which engine runs it, how many rows a morsel has, and whether a
// request meets its deadline. They are linear in what is counted, and no coefficient is negative: an estimate never
// falls when a request grows, even far beyond everything that was measured.
#pragma once

#include <cstdint>

namespace pretzel {

struct Array;

/// What a term is counted for: the first row of a tile, each further row, or each unit of payload (a code unit of a
/// text, or an entry of a sparse row).
enum class Regime : uint8_t { kFirstRow, kRow, kPayload };
constexpr int kRegimes = 3;
constexpr const char* kRegimeNames[kRegimes] = {"first_row", "row", "payload"};

/// Work of one call of a kernel. Terms grow with its parameters: the dimensions, the trees and their depth, the
/// logarithm of what does not fit into a cache. Terms of different code paths have different names, because each name
/// has a coefficient of its own.
struct Cost {
  static constexpr int kMaxTerms = 8;

  struct Term {
    const char* name;
    double ns;  // on the nominal machine
  };
  struct Terms {
    Term at[kMaxTerms];
    int size;
    const Term* begin() const noexcept { return at; }
    const Term* end() const noexcept { return at + size; }
  };

  Terms terms[kRegimes] = {};
  double out_nnz_per_payload = 0;  // sparse entries of the output for each unit of the input's payload
  double out_nnz_per_row = 0;      // ... and for each row
  double scratch_per_row = 0;      // most bytes of the arena, beside dense outputs, for each row of a tile
  double scratch_per_payload = 0;  // ... and for each unit of the input's payload

  /// Every row, the first of a tile and further ones alike.
  template <int N>
  constexpr Cost& rows(const Term (&given)[N]) {
    return set(Regime::kRow, given).set(Regime::kFirstRow, given);
  }
  /// The first row of a tile, where rows share work or run side by side. After `rows`.
  template <int N>
  constexpr Cost& first_row(const Term (&given)[N]) {
    return set(Regime::kFirstRow, given);
  }
  template <int N>
  constexpr Cost& payload(const Term (&given)[N]) {
    return set(Regime::kPayload, given);
  }
  constexpr Cost& produces_nnz(double per_payload, double per_row) {
    out_nnz_per_payload = per_payload;
    out_nnz_per_row = per_row;
    return *this;
  }
  constexpr Cost& scratch(double per_row, double per_payload) {
    scratch_per_row = per_row;
    scratch_per_payload = per_payload;
    return *this;
  }

 private:
  template <int N>
  constexpr Cost& set(Regime regime, const Term (&given)[N]) {
    static_assert(N <= kMaxTerms);
    Terms& t = terms[static_cast<int>(regime)];
    for (int i = 0; i < N; ++i) t.at[i] = given[i];
    t.size = N;
    return *this;
  }
};

/// What is known of a call when a program is built.
struct CostCall {
  const Array* params;  // without data where `run` does not read them
  const uint8_t* state;
  int64_t state_bytes;
  int32_t n_in;
  int32_t in_width;  // of all inputs together
  int32_t out_width;
  bool sparse_in, sparse_out;
};

using CostFn = Cost (*)(const CostCall&);

/// How often `bytes` would have to be halved to fit into a cache of `cache` bytes: cache misses grow with it.
double doublings(double bytes, double cache) noexcept;

}  // namespace pretzel
