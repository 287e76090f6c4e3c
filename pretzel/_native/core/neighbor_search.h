// A search for the k nearest stored rows, which kernels share: parameters, state, and the visits of a tree or of all
// rows.
//
// Rows are visited in the order of the source (of its tree, or of their numbers) and pushed on a heap of its form, so
// that among equal distances the same rows remain. Without a tree, threads of the source have a heap each, for a part
// of the rows: where rows are as far as the farthest neighbour, these heaps are made, too. Sums run column by column,
// which gives the bits of the source's. `bind` keeps a float32 copy of the rows, in blocks of 16, beside their mean.
// Distances to the copy are bounds: only a row that may be nearer than the farthest is measured in float64.
#pragma once

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "core/kernel.h"
#include "core/nearest.h"
#include "core/state_check.h"

namespace pretzel {
namespace {

constexpr int32_t kQueries = 4;  // rows that read a block together

constexpr Param kParams[] = {
    {"points", f64, "n_points width"},      {"order", i32, "n_points", kHoldsIndices, "", "n_points"},
    {"ranges", i32, "n_nodes two"},         {"bounds", f64, "n_bounds width", kMayBeEmpty},
    {"radii", f64, "n_radii", kMayBeEmpty}, {"metric", i32, "", 0, kMetricNames},
    {"form", f64, "n_form", kMayBeEmpty},   {"k", i32, ""},
    {"parts", i32, "n_parts", kMayBeEmpty}};

struct Header {
  int64_t blocks;
  double slack;  // most that the float32 copy of a row lies away from it
};

inline int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// Where the parts of a state lie: header, first block of each node, mean of the rows, blocks.
struct Layout {
  int64_t first, mean, blocks, bytes;

