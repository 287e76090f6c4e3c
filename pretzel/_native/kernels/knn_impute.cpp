// knn_impute: missing values replaced by means of the nearest stored rows in which they are present.
//
// The distance of two rows is that of the columns which both have, times width / number of these columns. Sums go
// column by column in blocks of 32 stored rows, so that the width of a register does not show in the bits. The source
// expands squares and subtracts, whose rounding is bounded here by the norms of both rows. A row is left to the source
// where this rounding decides about the result, or the order in which NumPy finds equal distances.
#include <cfloat>
#include <cmath>
#include <cstring>

#include "core/kernel.h"
#include "core/nearest.h"
#include "core/state_check.h"

namespace pretzel {
namespace {

constexpr int32_t kRowsOfBlock = 32;
constexpr int kRegisters = 4;                                 // of stored rows, whose sums run side by side
constexpr int32_t kChunk = kRegisters * kNativeLanes;         // stored rows that are measured together
constexpr double kSmall = 1e-4;                               // part of a distance, up to which its effect is linear
constexpr double kEnough = 1e-8;                              // of a mean, by which rounding may move it
constexpr double kLargestNorm = 1e300, kLargestWhole = 1e15;  // whose sums are finite, and exact
static_assert(kRowsOfBlock % kChunk == 0);

constexpr Param kParams[] = {{"rows", f64, "n_rows width", kBindOnly},
                             {"means", f64, "width"},
                             {"kept", i32, "n_kept", kHoldsIndices, "", "width"},
                             {"missing", f64, ""},
                             {"k", i32, ""},
                             {"weighted", u8, ""}};
constexpr int kMeans = index_of(kParams, "means"), kKept = index_of(kParams, "kept"),
              kMissing = index_of(kParams, "missing"), kK = index_of(kParams, "k"),
              kWeighted = index_of(kParams, "weighted");

struct Header {
  int64_t rows;
  int64_t whole;   // 1: all values are whole numbers, and their squares add up exactly
  double largest;  // of the norms
};

int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/// Where the parts of a state lie: squared norms of the rows, which columns of a block have holes, values.
struct Layout {
  int64_t blocks, norms, holes, values, bytes;

  Layout(int64_t rows, int64_t width)
      : blocks((rows + kRowsOfBlock - 1) / kRowsOfBlock),
        norms(aligned(sizeof(Header))),
        holes(norms + aligned(8 * blocks * kRowsOfBlock)),
        values(holes + aligned(blocks * width)),
        bytes(values + 8 * blocks * kRowsOfBlock * width) {}
};

bool is_whole(double x) { return x == std::floor(x); }

const char* bind(const BindCall& call) {
  const Array& given = call.params[index_of(kParams, "rows")];
  const int64_t rows = given.shape[0], width = given.shape[1];
  const Layout at(rows, width);
  call.state->assign(static_cast<size_t>(at.bytes), 0);
  uint8_t* state = call.state->data();
  auto* norms = reinterpret_cast<double*>(state + at.norms);
  uint8_t* holes = state + at.holes;
  auto* values = reinterpret_cast<double*>(state + at.values);
  Header header{rows, 1, 0.0};
  for (int64_t i = 0; i < at.blocks * kRowsOfBlock; ++i) {
    const int64_t block = i / kRowsOfBlock;
    double* to = values + block * kRowsOfBlock * width + i % kRowsOfBlock;
    for (int64_t j = 0; j < width; ++j) {
      const double x = i < rows ? given.as<double>()[i * width + j] : NAN;
      to[j * kRowsOfBlock] = x;
      if (x != x) {
        holes[block * width + j] = 1;
        continue;
      }
      norms[i] += x * x;
      if (!is_whole(x)) header.whole = 0;
    }
    if (!(norms[i] <= header.largest)) header.largest = norms[i];
  }
  if (!(header.largest < kLargestWhole)) header.whole = 0;
  std::memcpy(state, &header, sizeof header);
  return nullptr;
}

const char* check(const LoadCall& call) {
  if (call.params[kK].scalar<int32_t>() < 1) return "asks for no rows";
  const StateSpan state(call);
  if (!state.holds<Header>(0, 1)) return kTruncated;
  const auto* header = state.at<Header>(0);
  if (header->rows < 1 || header->rows > call.state_bytes / 8) return kUnknownForm;
  if (call.in[0].width < 1 || call.in[0].width > call.state_bytes / 8) return kUnknownForm;
  const Layout at(header->rows, call.in[0].width);
  return call.state_bytes == at.bytes ? nullptr : kTruncated;
}

/// Values of donors that are all the same.
struct Same {
  double first = NAN;
  bool differ = false;

