// What the leaves of a tree ensemble add to its outputs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pretzel {
namespace {

/// What leaves add to: tree t adds `width` values to the columns from `columns[t]`.
struct LeafValues {
  const double* values;
  const int32_t* columns;
  int32_t width;

  void add(uint32_t tree, uint32_t leaf, double* out) const {
    const double* from = values + size_t{leaf} * width;
    double* to = out + columns[tree];
    for (int32_t j = 0; j < width; ++j) to[j] += from[j];
  }

  /// One leaf for each of N rows that lie `stride` apart. The usual widths are known to the compiler.
  template <int N>
  void add_rows(uint32_t tree, const uint32_t* leaf, double* out, int64_t stride) const {
    double* to = out + columns[tree];
    if (width == 1) return add_fixed<N, 1>(leaf, to, stride);
    if (width == 2) return add_fixed<N, 2>(leaf, to, stride);
    for (int k = 0; k < N; ++k) add(tree, leaf[k], out + k * stride);
  }

 private:
  template <int N, int Width>
  void add_fixed(const uint32_t* leaf, double* to, int64_t stride) const {
    for (int k = 0; k < N; ++k, to += stride) {
      const double* from = values + size_t{leaf[k]} * Width;
      for (int j = 0; j < Width; ++j) to[j] += from[j];
    }
  }
};

}  // namespace
}  // namespace pretzel
