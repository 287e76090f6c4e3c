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

PRETZEL_ENUM(Metric, int32_t, kEuclidean, kManhattan, kChebyshev, kSqeuclidean, kSeuclidean, kMahalanobis, kCanberra,
             kBraycurtis, kHamming, kJaccard, kRogerstanimoto, kRussellrao);

/// Whether distances are sums or the largest of what the differences of columns are, which can be bounded in float32.
constexpr bool is_norm(Metric metric) { return metric <= Metric::kSqeuclidean; }
constexpr bool is_squared(Metric metric) { return metric == Metric::kEuclidean || metric == Metric::kSqeuclidean; }
/// Whether what is compared are squares of the distances.
constexpr bool has_root(Metric metric) {
  return metric == Metric::kEuclidean || metric == Metric::kSeuclidean || metric == Metric::kMahalanobis;
}

/// Numbers that a metric is made with: variances of columns, or the inverse of their covariance.
constexpr int64_t form_size(Metric metric, int64_t width) {
  return metric == Metric::kSeuclidean ? width : metric == Metric::kMahalanobis ? width * width : 0;
}

/// Adds one column to a distance, which is squared where the metric is Euclidean.
template <Metric kMetric, class T>
T added(T sum, T difference) {
  if constexpr (is_squared(kMetric)) return sum + difference * difference;
  const T size = difference < T{} ? -difference : difference;
  if constexpr (kMetric == Metric::kManhattan) return sum + size;
  return sum < size ? size : sum;
}

/// A row of zeros and others, beside another.
struct Counts {
  int64_t both = 0, either = 0, unequal = 0;

  Counts(const double* a, const double* b, int64_t width) {
    for (int64_t j = 0; j < width; ++j) {
      const bool first = a[j] != 0.0, second = b[j] != 0.0;
      both += first && second;
      either += first || second;
      unequal += a[j] != b[j];
    }
  }
  auto differ() const { return static_cast<double>(either - both); }
};

/// Distances as the source adds them up, column by column; squared for those that have a root.
template <Metric kMetric>
double reduced(const double* a, const double* b, int64_t width, const double* form) {
  const auto columns = static_cast<double>(width);
  double sum = 0.0, sizes = 0.0;
  if constexpr (is_norm(kMetric)) {
    for (int64_t j = 0; j < width; ++j) sum = added<kMetric>(sum, a[j] - b[j]);
  } else if constexpr (kMetric == Metric::kSeuclidean) {
    for (int64_t j = 0; j < width; ++j) sum += (a[j] - b[j]) * (a[j] - b[j]) / form[j];
  } else if constexpr (kMetric == Metric::kMahalanobis) {
    for (int64_t i = 0; i < width; ++i) {
      double product = 0.0;
      for (int64_t j = 0; j < width; ++j) product += form[i * width + j] * (a[j] - b[j]);
      sum += product * (a[i] - b[i]);
    }
  } else if constexpr (kMetric == Metric::kCanberra) {
    for (int64_t j = 0; j < width; ++j) {
      const double size = std::fabs(a[j]) + std::fabs(b[j]);
      if (size > 0.0) sum += std::fabs(a[j] - b[j]) / size;
    }
  } else if constexpr (kMetric == Metric::kBraycurtis) {
    for (int64_t j = 0; j < width; ++j) {
      sum += std::fabs(a[j] - b[j]);
      sizes += std::fabs(a[j]) + std::fabs(b[j]);
    }
    return sizes > 0.0 ? sum / sizes : 0.0;
  } else {
    const Counts counts(a, b, width);
    const double differ = counts.differ();
    if constexpr (kMetric == Metric::kHamming) return static_cast<double>(counts.unequal) / columns;
    if constexpr (kMetric == Metric::kJaccard) return differ > 0.0 ? differ / static_cast<double>(counts.either) : 0.0;
    if constexpr (kMetric == Metric::kRogerstanimoto) return 2.0 * differ / (columns + differ);
    if constexpr (kMetric == Metric::kRussellrao) return (columns - static_cast<double>(counts.both)) / columns;
  }
  return sum;
}

template <Metric kMetric>
double root(double distance) {
  return has_root(kMetric) ? std::sqrt(distance) : distance;
}
template <Metric kMetric>
double unroot(double distance) {
  return has_root(kMetric) ? distance * distance : distance;
}