  Layout(int64_t nodes, int64_t width, int64_t n_blocks)
      : first(aligned(sizeof(Header))),
        mean(first + aligned(4 * nodes)),
        blocks(mean + aligned(8 * width)),
        bytes(blocks + aligned(4 * n_blocks * width * kBlock)) {}
};

template <Metric kMetric>
void copy_points(const double* points, const int32_t* ranges, int64_t nodes, int64_t width, uint8_t* state) {
  auto* header = reinterpret_cast<Header*>(state);
  const Layout at(nodes, width, header->blocks);
  auto* first = reinterpret_cast<int32_t*>(state + at.first);
  const auto* mean = reinterpret_cast<const double*>(state + at.mean);
  auto* blocks = reinterpret_cast<float*>(state + at.blocks);
  for (int64_t i = 0; i < header->blocks * width * kBlock; ++i) blocks[i] = HUGE_VALF;
  int32_t next = 0;
  for (int64_t node = 0; node < nodes && is_norm(kMetric); ++node) {
    if (!is_leaf(node, nodes)) continue;
    first[node] = next;
    const int64_t begin = ranges[2 * node], size = ranges[2 * node + 1] - begin;
    for (int64_t i = 0; i < size; ++i) {
      float* copy = blocks + (next + i / kBlock) * width * kBlock + i % kBlock;
      const double slack = slack_of<kMetric>(points + (begin + i) * width, mean, width, copy, kBlock);
      header->slack = slack > header->slack || slack != slack ? slack : header->slack;
    }
    next += static_cast<int32_t>((size + kBlock - 1) / kBlock);
  }
}

inline int64_t count_blocks(const Array& ranges, Metric metric) {
  int64_t blocks = 0;
  if (!is_norm(metric)) return 0;
  for (int64_t node = 0; node < ranges.shape[0]; ++node) {
    const auto* range = ranges.as<int32_t>() + 2 * node;
    if (is_leaf(node, ranges.shape[0])) blocks += (range[1] - range[0] + kBlock - 1) / kBlock;
  }
  return blocks;
}

inline const char* bind(const BindCall& call) {
  const Array& points = call.params[index_of(kParams, "points")];
  const Array& ranges = call.params[index_of(kParams, "ranges")];
  const auto metric = call.params[index_of(kParams, "metric")].scalar<Metric>();
  if (const char* wrong = check_ranges(points, ranges)) return wrong;
  const int64_t width = points.shape[1], nodes = ranges.shape[0];
  const Header header{count_blocks(ranges, metric), 0.0};
  if (header.blocks > points.shape[0]) return "has leaves that share rows";
  const Layout at(nodes, width, header.blocks);
  call.state->assign(static_cast<size_t>(at.bytes), 0);
  uint8_t* state = call.state->data();
  std::memcpy(state, &header, sizeof header);
  auto* mean = reinterpret_cast<double*>(state + at.mean);
  const auto* rows = points.as<double>();
  for (int64_t i = 0; i < points.shape[0]; ++i) {
    for (int64_t j = 0; j < width; ++j) mean[j] += rows[i * width + j];
  }
  for (int64_t j = 0; j < width; ++j) {
    mean[j] /= static_cast<double>(points.shape[0]);
    if (!std::isfinite(mean[j])) mean[j] = 0.0;
  }
  const auto* pairs = ranges.as<int32_t>();
  with_metric(metric, [&]<Metric kMetric>() { copy_points<kMetric>(rows, pairs, nodes, width, state); });
  return nullptr;
}

inline const char* check(const LoadCall& call) {
  const Array& points = call.params[index_of(kParams, "points")];
  const Array& ranges = call.params[index_of(kParams, "ranges")];
  const auto metric = call.params[index_of(kParams, "metric")].scalar<Metric>();
  const int64_t k = call.params[index_of(kParams, "k")].scalar<int32_t>();
  if (k < 1 || k > points.shape[0] || call.out->width != 2 * k) return "finds another number of rows";
  if (const char* wrong = check_search(call.params.data())) return wrong;
  const int64_t nodes = ranges.shape[0];
  const StateSpan state(call);
  if (!state.holds<Header>(0, 1)) return kTruncated;
  const int64_t blocks = state.at<Header>(0)->blocks;
  if (blocks < 0 || blocks > points.shape[0]) return kUnknownForm;
  const Layout at(nodes, points.shape[1], blocks);
  if (call.state_bytes != at.bytes) return kTruncated;
  const auto* first = state.at<int32_t>(static_cast<uint64_t>(at.first));
  for (int64_t node = 0; node < nodes && is_norm(metric); ++node) {
    const auto* range = ranges.as<int32_t>() + 2 * node;
    const int64_t needed = (range[1] - range[0] + kBlock - 1) / kBlock;
    if (is_leaf(node, nodes) && (first[node] < 0 || first[node] + needed > blocks)) return kUnknownForm;
  }
  return nullptr;
}

inline const char* check_parts(const LoadCall& call) {
  const Array& parts = call.params[index_of(kParams, "parts")];
  const int64_t points = call.params[index_of(kParams, "points")].shape[0];
  for (int64_t i = 0; i < parts.size; ++i) {
    const int64_t begin = parts.as<int32_t>()[i], before = i > 0 ? parts.as<int32_t>()[i - 1] : -1;
    if (begin <= before || begin >= points || (i == 0 && begin != 0)) return "has parts out of order";
  }
  return check(call);
}

/// How a heap becomes rows, nearest first.
struct HeapSort {
  static constexpr bool kOfTree = false, kDecides = false;
  explicit HeapSort(const RunCall& /*call*/) {}
  void operator()(double* distances, double* numbers, int64_t k) const {
    for (int64_t last = k - 1; last > 0; --last) {
      const double distance = distances[last], number = numbers[last];
      distances[last] = distances[0];
      numbers[last] = numbers[0];
      replace_top(distances, numbers, last, distance, number);
    }
  }
};

template <Metric kMetric, class Sort>
class Search {
 public:
  explicit Search(const RunCall& call)
      : points_(call.params[index_of(kParams, "points")].as<double>()),
        order_(call.params[index_of(kParams, "order")].as<int32_t>()),
        ranges_(call.params[index_of(kParams, "ranges")].as<int32_t>()),
        form_(call.params[index_of(kParams, "form")].as<double>()),
        bounds_(call.params),
        nodes_(call.params[index_of(kParams, "ranges")].shape[0]),
        width_(call.in[0].width),
        k_(call.out->width / 2),
        sort_(call) {
    if constexpr (!Sort::kOfTree) {
      const Array& parts = call.params[index_of(kParams, "parts")];
      parts_ = parts.as<int32_t>();
      n_parts_ = nodes_ == 1 ? parts.size : 0;
    }
    const auto* header = reinterpret_cast<const Header*>(call.state);
    const Layout at(nodes_, width_, header->blocks);
    slack_ = header->slack;
    first_ = reinterpret_cast<const int32_t*>(call.state + at.first);
    mean_ = reinterpret_cast<const double*>(call.state + at.mean);
    blocks_ = reinterpret_cast<const float*>(call.state + at.blocks);
    // Relative: of sums of float32 and of float64, each with a margin.
    of_floats_ = 1.0 + 0x1.2p-24 * static_cast<double>(width_ + 8);
    of_doubles_ = 1.0 + 0x1p-50 * static_cast<double>(width_ + 8);
  }

  Status run(const RunCall& call) noexcept {
    const auto mark = call.arena->mark();
    auto* copies = call.arena->alloc_n<float>(static_cast<size_t>(kQueries * width_));
    heap_ = call.arena->alloc_n<double>(static_cast<size_t>(n_parts_ > 1 ? 2 * k_ : 0));
    if (copies == nullptr || heap_ == nullptr) return Status::kNoMemory;
    int32_t r = 0;
    int32_t left = -1;  // the first row that is left to the source
    if (nodes_ == 1) {
      for (; r + kQueries <= call.rows && left < 0; r += kQueries) left = scan<kQueries>(call, r, copies);
    }
    for (; r < call.rows && left < 0; ++r) left = nodes_ == 1 ? scan<1>(call, r, copies) : walk(call, r, copies);
    call.arena->release(mark);
    return left < 0 ? Status::kOk : call.reject(Status::kUndecided, left, 0);
  }

