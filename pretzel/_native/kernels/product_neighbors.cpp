// product_neighbors: the k nearest stored rows by distances that are made of products of rows, nearest first: their
// distances, then their numbers.
//
// The stored rows are kept column by column. Products are added up in the order of the entries of a row, which gives
// the bits of SciPy's products of sparse rows; a matrix product of dense rows has other last bits. Which rows the
// source finds among equally far ones is up to the order of NumPy's partition. So a row is left to the source where
// distances that differ by no more than rounding decide about an answer.
#include <cfloat>
#include <cmath>

#include "core/group_votes.h"
#include "core/kernel.h"
#include "core/nearest.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(ProductMetric, uint8_t, kEuclidean, kSqeuclidean, kCosine, kCorrelation);
PRETZEL_ENUM(Needs, uint8_t, kAnswers, kWeights, kOrder, kVotes);

constexpr int64_t kChunk = 16;            // stored rows that are compared with the farthest neighbour together
constexpr double kEnough = 1e-8;          // of a distance, by which rounding may move it
constexpr double kLargestNorm = 1e300;    // of squares whose sums are finite
constexpr double kSmallestNorm = 1e-290;  // of squares that have all their digits
constexpr double kSmallestDense = 1e-29;  // the source does not divide a dense row by a length of less than 10 epsilon

constexpr Param kParams[] = {{"starts", i32, "width+1", kHoldsOffsets, "", "total"},
                             {"places", i32, "total", kHoldsIndices, "", "n_points"},
                             {"values", f64, "total"},
                             {"norms", f64, "n_points"},
                             {"groups", i32, "n_points", kHoldsIndices, "", "n_points"},
                             {.name = "metric", .dtype = u8, .choices = kProductMetricNames},
                             {"k", i32, ""},
                             {.name = "needs", .dtype = u8, .choices = kNeedsNames}};

bool is_angle(ProductMetric metric) { return metric >= ProductMetric::kCosine; }

class Search {
 public:
  explicit Search(const RunCall& call)
      : starts_(call.params[index_of(kParams, "starts")].as<int32_t>()),
        places_(call.params[index_of(kParams, "places")].as<int32_t>()),
        values_(call.params[index_of(kParams, "values")].as<double>()),
        norms_(call.params[index_of(kParams, "norms")].as<double>()),
        groups_(call.params[index_of(kParams, "groups")].as<int32_t>()),
        points_(call.params[index_of(kParams, "norms")].size),
        metric_(call.params[index_of(kParams, "metric")].scalar<ProductMetric>()),
        k_(call.params[index_of(kParams, "k")].scalar<int32_t>()),
        needs_(call.params[index_of(kParams, "needs")].scalar<Needs>()),
        held_(k_ < points_ ? k_ + 1 : k_),
        votes_(call.arena, needs_ == Needs::kVotes ? points_ : 0) {
    for (int64_t i = 0; i < points_; ++i) largest_ = norms_[i] > largest_ ? norms_[i] : largest_;
    far_ = call.arena->alloc_n<double>(static_cast<size_t>((points_ + kChunk - 1) / kChunk * kChunk));
    distances_ = call.arena->alloc_n<double>(static_cast<size_t>(held_));
    numbers_ = call.arena->alloc_n<double>(static_cast<size_t>(held_));
    centered_ = call.arena->alloc_n<double>(static_cast<size_t>(call.in[0].width));
  }

  bool has_memory() const {
    return far_ != nullptr && distances_ != nullptr && numbers_ != nullptr && centered_ != nullptr;
  }

  /// Finds the neighbours of a row. False: the source is asked for them.
  bool find(const View& in, int32_t r, double* out) {
    if (in.kind == ValueKind::kSparse) {
      const SparseRow& row = in.sparse[r];
      measure(row.size, [&](int64_t i) { return row.index[i]; }, [&](int64_t i) { return row.value[i]; });
    } else {
      const double* row = metric_ == ProductMetric::kCorrelation ? around_mean(in.row(r), in.width) : in.row(r);
      measure(in.width, [](int64_t i) { return i; }, [&](int64_t i) { return row[i]; });
    }
    if (!(norm_ < kLargestNorm) || !(largest_ < kLargestNorm)) return false;
    if (metric_ == ProductMetric::kCorrelation && !(norm_ > 0.0)) return false;  // 0/0
    if (is_angle(metric_) && norm_ > 0.0 && norm_ < smallest(in.kind)) return false;
    search();
    if (!is_decided()) return false;
    for (int64_t i = 0; i < k_; ++i) {
      out[i] = metric_ == ProductMetric::kEuclidean ? std::sqrt(distances_[i]) : distances_[i];
      out[k_ + i] = numbers_[i];
    }
    return true;
  }

