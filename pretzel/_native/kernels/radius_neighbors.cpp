// radius_neighbors: distances to all stored rows within a radius, as sparse rows with a column for each stored row.
// radius_graph: these distances, nearest first, or ones; equally distant rows in the order of the source.
// radius_votes: weights of each class among them. radius_means: means of their targets, weighted or not.
//
// Rows stand in the order in which the source visits them, so that sums of weights have its bits. Without a tree, a
// call of some rows makes bounds of the Euclidean distances: only what may lie within the radius is measured.
#include <cmath>
#include <cstring>

#include "core/center_bounds.h"
#include "core/kernel.h"
#include "core/nearest.h"
#include "core/sort_pairs.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {
    {"points", f64, "n_points width"},      {"order", i32, "n_points", kHoldsIndices, "", "n_points"},
    {"ranges", i32, "n_nodes two"},         {"bounds", f64, "n_bounds width", kMayBeEmpty},
    {"radii", f64, "n_radii", kMayBeEmpty}, {"metric", i32, "", 0, kMetricNames},
    {"form", f64, "n_form", kMayBeEmpty},   {"radius", f64, ""}};
constexpr Param kGraph[] = {{"by_distance", u8, ""}, {"sort", i32, "", 0, kPairSortNames}};
constexpr Param kVotes[] = {{"codes", i32, "n_points"}, {"by_distance", u8, ""}, {"outlier", i32, ""}};
constexpr Param kMeans[] = {{"values", f64, "n_points n_out"}, {"by_distance", u8, ""}, {"otherwise", f64, "n_out"}};
constexpr int kLanes = 8;
constexpr int kTogether = 4;                         // rows that read bounds together
constexpr int64_t kManyRows = 16, kManyPoints = 64;  // for which it pays to make bounds
constexpr int64_t kMostFound = 8;                    // ... unless every eighth point lies within the radius

const char* check(const LoadCall& call) { return check_search(call.params.data()); }

const char* check_votes(const LoadCall& call) {
  const Array& codes = call.params[index_of(kVotes, "codes")];
  if (call.params[index_of(kVotes, "outlier")].scalar<int32_t>() >= call.out->width) return "has no such column";
  for (int64_t i = 0; i < codes.size; ++i) {
    const int32_t code = codes.as<int32_t>()[i];
    if (code < 0 || code >= call.out->width) return "has classes without a column";
  }
  return nullptr;
}

template <Metric kMetric>
class Search {
 public:
  explicit Search(const RunCall& call)
      : points_(call.params[index_of(kParams, "points")].as<double>()),
        order_(call.params[index_of(kParams, "order")].as<int32_t>()),
        ranges_(call.params[index_of(kParams, "ranges")].as<int32_t>()),
        form_(call.params[index_of(kParams, "form")].as<double>()),
        bounds_(call.params),
        nodes_(call.params[index_of(kParams, "ranges")].shape[0]),
        n_points_(call.params[index_of(kParams, "points")].shape[0]),
        width_(call.in[0].width),
        radius_(call.params[index_of(kParams, "radius")].scalar<double>()),
        limit_(unroot<kMetric>(radius_)) {}

  Status run(const RunCall& call) noexcept {
    numbers_ = call.arena->alloc_n<int32_t>(static_cast<size_t>(n_points_));
    distances_ = call.arena->alloc_n<double>(static_cast<size_t>(n_points_));
    if (numbers_ == nullptr || distances_ == nullptr) return Status::kNoMemory;
    int32_t r = 0;
    if constexpr (is_squared(kMetric)) {
      const int64_t points = ranges_[1] - ranges_[0];
      if (nodes_ == 1 && !bounds_.has_any() && call.rows >= kManyRows && points >= kManyPoints) {
        const Status status = search(call, r++);
        if (status != Status::kOk) return status;
        if (size_ * kMostFound <= points && !scan(call, &r)) return Status::kNoMemory;
      }
    }
    for (; r < call.rows; ++r) {
      const Status status = search(call, r);
      if (status != Status::kOk) return status;
    }
    return Status::kOk;
  }

 private:
  Status search(const RunCall& call, int32_t r) {
    size_ = 0;
    if (!walk(call.in[0].row(r))) return call.reject(Status::kOutOfRange, r);
    return write(call, r) ? Status::kOk : Status::kNoMemory;
  }

