// What the search for the nearest stored rows is made of: metrics, bounds in float32, and the heap of what was found.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/kernel.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr int kBlock = 16;
constexpr int kFloats = 2 * kNativeLanes;
constexpr int kVectors = kBlock / kFloats;
typedef float f32xn __attribute__((vector_size(4 * kFloats)));

PRETZEL_ENUM(Metric, int32_t, kEuclidean, kManhattan, kChebyshev);

/// Adds one column to a distance, which is squared where the metric is Euclidean.
template <Metric kMetric, class T>
T added(T sum, T difference) {
  if constexpr (kMetric == Metric::kEuclidean) return sum + difference * difference;
  const T size = difference < T{} ? -difference : difference;
  if constexpr (kMetric == Metric::kManhattan) return sum + size;
  return sum < size ? size : sum;
}

template <Metric kMetric>
double reduced(const double* a, const double* b, int64_t width) {
  double sum = 0.0;
  for (int64_t j = 0; j < width; ++j) sum = added<kMetric>(sum, a[j] - b[j]);
  return sum;
}

template <Metric kMetric>
double root(double distance) {
  return kMetric == Metric::kEuclidean ? std::sqrt(distance) : distance;
}
template <Metric kMetric>
double unroot(double distance) {
  return kMetric == Metric::kEuclidean ? distance * distance : distance;
}

inline bool is_leaf(int64_t node, int64_t nodes) { return 2 * node + 2 >= nodes; }

/// The distance between a row beside the mean and its float32 copy, and what rounding adds to it.
template <Metric kMetric>
double slack_of(const double* x, const double* mean, int64_t width, float* copy, int64_t stride) {
  double moved = 0.0, size = 0.0;
  for (int64_t j = 0; j < width; ++j) {
    const double centered = x[j] - mean[j];
    copy[j * stride] = static_cast<float>(centered);
    moved = added<kMetric>(moved, centered - static_cast<double>(copy[j * stride]));
    size = added<kMetric>(size, centered);
  }
  return root<kMetric>(moved) + 0x1p-50 * root<kMetric>(size) + 0x1p-100;
}

/// A bit for each lane that is not above the limit; NaN is not.
inline uint32_t not_above(const f32xn (&sums)[kVectors], float limit) {
  uint32_t found = 0;
  for (int v = 0; v < kVectors; ++v) {
    uint32_t above = 0;
#if defined(__AVX512F__)
    above = _mm512_cmp_ps_mask((__m512)sums[v], _mm512_set1_ps(limit), _CMP_GT_OQ);
#elif defined(__AVX2__)
    above =
        static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps((__m256)sums[v], _mm256_set1_ps(limit), _CMP_GT_OQ)));
#else
    for (int i = 0; i < kFloats; ++i) above |= static_cast<uint32_t>(sums[v][i] > limit) << i;
#endif
    found |= (~above & ((1U << kFloats) - 1U)) << (v * kFloats);
  }
  return found;
}

/// Puts a row in place of the farthest one. Of two children that are equal the first moves up, as in the source.
inline void replace_top(double* distances, double* numbers, int64_t size, double distance, double number) {
  int64_t at = 0;
  while (true) {
    const int64_t left = 2 * at + 1, right = left + 1;
    if (left >= size) break;
    const int64_t child = right < size && distances[left] < distances[right] ? right : left;
    if (!(distance < distances[child])) break;
    distances[at] = distances[child];
    numbers[at] = numbers[child];
    at = child;
  }
  distances[at] = distance;
  numbers[at] = number;
}

inline const char* check_ranges(const Array& points, const Array& ranges) {
  const int64_t nodes = ranges.shape[0];
  if (ranges.shape[1] != 2 || nodes < 1) return "has ranges that are no pairs";
  for (int64_t node = 0; node < nodes; ++node) {
    const int64_t begin = ranges.as<int32_t>()[2 * node], end = ranges.as<int32_t>()[2 * node + 1];
    if (begin < 0 || end < begin || end > points.shape[0]) return "has a range outside the rows";
  }
  return nullptr;
}

inline const char* check_tree(const Array& points, const Array& ranges, const Array& bounds, const Array& radii) {
  if (const char* wrong = check_ranges(points, ranges)) return wrong;
  const int64_t nodes = ranges.shape[0];
  const bool is_ball = radii.size == nodes && bounds.shape[0] == nodes;
  const bool is_box = radii.size == 0 && bounds.shape[0] == 2 * nodes;
  return nodes == 1 || is_ball || is_box ? nullptr : "has not the bounds of every node";
}

/// Boxes or balls of the nodes of a tree: least values of all nodes, then largest, or centres.
template <Metric kMetric>
class Bounds {
 public:
  Bounds(const Array& bounds, const Array& radii)
      : bounds_(bounds.as<double>()),
        radii_(radii.size > 0 ? radii.as<double>() : nullptr),
        width_(bounds.shape[1]),
        nodes_(bounds.shape[0] / 2) {}

  /// At most the distance of a row to what a node holds.
  double of(const double* x, int64_t node) const {
    const double* low = bounds_ + node * width_;
    if (radii_ != nullptr) {
      const double distance = root<kMetric>(reduced<kMetric>(x, low, width_)) - radii_[node];
      return distance > 0.0 ? unroot<kMetric>(distance) : 0.0;
    }
    const double* high = low + nodes_ * width_;
    double sum = 0.0;
    for (int64_t j = 0; j < width_; ++j) {
      const double below = low[j] - x[j], above = x[j] - high[j];
      sum = added<kMetric>(sum, 0.5 * ((below + std::fabs(below)) + (above + std::fabs(above))));
    }
    return sum;
  }

 private:
  const double *bounds_, *radii_;
  int64_t width_, nodes_;
};

}  // namespace
}  // namespace pretzel