 private:
  const double* around_mean(const double* row, int64_t width) {
    double sum = 0.0, whole = 0.0, part = 0.0;
    for (int64_t j = 0; j < width; ++j) sum += row[j];
    for (int64_t j = 0; j < width; ++j) {
      centered_[j] = row[j] - sum / static_cast<double>(width);
      whole += row[j] * row[j];
      part += centered_[j] * centered_[j];
    }
    cancelled_ = std::sqrt(whole / part);
    return centered_;
  }

  double smallest(ValueKind kind) const {
    return metric_ == ProductMetric::kCosine && kind == ValueKind::kDense ? kSmallestDense : kSmallestNorm;
  }

  template <class ColumnAt, class ValueAt>
  void measure(int64_t size, ColumnAt column_at, ValueAt value_at) {
    norm_ = 0.0;
    entries_ = 0;
    for (int64_t i = 0; i < size; ++i) {
      norm_ += value_at(i) * value_at(i);
      entries_ += value_at(i) != 0.0;
    }
    const double scale = is_angle(metric_) && norm_ > 0.0 ? std::sqrt(norm_) : 1.0;
    for (int64_t i = 0; i < points_; ++i) far_[i] = 0.0;
    for (int64_t i = 0; i < size; ++i) {
      const double value = value_at(i) / scale;
      if (value != 0.0) add(column_at(i), value);
    }
  }

  void add(int64_t column, double value) {
    const int32_t begin = starts_[column], end = starts_[column + 1];
    double* __restrict far = far_;
    if (end - begin == points_ && places_[begin] == 0 && places_[end - 1] == points_ - 1) {
      for (int64_t i = 0; i < points_; ++i) far[i] += value * values_[begin + i];
      return;
    }
    for (int32_t i = begin; i < end; ++i) far[places_[i]] += value * values_[i];
  }

  /// Products to distances, of which the nearest go on a heap.
  void search() {
    for (int64_t i = 0; i < held_; ++i) {
      distances_[i] = HUGE_VAL;
      numbers_[i] = 0.0;
    }
    const bool angle = is_angle(metric_);
    for (int64_t i = points_; i < (points_ + kChunk - 1) / kChunk * kChunk; ++i) far_[i] = HUGE_VAL;
    for (int64_t begin = 0; begin < points_; begin += kChunk) {
      double* far = far_ + begin;
      const int64_t size = begin + kChunk < points_ ? kChunk : points_ - begin;
      int any = 0;
      for (int64_t i = 0; i < size; ++i) {
        double distance = angle ? 1.0 - far[i] : -2.0 * far[i] + norm_ + norms_[begin + i];
        distance = distance < 0.0 ? 0.0 : distance;
        far[i] = distance;
        any += distance < distances_[0];
      }
      for (int64_t i = 0; any > 0 && i < size; ++i) {
        if (far[i] < distances_[0]) {
          replace_top(distances_, numbers_, held_, far[i], static_cast<double>(begin + i));
        }
      }
    }
    for (int64_t last = held_ - 1; last > 0; --last) {
      const double distance = distances_[last], number = numbers_[last];
      distances_[last] = distances_[0];
      numbers_[last] = numbers_[0];
      replace_top(distances_, numbers_, last, distance, number);
    }
  }

  /// Most by which two distances may differ that are equal, or in another order, in the source.
  double slack() const {
    const double rounding = 2.0 * DBL_EPSILON * static_cast<double>(entries_ + 16);
    if (metric_ == ProductMetric::kCorrelation) return rounding * (2.0 + cancelled_ + largest_);
    if (metric_ == ProductMetric::kCosine) return rounding * 2.0;
    return rounding * (norm_ + largest_) + kSmallestNorm;
  }