  void add(double value) {
    if (first != first) first = value;
    differ = differ || value != first;
  }
};

class Imputation {
 public:
  explicit Imputation(const RunCall& call)
      : header_(*reinterpret_cast<const Header*>(call.state)),
        width_(call.in[0].width),
        missing_(call.params[kMissing].scalar<double>()),
        means_(call.params[kMeans].as<double>()),
        weighted_(call.params[kWeighted].scalar<uint8_t>() != 0) {
    const Layout at(header_.rows, width_);
    rows_ = at.blocks * kRowsOfBlock;
    norms_ = reinterpret_cast<const double*>(call.state + at.norms);
    holes_ = call.state + at.holes;
    values_ = reinterpret_cast<const double*>(call.state + at.values);
    const int64_t k = call.params[kK].scalar<int32_t>();
    k_ = k < header_.rows ? k : header_.rows;
    far_ = call.arena->alloc_n<double>(static_cast<size_t>(rows_));
    distances_ = call.arena->alloc_n<double>(static_cast<size_t>(k_ + 1));
    numbers_ = call.arena->alloc_n<double>(static_cast<size_t>(k_ + 1));
    chosen_ = call.arena->alloc_n<uint8_t>(static_cast<size_t>(rows_));
    present_ = call.arena->alloc_n<int32_t>(static_cast<size_t>(width_));
  }

  bool has_memory() const {
    return far_ != nullptr && distances_ != nullptr && numbers_ != nullptr && chosen_ != nullptr && present_ != nullptr;
  }

  bool is_missing(double x) const { return x == missing_ || (x != x && missing_ != missing_); }
  bool is_exact() const { return exact_; }
  bool is_empty(int32_t column) const { return means_[column] != means_[column]; }

  /// Measures the distances to a row. False: they are too large to be told apart.
  bool measure(const double* x) {
    n_present_ = 0;
    norm_ = 0.0;
    exact_ = header_.whole != 0;
    for (int32_t j = 0; j < width_; ++j) {
      if (is_missing(x[j])) continue;
      present_[n_present_++] = j;
      norm_ += x[j] * x[j];
      exact_ = exact_ && is_whole(x[j]);
    }
    exact_ = exact_ && norm_ < kLargestWhole;
    if (!(norm_ + header_.largest < kLargestNorm)) return false;
    x_ = x;
    for (int64_t i = 0; i < rows_; i += kChunk) measure_chunk(i);
    return true;
  }

  /// What a missing value of a column becomes. False: it is undecided.
  bool impute(int32_t column, double* out) {
    const int64_t size = k_ + 1;
    for (int64_t i = 0; i < size; ++i) {
      distances_[i] = HUGE_VAL;
      numbers_[i] = -1.0;
    }
    for (int64_t i = 0; i < rows_; i += kRowsOfBlock) search_block(i, column);
    if (numbers_[0] >= 0.0 && !is_decided(column)) return false;
    if (!(least() < HUGE_VAL)) {
      *out = means_[column];
      return true;
    }
    return average(column, out);
  }

