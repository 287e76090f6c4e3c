// Rows that are written as sums of components: their entries, dense or sparse, and their products with components.
#pragma once

#include <cmath>

#include "core/kernel.h"

namespace pretzel {
namespace {

/// The entries of one row that may differ from zero.
struct Entries {
  const int32_t* index;  // nullptr: all columns
  const double* value;
  int64_t size;

  int64_t column(int64_t i) const { return index == nullptr ? i : index[i]; }
};

inline Entries entries_of(const View& in, int32_t r) {
  if (in.kind == ValueKind::kDense) return {nullptr, in.row(r), in.width};
  const SparseRow& row = in.sparse[r];
  return {row.index, row.value, row.size};
}

/// The column of the first negative number, or -1.
inline int32_t negative_in(const Entries& row) {
  for (int64_t i = 0; i < row.size; ++i) {
    if (row.value[i] < 0.0) return static_cast<int32_t>(row.column(i));
  }
  return -1;
}

/// Products of a row with n components, of which `components` has a row for each column.
inline void products_of(const Entries& row, const double* components, int64_t n, double* out) {
  for (int64_t t = 0; t < n; ++t) out[t] = 0.0;
  for (int64_t i = 0; i < row.size; ++i) {
    const double x = row.value[i];
    if (x == 0.0) continue;
    const double* shares = components + row.column(i) * n;
    for (int64_t t = 0; t < n; ++t) out[t] += x * shares[t];
  }
}

/// How many rounds a row usually takes.
inline double rounds_of(const Array& most) { return std::fmax(0.0, std::fmin(40.0, most.scalar<int32_t>())); }

}  // namespace
}  // namespace pretzel
