// count_sketch: values of a row added up in places that were drawn, once for each factor of a polynomial; then the
// circular convolution of these sketches.
//
// Sums go in the order of the columns, and the terms of a convolution in that of the entries of its second factor, of
// which only those that are not zero are visited: a sketch has no more of them than the row has values, and one.
#include <algorithm>
#include <cstring>
#include <limits>

#include "core/finite.h"
#include "core/kernel.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {{"places", i32, "degree width", kHoldsIndices, "", "n_out"},
                             {"factors", f64, "degree width"},
                             {"offset", f64, "degree n_out"}};
constexpr int kPlaces = index_of(kParams, "places"), kFactors = index_of(kParams, "factors"),
              kOffset = index_of(kParams, "offset");

constexpr int64_t kRegisters = 8, kBlock = kRegisters * kNativeLanes;  // places whose sums stay in registers

/// The circular convolution of a row of `n` values, given twice one after the other, with room for a block behind, and
/// a sketch, which is used up: its entries that are not zero move to its front, and their places to `at`.
void convolve(const double* twice, double* sketch, int64_t* at, int64_t n, double* out) {
  int64_t found = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double entry = sketch[i];
    if (entry == 0.0) continue;
    at[found] = n - i;
    sketch[found++] = entry;
  }
  for (int64_t k = 0; k < n; k += kBlock) {
    f64xn sums[kRegisters] = {};
    for (int64_t e = 0; e < found; ++e) {
      const double entry = sketch[e];
      const double* x = twice + at[e] + k;
#pragma GCC unroll 8
      for (int64_t l = 0; l < kRegisters; ++l) sums[l] += entry * loadn(x + l * kNativeLanes);
    }
    std::memcpy(out + k, sums, static_cast<size_t>(n - k < kBlock ? n - k : kBlock) * sizeof(double));
  }
}

Status run(const RunCall& call) noexcept {
  const auto* places = call.params[kPlaces].as<int32_t>();
  const auto* factors = call.params[kFactors].as<double>();
  const auto* offset = call.params[kOffset].as<double>();
  const int64_t degree = call.params[kPlaces].shape[0], width = call.in[0].width, n = call.out->width;
  const Arena::Mark mark = call.arena->mark();
  auto* sketch = call.arena->alloc_n<double>(static_cast<size_t>(n));
  auto* twice = call.arena->alloc_n<double>(2 * static_cast<size_t>(n) + kBlock);
  auto* at = call.arena->alloc_n<int64_t>(static_cast<size_t>(n));
  if (sketch == nullptr || twice == nullptr || at == nullptr) return Status::kNoMemory;
  std::memset(twice + 2 * n, 0, kBlock * sizeof(double));
  const size_t bytes = static_cast<size_t>(n) * sizeof(double);
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    for (int64_t d = 0; d < degree; ++d) {
      const auto* place = places + d * width;
      const auto* factor = factors + d * width;
      double* to = d == 0 ? out : sketch;
      std::memcpy(to, offset + d * n, bytes);
      if (call.in[0].kind == ValueKind::kSparse) {
        const SparseRow& row = call.in[0].sparse[r];
        for (int64_t i = 0; i < row.size; ++i) to[place[row.index[i]]] += factor[row.index[i]] * row.value[i];
      } else {
        const double* row = call.in[0].row(r);
        for (int64_t j = 0; j < width; ++j) to[place[j]] += factor[j] * row[j];
      }
      if (d == 0) continue;
      std::memcpy(twice, out, bytes);
      std::memcpy(twice + n, out, bytes);
      convolve(twice, sketch, at, n, out);
    }
    if (degree > 1 && n > 1 && !all_below<false>(out, n, std::numeric_limits<double>::infinity())) {
      // The source's Fourier transforms mix all places, so that one overflow makes NaN of a row.
      std::fill_n(out, n, std::numeric_limits<double>::quiet_NaN());
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

const char* check(const LoadCall& call) { return call.params[kPlaces].shape[0] > 0 ? nullptr : "has no factor"; }

Cost cost(const CostCall& call) {
  const double degree = static_cast<double>(call.params[kPlaces].shape[0]), n = call.out_width;
  const double most = call.in_width + 1.0 < n ? call.in_width + 1.0 : n, copies = degree * n;
  if (call.sparse_in) {
    return Cost{}
        .rows({{"call", 10.0}, {"copies", 0.3 * copies}, {"products", 0.15 * (degree - 1.0) * n}})
        .payload({{"entries", 1.0 * degree}, {"products", 0.15 * (degree - 1.0) * n}});
  }
  return Cost{}.rows({{"call", 10.0},
                      {"copies", 0.3 * copies},
                      {"columns", 1.0 * degree * call.in_width},
                      {"products", 0.15 * (degree - 1.0) * most * n}});
}

}  // namespace
PRETZEL_KERNEL(count_sketch, .params = kParams, .in = {kDense | kSparse, "width"}, .out = {kDense, "n_out"},
               .check = check, .run = run, .cost = cost)
}  // namespace pretzel