 private:
  const double* block_of(int64_t row) const { return values_ + row / kRowsOfBlock * kRowsOfBlock * width_; }
  double value(int64_t row, int32_t column) const { return block_of(row)[column * kRowsOfBlock + row % kRowsOfBlock]; }

  void measure_chunk(int64_t begin) {
    const double* values = block_of(begin) + begin % kRowsOfBlock;
    const uint8_t* holes = holes_ + begin / kRowsOfBlock * width_;
    f64xn sums[kRegisters] = {}, counts[kRegisters] = {};
    const f64xn one = f64xn{} + 1.0;
    double whole = 0.0;
    for (int32_t at = 0; at < n_present_; ++at) {
      const int32_t j = present_[at];
      const f64xn x = x_[j] - f64xn{};
      const double* column = values + j * kRowsOfBlock;
      if (holes[j] == 0) {
        whole += 1.0;
        for (int v = 0; v < kRegisters; ++v) {
          const f64xn difference = x - loadn(column + v * kNativeLanes);
          sums[v] += difference * difference;
        }
        continue;
      }
      for (int v = 0; v < kRegisters; ++v) {
        const f64xn difference = x - loadn(column + v * kNativeLanes);
        const auto both = difference == difference;
        sums[v] += both ? difference * difference : f64xn{};
        counts[v] += both ? one : f64xn{};
      }
    }
    for (int v = 0; v < kRegisters; ++v) {
      const f64xn far = sums[v] / (counts[v] + whole) * static_cast<double>(width_);
      std::memcpy(far_ + begin + v * kNativeLanes, &far, sizeof far);
    }
  }

  void search_block(int64_t begin, int32_t column) {
    const double* values = block_of(begin) + column * kRowsOfBlock;
    const double* far = far_ + begin;
    int any = 0;
    for (int32_t i = 0; i < kRowsOfBlock; ++i) any += far[i] < distances_[0];
    if (any == 0) return;
    for (int32_t i = 0; i < kRowsOfBlock; ++i) {
      if (!(far[i] < distances_[0]) || values[i] != values[i]) continue;
      replace_top(distances_, numbers_, k_ + 1, far[i], static_cast<double>(begin + i));
    }
  }

  /// Most by which the source's squared distance to a stored row may differ from that of this kernel.
  double error_of(int64_t row) const {
    const double rounding = 4.0 * DBL_EPSILON * far_[row];
    if (exact_) return rounding;
    double both = 0.0;
    for (int32_t at = 0; at < n_present_; ++at) both += value(row, present_[at]) == value(row, present_[at]);
    return rounding + DBL_EPSILON * (width_ + 8.0) * (norm_ + norms_[row]) * width_ / both;
  }

  /// Whether the nearest rows are the same for the source, or others with the same values. The farthest on the heap is
  /// one more than are needed.
  bool is_decided(int32_t column) {
    double last = 0.0;
    for (int64_t i = 1; i <= k_; ++i) last = distances_[i] > last ? distances_[i] : last;
    const double bound = exact_ ? 0.0 : DBL_EPSILON * (width_ + 8.0) * (norm_ + header_.largest) * width_;
    if (distances_[0] - last > 2.0 * bound + 16.0 * DBL_EPSILON * distances_[0]) return true;
    std::memset(chosen_, 0, static_cast<size_t>(rows_));
    double high = 0.0, low = HUGE_VAL;
    for (int64_t i = 1; i <= k_; ++i) {
      const auto row = static_cast<int64_t>(numbers_[i]);
      chosen_[row] = 1;
      high = distances_[i] + error_of(row) > high ? distances_[i] + error_of(row) : high;
    }
    for (int64_t i = 0; i < rows_; ++i) {
      if (chosen_[i] != 0 || !is_donor(i, column)) continue;
      const double least = far_[i] - error_of(i);
      low = least < low ? least : low;
    }
    if (low > high) return true;
    Same same;
    for (int64_t i = 0; i < rows_; ++i) {
      if (!is_donor(i, column)) continue;
      const double error = error_of(i);
      if (chosen_[i] != 0 ? far_[i] + error >= low : far_[i] - error <= high) same.add(value(i, column));
    }
    return !same.differ;
  }

