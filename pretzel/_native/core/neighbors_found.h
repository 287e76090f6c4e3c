// What the kernel `neighbors` has found for a row, as other kernels read it.
#pragma once

#include <cstdint>

#include "core/view.h"

namespace pretzel {
namespace {

/// The neighbours of one row: their distances, then their numbers.
struct Neighbors {
  const double* distances;
  const double* numbers;
  int64_t size;

  Neighbors(const View& in, int32_t r) : distances(in.row(r)), numbers(in.row(r) + in.width / 2), size(in.width / 2) {}

  /// The stored row of a neighbour, or -1.
  int64_t at(int64_t i, int64_t points) const {
    const double number = numbers[i];
    return number >= 0.0 && number < static_cast<double>(points) ? static_cast<int64_t>(number) : -1;
  }
};

/// Whether a value can be neighbours.
const char* check_neighbors(const View& in) {
  return in.width > 0 && in.width % 2 == 0 ? nullptr : "reads no pairs of distances and numbers";
}

}  // namespace
}  // namespace pretzel