/// Calls `use` with a metric that is known when a kernel runs.
template <class Use>
auto with_metric(Metric metric, Use use) {
  switch (metric) {
    case Metric::kManhattan:
      return use.template operator()<Metric::kManhattan>();
    case Metric::kChebyshev:
      return use.template operator()<Metric::kChebyshev>();
    case Metric::kSqeuclidean:
      return use.template operator()<Metric::kSqeuclidean>();
    case Metric::kSeuclidean:
      return use.template operator()<Metric::kSeuclidean>();
    case Metric::kMahalanobis:
      return use.template operator()<Metric::kMahalanobis>();
    case Metric::kCanberra:
      return use.template operator()<Metric::kCanberra>();
    case Metric::kBraycurtis:
      return use.template operator()<Metric::kBraycurtis>();
    case Metric::kHamming:
      return use.template operator()<Metric::kHamming>();
    case Metric::kJaccard:
      return use.template operator()<Metric::kJaccard>();
    case Metric::kRogerstanimoto:
      return use.template operator()<Metric::kRogerstanimoto>();
    case Metric::kRussellrao:
      return use.template operator()<Metric::kRussellrao>();
    default:
      return use.template operator()<Metric::kEuclidean>();
  }
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
  if (is_squared(kMetric)) return std::sqrt(moved) + 0x1p-50 * std::sqrt(size) + 0x1p-100;
  return moved + 0x1p-50 * size + 0x1p-100;
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
    const int64_t child = right < size && !(distances[left] >= distances[right]) ? right : left;
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

/// Checks the parameters of a search: points, order, ranges, bounds, radii, metric and form.
inline const char* check_search(const Array* params) {
  const Array &points = params[0], &ranges = params[2], &bounds = params[3], &radii = params[4];
  const auto metric = params[5].scalar<Metric>();
  if (const char* wrong = check_ranges(points, ranges)) return wrong;
  if (params[6].size != form_size(metric, points.shape[1])) return "has not the numbers that its metric is made with";
  const int64_t nodes = ranges.shape[0];
  const bool is_ball = radii.size == nodes && bounds.shape[0] == nodes;
  const bool is_box = radii.size == 0 && bounds.shape[0] == 2 * nodes && is_norm(metric);
  const bool is_none = nodes == 1 && radii.size == 0 && bounds.size == 0;
  return is_none || is_ball || is_box ? nullptr : "has not the bounds of every node";
}

/// Boxes or balls of the nodes of a tree: least values of all nodes, then largest, or centres.
template <Metric kMetric>
class Bounds {
 public:
  /// Of the parameters of a search.
  explicit Bounds(const Array* params)
      : bounds_(params[3].as<double>()),
        radii_(params[4].size > 0 ? params[4].as<double>() : nullptr),
        form_(params[6].as<double>()),
        width_(params[3].shape[1]),
        nodes_(params[3].shape[0] / 2) {}

  /// Whether the single node of a search has bounds, too, because it is a tree.
  bool has_any() const { return nodes_ > 0 || radii_ != nullptr; }

  struct Span {
    double least, largest;
  };

  /// The least and the largest distance of a row to what a node holds, with the rounding of the source.
  Span span(const double* x, int64_t node) const {
    const double* low = bounds_ + node * width_;
    if (!is_norm(kMetric) || radii_ != nullptr) {
      const double distance = root<kMetric>(reduced<kMetric>(x, low, width_, form_));
      const double away = distance - radii_[node];
      return {away > 0.0 ? away : 0.0, distance + radii_[node]};
    }
    const double* high = low + nodes_ * width_;
    double least = 0.0, largest = 0.0;
    for (int64_t j = 0; j < width_; ++j) {
      const double below = low[j] - x[j], above = x[j] - high[j];
      least = added<kMetric>(least, 0.5 * ((below + std::fabs(below)) + (above + std::fabs(above))));
      largest = added<kMetric>(largest, std::fmax(std::fabs(below), std::fabs(above)));
    }
    return {root<kMetric>(least), root<kMetric>(largest)};
  }

  /// At most the distance of a row to what a node holds, squared for metrics with roots.
  double of(const double* x, int64_t node) const {
    const double* low = bounds_ + node * width_;
    if (!is_norm(kMetric) || radii_ != nullptr) {
      const double distance = root<kMetric>(reduced<kMetric>(x, low, width_, form_)) - radii_[node];
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
  const double *bounds_, *radii_, *form_;
  int64_t width_, nodes_;
};

}  // namespace
}  // namespace pretzel