  bool is_donor(int64_t row, int32_t column) const {
    return far_[row] == far_[row] && value(row, column) == value(row, column);
  }

  /// The least distance on the heap; infinite where it is empty.
  double least() const {
    double found = HUGE_VAL;
    for (int64_t i = 1; i <= k_; ++i) found = distances_[i] < found ? distances_[i] : found;
    return found;
  }

  double weight_of(double distance, bool at_zero) const {
    if (!weighted_) return 1.0;
    return at_zero ? static_cast<double>(distance == 0.0) : 1.0 / std::sqrt(distance);
  }

  bool average(int32_t column, double* out) const {
    const bool at_zero = least() == 0.0;
    double sum = 0.0, weights = 0.0;
    Same same;
    for (int64_t i = 1; i <= k_; ++i) {
      if (numbers_[i] < 0.0) continue;
      const double known = value(static_cast<int64_t>(numbers_[i]), column);
      const double weight = weight_of(distances_[i], at_zero);
      same.add(known);
      sum += known * weight;
      weights += weight;
    }
    *out = sum / weights;
    if (!weighted_ || exact_ || !same.differ) return true;
    double moved = 0.0;  // by rounding of the distances
    for (int64_t i = 1; i <= k_; ++i) {
      if (numbers_[i] < 0.0) continue;
      const auto row = static_cast<int64_t>(numbers_[i]);
      const double error = error_of(row) / distances_[i], share = weight_of(distances_[i], false) / weights;
      if (!(error <= kSmall)) return false;
      moved += share * error * std::fabs(value(row, column) - *out);
    }
    return moved <= kEnough * std::fabs(*out);
  }

  const Header& header_;
  int32_t width_;
  double missing_;
  const double* means_;
  bool weighted_;
  int64_t rows_, k_;
  const double* norms_;
  const uint8_t* holes_;
  const double* values_;
  double *far_, *distances_, *numbers_;
  uint8_t* chosen_;
  int32_t* present_;
  // Of the row at hand:
  const double* x_ = nullptr;
  int32_t n_present_ = 0;
  double norm_ = 0.0;
  bool exact_ = false;  // the source adds up whole numbers, without rounding
};

Status run(const RunCall& call) noexcept {
  const auto* kept = call.params[kKept].as<int32_t>();
  const int32_t n = call.out->width;
  const Arena::Mark mark = call.arena->mark();
  Imputation imputation(call);
  if (!imputation.has_memory()) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* out = call.out->row(r);
    bool is_measured = false;
    for (int32_t j = 0; j < n; ++j) {
      const int32_t column = kept[j];
      out[j] = in[column];
      if (imputation.is_empty(column)) {
        out[j] = 0.0;
      } else if (imputation.is_missing(in[column])) {
        const bool found = (is_measured || imputation.measure(in)) && imputation.impute(column, out + j);
        if (!found) return call.reject(imputation.is_exact() ? Status::kTied : Status::kUndecided, r, column);
        is_measured = true;
      }
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost(const CostCall& call) {  // of a row in which a column in ten is missing
  const double width = call.in_width, values = static_cast<double>(call.state_bytes) / 8.0;
  const double some = 1.0 - std::pow(0.9, width);
  return Cost{}
      .rows({{"call", 10.0}, {"columns", 1.0 * width}, {"distances", 0.3 * some * values}, {"searches", 0.05 * values}})
      .scratch(values / (width + 1.0) * 9.0 + 64.0, 0.0);
}

}  // namespace
PRETZEL_KERNEL(knn_impute, .params = kParams, .out = {kDense, "n_kept"}, .bind = bind, .check = check,
               .check_state = check, .run = run, .cost = cost, .flags = kHasState | kLeavesRows)
}  // namespace pretzel