  bool is_decided() const {
    const double slack = this->slack(), last = distances_[k_ - 1];
    if (needs_ == Needs::kOrder) {
      for (int64_t i = 0; i + 1 < held_; ++i) {
        if (!(distances_[i + 1] - distances_[i] > slack)) return false;
      }
      return is_angle(metric_) || slack <= kEnough * distances_[0];
    }
    const auto group_of = [this](int64_t i) { return groups_[static_cast<int64_t>(numbers_[i])]; };
    if (needs_ != Needs::kAnswers && !(slack <= kEnough * distances_[0])) {
      for (int64_t i = 1; i < held_; ++i) {
        if (group_of(i) != group_of(0)) return false;
      }
    } else if (needs_ == Needs::kVotes) {
      const bool has_root = metric_ == ProductMetric::kEuclidean;
      const auto weight = [&](int64_t i) { return 1.0 / (has_root ? std::sqrt(distances_[i]) : distances_[i]); };
      if (votes_.are_close(k_, group_of, weight, slack / distances_[0])) return false;
    }
    if (held_ == k_ || distances_[k_] - last > slack) return true;
    const int32_t group = group_of(k_);
    for (int64_t i = 0; i < k_; ++i) {
      if (distances_[k_] - distances_[i] <= slack && group_of(i) != group) return false;
    }
    for (int64_t i = 0; i < points_; ++i) {  // those that were found have been compared
      if (far_[i] >= distances_[k_] && far_[i] <= last + slack && groups_[i] != group) return false;
    }
    return true;
  }

  const int32_t *starts_, *places_;
  const double *values_, *norms_;
  const int32_t* groups_;
  int64_t points_;
  ProductMetric metric_;
  int64_t k_;
  Needs needs_;
  int64_t held_;  // neighbours, and the first row that is none
  GroupVotes votes_;
  double largest_ = 0.0;
  double *far_, *distances_, *numbers_, *centered_;
  // Of the row at hand:
  double norm_ = 0.0, cancelled_ = 1.0;
  int64_t entries_ = 0;
};

Status run(const RunCall& call) noexcept {
  const auto mark = call.arena->mark();
  Search search(call);
  if (!search.has_memory()) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    if (search.find(call.in[0], r, call.out->row(r))) continue;
    // The source's products of sparse rows do not depend on the rows beside.
    return call.reject(call.in[0].kind == ValueKind::kSparse ? Status::kTied : Status::kUndecided, r, 0);
  }
  call.arena->release(mark);
  return Status::kOk;
}

const char* check(const LoadCall& call) {
  const int64_t k = call.params[index_of(kParams, "k")].scalar<int32_t>();
  const auto metric = call.params[index_of(kParams, "metric")].scalar<ProductMetric>();
  if (k < 1 || k > call.params[index_of(kParams, "norms")].size || call.out->width != 2 * k) {
    return "finds another number of rows";
  }
  const bool is_sparse = call.in[0].kind == ValueKind::kSparse;
  return is_sparse && metric == ProductMetric::kCorrelation ? "needs means of sparse rows" : nullptr;
}

Cost cost(const CostCall& call) {
  const double entries = static_cast<double>(call.params[index_of(kParams, "values")].size);
  const double points = static_cast<double>(call.params[index_of(kParams, "norms")].size);
  const double k = call.out_width / 2.0;
  const double each = entries / (call.in_width > 0 ? call.in_width : 1);  // of a column
  const double pushed = 4.0 * k * (1.0 + std::log2(1.0 + points / k));
  const double scratch = 8.0 * (2.0 * points + call.in_width) + 16.0 * k + 320.0;
  if (call.sparse_in) {
    return Cost{}
        .rows({{"sparse_call", 20.0}, {"points", 1.0 * points}, {"pushed", pushed}})
        .payload({{"products", 2.0 + 1.0 * each}})
        .scratch(scratch, 0.0);
  }
  const bool is_full = entries >= points * call.in_width;
  return Cost{}
      .rows({{"call", 20.0},
             {"points", 1.0 * points},
             {"pushed", pushed},
             {"columns", 2.0 * call.in_width},
             {is_full ? "full_products" : "dense_products", (is_full ? 0.3 : 1.0) * entries}})
      .scratch(scratch, 0.0);
}

}  // namespace
PRETZEL_KERNEL(product_neighbors, .params = kParams, .in = {kDense | kSparse, "width"}, .out = {kDense}, .check = check,
               .run = run, .cost = cost, .flags = kLeavesRows)
}  // namespace pretzel