  /// False: no memory.
  bool write(const RunCall& call, int32_t r) const {
    auto* index = call.arena->alloc_n<int32_t>(static_cast<size_t>(size_));
    auto* value = call.arena->alloc_n<double>(static_cast<size_t>(size_));
    if (index == nullptr || value == nullptr) return false;
    for (int64_t i = 0; i < size_; ++i) {
      index[i] = numbers_[i];
      value[i] = root<kMetric>(distances_[i]);
    }
    call.out->sparse[r] = {index, value, size_};
    return true;
  }

  /// What the rows of a call share.
  struct Copies {
    CenterLayout at;
    CenterBounds bounds;
    float *rows, *scores;
  };

  /// Rows from `*r` on, as long as bounds of the points of the single node leave out most of these.
  bool scan(const RunCall& call, int32_t* r) {
    const CenterLayout at(ranges_[1] - ranges_[0], width_);
    auto* state = call.arena->alloc_n<uint8_t>(static_cast<size_t>(at.bytes));
    auto* rows = call.arena->alloc_n<float>(static_cast<size_t>(kTogether * at.stride()));
    auto* scores = call.arena->alloc_n<float>(static_cast<size_t>(kTogether * at.blocks * kBlock));
    if (state == nullptr || rows == nullptr || scores == nullptr) return false;
    std::memset(state, 0, static_cast<size_t>(at.bytes));
    copy_centers(points_ + ranges_[0] * width_, at, state);
    const Copies copies{at, CenterBounds(state, at), rows, scores};
    int64_t found = 0;
    const auto pays = [&] { return found * kMostFound <= at.count * *r; };
    for (; *r + kTogether <= call.rows && pays(); *r += kTogether) {
      if (!scan_rows<kTogether>(call, *r, copies, &found)) return false;
    }
    for (; *r < call.rows && pays(); ++*r) {
      if (!scan_rows<1>(call, *r, copies, &found)) return false;
    }
    return true;
  }

  template <int kCount>
  bool scan_rows(const RunCall& call, int32_t r, const Copies& copies, int64_t* found) {
    const auto& [at, bounds, rows, scores] = copies;
    float limits[kCount];
    for (int i = 0; i < kCount; ++i) {
      limits[i] = CenterBounds::limit_within(limit_, bounds.copy_row(call.in[0].row(r + i), rows + i * at.stride()));
    }
    bounds.template score<kCount>(rows, scores);
    for (int i = 0; i < kCount; ++i) {
      size_ = 0;
      for (int64_t block = 0; block < at.blocks; ++block) {
        const uint32_t near = bounds.near(scores + i * at.blocks * kBlock, block, limits[i]);
        if (near != 0) measure(call.in[0].row(r + i), ranges_[0] + block * kBlock, near);
      }
      *found += size_;
      if (!write(call, r + i)) return false;
    }
    return true;
  }

  /// The points of a block that have a bit.
  void measure(const double* x, int64_t first, uint32_t near) {
    if (__builtin_popcount(near) > kFew) {
      visit(x, first, first + kBlock < ranges_[1] ? first + kBlock : ranges_[1], limit_);
      return;
    }
    for (; near != 0; near &= near - 1) {
      const int64_t point = first + __builtin_ctz(near);
      visit(x, point, point + 1, limit_);
    }
  }

  /// The left child of each node before the right one. A node whose bounds lie within the radius has no other rows,
  /// also where rounding or a metric that is none would tell. False: leaves hold more rows than there are.
  bool walk(const double* x) {
    int64_t stack[64] = {0};
    int depth = 1;
    while (depth > 0) {
      const int64_t node = stack[--depth], begin = ranges_[2 * node], end = ranges_[2 * node + 1];
      if (bounds_.has_any()) {
        const auto [least, largest] = bounds_.span(x, node);
        if (least > radius_) continue;
        if (largest <= radius_) {
          if (!visit(x, begin, end, HUGE_VAL)) return false;
          continue;
        }
      }
      if (is_leaf(node, nodes_)) {
        if (!visit(x, begin, end, limit_)) return false;
        continue;
      }
      stack[depth++] = 2 * node + 2;
      stack[depth++] = 2 * node + 1;
    }
    return true;
  }