 private:
  struct Query {
    const double* x;
    const float* copy;
    double* distances;  // a heap, the farthest first
    double* numbers;
    double slack;
    float limit;                 // what the sums of rows that may be nearer than the farthest do not exceed
    double rounding = 0.0;       // see `Decision`
    double excluded = HUGE_VAL;  // square of the nearest row that is no neighbour
  };

  Query start(const RunCall& call, int32_t r, float* copy) const {
    double* out = call.out->row(r);
    const double farthest = nodes_ == 1 && !Sort::kOfTree ? DBL_MAX : HUGE_VAL;  // as in the source
    for (int64_t i = 0; i < k_; ++i) {
      out[i] = farthest;
      out[k_ + i] = 0.0;
    }
    const double* x = call.in[0].row(r);
    const double slack = is_norm(kMetric) ? slack_of<kMetric>(x, mean_, width_, copy, 1) + slack_ : 0.0;
    Query query{x, copy, out, out + k_, slack, HUGE_VALF};
    if constexpr (Sort::kDecides) query.rounding = sort_.rounding(x);
    return query;
  }

  void set_limit(Query& query) const {
    const double farthest = query.distances[0] + query.rounding;
    const double reach = ((is_squared(kMetric) ? std::sqrt(farthest) : farthest) + query.slack) * of_doubles_;
    query.limit = static_cast<float>((is_squared(kMetric) ? reach * reach : reach) * of_floats_) + 0x1p-100F;
  }

  /// Nearest first. False: they are left to the source.
  bool finish(const Query& query) const {
    if (n_parts_ > 1 && query.excluded == query.distances[0] && query.rounding == 0.0) search_parts(query);
    sort_(query.distances, query.numbers, k_);
    bool decided = true;
    if constexpr (Sort::kDecides) {
      decided = sort_.is_decided(query.x, query.distances, query.numbers, k_, query.excluded, query.rounding);
    }
    for (int64_t i = 0; i < k_; ++i) query.distances[i] = root<kMetric>(query.distances[i]);
    return decided;
  }

  /// As threads of the source: what the heap of each part holds is pushed on that of all.
  void search_parts(const Query& query) const {
    double *distances = heap_, *numbers = heap_ + k_;
    std::fill_n(query.distances, k_, DBL_MAX);
    for (int64_t part = 0; part < n_parts_; ++part) {
      const int64_t end = part + 1 < n_parts_ ? parts_[part + 1] : ranges_[1];
      std::fill_n(distances, k_, DBL_MAX);
      for (int64_t point = parts_[part]; point < end; ++point) {
        const double distance = reduced<kMetric>(query.x, points_ + point * width_, width_, form_);
        if (!(distance >= distances[0])) replace_top(distances, numbers, k_, distance, order_[point]);
      }
      for (int64_t i = 0; i < k_; ++i) {
        if (!(distances[i] >= query.distances[0])) {
          replace_top(query.distances, query.numbers, k_, distances[i], numbers[i]);
        }
      }
    }
  }

  template <int kCount>
  void visit(Query (&queries)[kCount], int64_t node) const {
    const int64_t begin = ranges_[2 * node], end = ranges_[2 * node + 1];
    if constexpr (!is_norm(kMetric)) {
      for (Query& query : queries) {
        for (int64_t point = begin; point < end; ++point) measure(query, point);
      }
      return;
    }
    const float* block = blocks_ + first_[node] * width_ * kBlock;
    for (int64_t at = begin; at < end; at += kBlock, block += width_ * kBlock) {
      f32xn sums[kCount][kVectors] = {};
      for (int64_t j = 0; j < width_; ++j) {
        for (int v = 0; v < kVectors; ++v) {
          f32xn point;
          std::memcpy(&point, block + j * kBlock + v * kFloats, sizeof point);
          for (int q = 0; q < kCount; ++q) {
            sums[q][v] = added<kMetric>(sums[q][v], point - queries[q].copy[j]);
          }
        }
      }
      for (int q = 0; q < kCount; ++q) {
        for (uint32_t rest = not_above(sums[q], queries[q].limit); rest != 0; rest &= rest - 1) {
          const int64_t point = at + __builtin_ctz(rest);
          if (point < end) measure(queries[q], point);
        }
      }
    }
  }

