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
};

}  // namespace
}  // namespace pretzel