  bool visit(const double* x, int64_t begin, int64_t end, double limit) {
    int64_t i = begin;
    for (; is_norm(kMetric) && i + kLanes <= end; i += kLanes) {
      const double* point = points_ + i * width_;
      double sums[kLanes] = {0};
      for (int64_t j = 0; j < width_; ++j) {
        for (int64_t lane = 0; lane < kLanes; ++lane) {
          sums[lane] = added<kMetric>(sums[lane], x[j] - point[lane * width_ + j]);
        }
      }
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        if (sums[lane] <= limit && !put(i + lane, sums[lane])) return false;
      }
    }
    for (; i < end; ++i) {
      const double distance = reduced<kMetric>(x, points_ + i * width_, width_, form_);
      if (distance <= limit && !put(i, distance)) return false;
    }
    return true;
  }

  bool put(int64_t point, double distance) {
    if (size_ == n_points_) return false;
    numbers_[size_] = order_[point];
    distances_[size_++] = distance;
    return true;
  }

  static constexpr int kFew = 4;  // points of a block that are measured one by one

  const double* points_;
  const int32_t *order_, *ranges_;
  const double* form_;
  Bounds<kMetric> bounds_;
  int64_t nodes_, n_points_, width_;
  double radius_, limit_;
  int32_t* numbers_ = nullptr;
  double* distances_ = nullptr;
  int64_t size_ = 0;
};

Status run(const RunCall& call) noexcept {
  const auto metric = call.params[index_of(kParams, "metric")].scalar<Metric>();
  return with_metric(metric, [&]<Metric kMetric>() { return Search<kMetric>(call).run(call); });
}

/// Calls `use` with each neighbour and its weight, the inverse distance; where some are zero, 1 for these.
template <class Use>
void each_weighted(const SparseRow& row, bool by_distance, Use use) {
  bool meets = false;
  for (int64_t i = 0; by_distance && i < row.size; ++i) meets |= row.value[i] == 0.0;
  for (int64_t i = 0; i < row.size; ++i) {
    use(row.index[i], !by_distance ? 1.0 : !meets ? 1.0 / row.value[i] : row.value[i] == 0.0 ? 1.0 : 0.0);
  }
}

Status run_graph(const RunCall& call) noexcept {
  const bool by_distance = call.params[index_of(kGraph, "by_distance")].scalar<uint8_t>() != 0;
  const auto sort = call.params[index_of(kGraph, "sort")].scalar<PairSort>();
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    const auto size = static_cast<size_t>(row.size);
    auto* index = call.arena->alloc_n<int32_t>(size);
    auto* value = call.arena->alloc_n<double>(size);
    if (index == nullptr || value == nullptr) return Status::kNoMemory;
    for (int64_t i = 0; i < row.size; ++i) {
      index[i] = row.index[i];
      value[i] = by_distance ? row.value[i] : 1.0;
    }
    if (by_distance) {
      const auto mark = call.arena->mark();
      auto* numbers = call.arena->alloc_n<double>(size);
      if (numbers == nullptr) return Status::kNoMemory;
      for (int64_t i = 0; i < row.size; ++i) numbers[i] = row.index[i];
      sort_pairs({value, numbers, row.size}, sort);
      for (int64_t i = 0; i < row.size; ++i) index[i] = static_cast<int32_t>(numbers[i]);
      call.arena->release(mark);
    }
    call.out->sparse[r] = {index, value, row.size};
  }
  return Status::kOk;
}

Status run_votes(const RunCall& call) noexcept {
  const auto* codes = call.params[index_of(kVotes, "codes")].as<int32_t>();
  const bool by_distance = call.params[index_of(kVotes, "by_distance")].scalar<uint8_t>() != 0;
  const auto outlier = call.params[index_of(kVotes, "outlier")].scalar<int32_t>();
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    double* out = call.out->row(r);
    for (int32_t c = 0; c < call.out->width; ++c) out[c] = 0.0;
    if (row.size == 0) {
      if (outlier < 0) return call.reject(Status::kNoNeighbors, r);
      out[outlier] = 1.0;
    }
    each_weighted(row, by_distance, [&](int32_t point, double weight) { out[codes[point]] += weight; });
  }
  return Status::kOk;
}