  void measure(Query& query, int64_t point) const {
    const double distance = reduced<kMetric>(query.x, points_ + point * width_, width_, form_);
    if (Sort::kDecides || n_parts_ > 1) {
      const double farther = std::fmax(distance, query.distances[0]);
      if (farther < query.excluded && farther < DBL_MAX) query.excluded = farther;
    }
    if (distance >= query.distances[0]) return;  // NaN is pushed, as in the source
    replace_top(query.distances, query.numbers, k_, distance, order_[point]);
    if (is_norm(kMetric) && query.distances[0] < DBL_MAX) set_limit(query);
  }

  /// The first row that is left to the source, or -1.
  template <int kCount>
  int32_t scan(const RunCall& call, int32_t r, float* copies) const {
    Query queries[kCount];
    for (int32_t q = 0; q < kCount; ++q) queries[q] = start(call, r + q, copies + q * width_);
    visit(queries, 0);
    for (int32_t q = 0; q < kCount; ++q) {
      if (!finish(queries[q])) return r + q;
    }
    return -1;
  }

  /// Depth first, the nearer child of each node before the other.
  int32_t walk(const RunCall& call, int32_t r, float* copy) const {
    struct Waiting {
      int64_t node;
      double bound;
    };
    Waiting stack[64];
    Query queries[1] = {start(call, r, copy)};
    const double* x = queries[0].x;
    int depth = 0;
    stack[depth++] = {0, bounds_.of(x, 0)};
    while (depth > 0) {
      const Waiting next = stack[--depth];
      if (next.bound > queries[0].distances[0]) continue;
      if (is_leaf(next.node, nodes_)) {
        visit(queries, next.node);
        continue;
      }
      const int64_t left = 2 * next.node + 1, right = left + 1;
      const Waiting a{left, bounds_.of(x, left)}, b{right, bounds_.of(x, right)};
      const bool first = a.bound <= b.bound;
      stack[depth++] = first ? b : a;
      stack[depth++] = first ? a : b;
    }
    return finish(queries[0]) ? -1 : r;
  }

  const double* points_;
  const int32_t *order_, *ranges_;
  const double* form_;
  Bounds<kMetric> bounds_;
  int64_t nodes_, width_, k_;
  double slack_;
  const int32_t* first_;
  const double* mean_;
  const float* blocks_;
  double of_floats_, of_doubles_;
  const int32_t* parts_ = nullptr;
  int64_t n_parts_ = 0;
  double* heap_ = nullptr;  // of a part
  Sort sort_;
};

/// Leaves that a search visits where the columns do not depend on each other. Balls overlap, so more of them are near.
inline double count_visited(double leaves, double width, double k, bool is_ball) {
  const double near = std::exp2(std::fmin(width, 20.0) * 0.7) + k / 10.0;
  return std::fmin(leaves, is_ball ? 0.7 * near * std::sqrt(leaves) : near);
}

/// Nanoseconds in which the rows of a block are compared with a request.
inline double time_of_block(double width, Metric metric) {
  if (is_norm(metric)) return 4.0 + 0.5 * width;
  return kBlock * (4.0 + 2.0 * width * (metric == Metric::kMahalanobis ? width : 1.0));
}

/// A tree visits some leaves; without one all rows are compared.
inline Cost cost(const CostCall& call) {
  const double width = call.in_width, k = call.out_width / 2.0;
  const auto nodes = static_cast<double>(call.params[index_of(kParams, "ranges")].shape[0]);
  const auto points = static_cast<double>(call.params[index_of(kParams, "points")].shape[0]);
  const auto metric = call.params[index_of(kParams, "metric")].scalar<Metric>();
  const double scratch = 320.0 + 4.0 * kQueries * width + 8.0 * points + 16.0 * k;
  const double pushed = k * (1.0 + std::log2(1.0 + points / k));
  const double measured = pushed * (6.0 + 1.0 * width + 1.0 * std::log2(1.0 + k));
  if (nodes < 2.0) {
    return Cost{}
        .rows({{"call", 20.0},
               {"columns", 2.0 * width},
               {"blocks", std::ceil(points / kBlock) * time_of_block(width, metric)},
               {"measured", measured}})
        .scratch(scratch, 0.0);
  }
  const bool is_ball = call.params[index_of(kParams, "radii")].size > 0;
  const double leaves = (nodes + 1.0) / 2.0, visited = count_visited(leaves, width, k, is_ball);
  const double bounds = 2.0 * (visited + std::log2(leaves)) * ((is_ball ? 10.0 : 4.0) + 1.0 * width);
  return Cost{}
      .rows({{"call", 20.0},
             {"columns", 2.0 * width},
             {is_ball ? "balls" : "boxes", bounds},
             {"leaves", visited * (10.0 + std::ceil(points / leaves / kBlock) * time_of_block(width, metric))},
             {"measured_in_leaves", measured}})
      .scratch(scratch, 0.0);
}

}  // namespace
}  // namespace pretzel
