// The values of leaves, added to the outputs of a tree ensemble.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pretzel {
namespace {

/// Values of leaves and their columns: tree t adds `width` values to the columns from `columns[t]` on. Sums have the
/// type of the values: each is rounded to it.
template <class Number>
struct LeafValues {
  const Number* values;
  const int32_t* columns;
  int32_t width;

  void add(uint32_t tree, uint32_t leaf, double* out) const {
    const Number* from = values + size_t{leaf} * width;
    double* to = out + columns[tree];
    for (int32_t j = 0; j < width; ++j) to[j] = static_cast<Number>(to[j]) + from[j];
  }

  /// Prefetches the values of a leaf into the second-level cache: the first level waits for few lines at a time.
  void fetch(uint32_t leaf) const { __builtin_prefetch(values + size_t{leaf} * width, 0, 2); }

  /// One leaf of each of n trees from `first` on, for one row.
  void add_trees(uint32_t first, const uint32_t* leaves, uint32_t n, double* out) const {
    if (width != 1) {
      for (uint32_t k = 0; k < n; ++k) add(first + k, leaves[k], out);
      return;
    }
    int32_t column = columns[first];
    auto sum = static_cast<Number>(out[column]);  // stays in a register for as long as trees add to the same column
    for (uint32_t k = 0; k < n; ++k) {
      if (columns[first + k] != column) {
        out[column] = sum;
        column = columns[first + k];
        sum = static_cast<Number>(out[column]);
      }
      sum += values[leaves[k]];
    }
    out[column] = sum;
  }

  /// One leaf for each of N rows that lie `stride` apart; leaves lie `kStep` apart. The usual widths are constants of
  /// the compiler.
  template <int N, int kStep = 1>
  void add_rows(uint32_t tree, const uint32_t* leaf, double* out, int64_t stride) const {
    double* to = out + columns[tree];
    if (width == 1) return add_fixed<N, kStep, 1>(leaf, to, stride);
    if (width == 2) return add_fixed<N, kStep, 2>(leaf, to, stride);
    for (int k = 0; k < N; ++k) add(tree, leaf[k * kStep], out + k * stride);
  }

 private:
  template <int N, int kStep, int Width>
  void add_fixed(const uint32_t* leaf, double* to, int64_t stride) const {
    for (int k = 0; k < N; ++k, to += stride) {
      const Number* from = values + size_t{leaf[k * kStep]} * Width;
      for (int j = 0; j < Width; ++j) to[j] = static_cast<Number>(to[j]) + from[j];
    }
  }
};

/// Leaves of one row, tree by tree. The values of each are prefetched at once and added when they have had time to
/// arrive.
template <class Number>
class FoundLeaves {
 public:
  FoundLeaves(const LeafValues<Number>& values, double* out) : values_(values), out_(out) {}

  void push(const uint32_t* leaves, uint32_t n) {
    if (size_ + n > kRoom) add();
    for (uint32_t k = 0; k < n; ++k) {
      values_.fetch(leaves[k]);
      found_[size_++] = leaves[k];
    }
  }
  /// Adds the leaves that are waiting; must be called once more at the end.
  void add() {
    values_.add_trees(tree_, found_, size_, out_);
    tree_ += size_;
    size_ = 0;
  }

 private:
  static constexpr uint32_t kRoom = 128;

  const LeafValues<Number>& values_;
  double* out_;
  uint32_t tree_ = 0, size_ = 0;
  uint32_t found_[kRoom];
};

}  // namespace
}  // namespace pretzel