Status run_means(const RunCall& call) noexcept {
  const auto* values = call.params[index_of(kMeans, "values")].as<double>();
  const bool by_distance = call.params[index_of(kMeans, "by_distance")].scalar<uint8_t>() != 0;
  const auto* otherwise = call.params[index_of(kMeans, "otherwise")].as<double>();
  const int64_t outputs = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    double* __restrict out = call.out->row(r);
    double total = 0.0;
    for (int64_t j = 0; j < outputs; ++j) out[j] = row.size == 0 ? otherwise[j] : 0.0;
    each_weighted(row, by_distance, [&](int32_t point, double weight) {
      for (int64_t j = 0; j < outputs; ++j) out[j] += values[point * outputs + j] * weight;
      total += weight;
    });
    for (int64_t j = 0; row.size > 0 && j < outputs; ++j) out[j] /= total;
  }
  return Status::kOk;
}

/// Nobody knows how many rows lie within the radius: a tenth of them.
Cost cost(const CostCall& call) {
  const double width = call.in_width;
  const auto nodes = static_cast<double>(call.params[index_of(kParams, "ranges")].shape[0]);
  const auto points = static_cast<double>(call.params[index_of(kParams, "points")].shape[0]);
  const auto metric = call.params[index_of(kParams, "metric")].scalar<Metric>();
  const bool has_bounds = call.params[index_of(kParams, "bounds")].size > 0;
  if (nodes < 2.0 && !has_bounds && is_squared(metric) && points >= kManyPoints) {
    return Cost{}
        .rows({{"call", 20.0}, {"blocks", std::ceil(points / kBlock) * (2.0 + 0.5 * width)}, {"left", 0.3 * points}})
        .first_row({{"call", 20.0}, {"measured", 0.4 * points * (1.0 + width)}})
        .scratch(512.0 + (40.0 + 4.0 * width) * points + 24.0 * width, 1.2 * points);
  }
  const double part = nodes > 1.0 ? 0.3 : 1.0;
  return Cost{}
      .rows({{"call", 20.0},
             {"boxes", 2.0 * part * (nodes > 1.0 ? nodes : 0.0) * width},
             {"compared", 0.4 * part * points * (1.0 + width)},
             {"found", 0.3 * points}})
      .scratch(128.0 + 12.0 * points, 1.2 * points);
}

Cost cost_graph(const CostCall& call) {
  const double size = 0.1 * call.in_width;
  const bool by_distance = call.params[index_of(kGraph, "by_distance")].scalar<uint8_t>() != 0;
  return Cost{}
      .rows({{"call", 5.0}, {"neighbors", size * (1.0 + (by_distance ? 4.0 * std::log2(1.0 + size) : 0.0))}})
      .produces_nnz(0.0, size)
      .scratch(256.0 + 24.0 * size, 0.0);
}

Cost cost_votes(const CostCall& call) {
  return Cost{}.rows({{"call", 5.0}, {"votes", 0.1 * call.in_width}, {"classes", 1.0 * call.out_width}});
}

Cost cost_means(const CostCall& call) {
  return Cost{}.rows(
      {{"call", 5.0}, {"neighbors", 0.1 * call.in_width}, {"values", 0.1 * call.in_width * call.out_width}});
}

}  // namespace
PRETZEL_KERNEL(radius_neighbors, .params = kParams, .out = {kSparse, "n_points"}, .check = check, .run = run,
               .cost = cost)
PRETZEL_KERNEL(radius_graph, .params = kGraph, .in = {kSparse, "n_points"}, .out = {kSparse, "n_points"},
               .run = run_graph, .cost = cost_graph, .flags = kHasOrder)
PRETZEL_KERNEL(radius_votes, .params = kVotes, .in = {kSparse, "n_points"}, .out = {kDense, "classes"},
               .check = check_votes, .run = run_votes, .cost = cost_votes)
PRETZEL_KERNEL(radius_means, .params = kMeans, .in = {kSparse, "n_points"}, .out = {kDense, "n_out"}, .run = run_means,
               .cost = cost_means)
}  // namespace pretzel
