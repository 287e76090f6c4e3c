// mean: mean of the inputs, weighted where there are weights.
// mean_float32: the same of values of float32, each result rounded to float32.
// mean_of_blocks: mean of values that lie side by side in one.
// majority: the class with the most votes, the first of equals.
// votes: the sum of what votes add to each class, in the order of the votes.
// weighted_median: the smallest value at which half of the weight is reached.
// log_mean_exp: log of the mean of the exponentials of the inputs.
// pair_winners: votes and confidences of classifiers of all pairs of classes.
#include <cmath>

#include "core/codes.h"
#include "core/vmath.h"

namespace pretzel {
namespace {

/// Mean of `n` values of a row, of which `value(i)` says where the i-th lies.
template <class ValueAt>
void mean_row(const Array& given, int32_t n, double total, int32_t width, double* __restrict out, ValueAt value) {
  const auto* weights = given.size > 0 ? given.as<double>() : nullptr;
  for (int32_t j = 0; j < width; ++j) out[j] = 0.0;
  for (int32_t i = 0; i < n; ++i) {
    const double* in = value(i);
    const double weight = weights != nullptr ? weights[i] : 1.0;
    for (int32_t j = 0; j < width; ++j) out[j] += in[j] * weight;
  }
  for (int32_t j = 0; j < width; ++j) out[j] /= total;
}

double total_of(const Array& weights, int32_t n) {
  if (weights.size == 0) return n;
  double total = 0.0;
  for (int32_t i = 0; i < n; ++i) total += weights.as<double>()[i];
  return total;
}

Status run_mean(const RunCall& call) noexcept {
  const double total = total_of(call.params[0], call.n_in);
  for (int32_t r = 0; r < call.rows; ++r) {
    mean_row(call.params[0], call.n_in, total, call.out->width, call.out->row(r),
             [&](int32_t i) { return call.in[i].row(r); });
  }
  return Status::kOk;
}

/// Sums, products and quotients of float32 are those of double rounded once.
Status run_mean_float32(const RunCall& call) noexcept {
  const auto* weights = call.params[0].size > 0 ? call.params[0].as<double>() : nullptr;
  const auto divisor = call.params[1].scalar<double>();
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* __restrict out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) out[j] = 0.0;
    for (int32_t i = 0; i < call.n_in; ++i) {
      const double* in = call.in[i].row(r);
      const double weight = weights != nullptr ? weights[i] : 1.0;
      for (int32_t j = 0; j < width; ++j) out[j] = static_cast<float>(out[j] + static_cast<float>(in[j] * weight));
    }
    for (int32_t j = 0; j < width; ++j) out[j] = static_cast<float>(out[j] / divisor);
  }
  return Status::kOk;
}

Status run_mean_of_blocks(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  const auto blocks = call.params[1].scalar<int32_t>();
  const double total = total_of(call.params[0], blocks);
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    mean_row(call.params[0], blocks, total, width, call.out->row(r),
             [=](int32_t i) { return in + static_cast<int64_t>(i) * width; });
  }
  return Status::kOk;
}

const char* check_blocks(const LoadCall& call) {
  const int64_t blocks = call.params[1].scalar<int32_t>(), weights = call.params[0].size;
  if (blocks < 1 || blocks * call.out->width != call.in[0].width) return "reads another number of blocks";
  return weights == 0 || weights == blocks ? nullptr : "has not one weight for each block";
}

Status run_majority(const RunCall& call) noexcept {
  const auto classes = call.params[0].scalar<int32_t>();
  const auto* weights = call.params[1].as<double>();
  const Arena::Mark mark = call.arena->mark();
  double* counts = call.arena->alloc_n<double>(static_cast<size_t>(classes));
  if (counts == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    for (int32_t c = 0; c < classes; ++c) counts[c] = 0.0;
    for (int32_t i = 0; i < call.n_in; ++i) {
      const auto vote = static_cast<int32_t>(call.in[i].row(r)[0]);
      if (static_cast<uint32_t>(vote) >= static_cast<uint32_t>(classes)) return call.reject(Status::kOutOfRange, r);
      counts[vote] += weights[i];
    }
    int32_t winner = 0;
    for (int32_t c = 1; c < classes; ++c) winner = counts[c] > counts[winner] ? c : winner;
    call.out->row(r)[0] = winner;
  }
  call.arena->release(mark);
  return Status::kOk;
}

constexpr Param kVotes[] = {{"table", i32, "total", kHoldsIndices | kOrNone, "", "classes"},
                            {"offsets", i32, "width+1", kHoldsOffsets, "", "total"},
                            {"weights", f64, "width"},
                            {"others", f64, "width"},
                            {"divisor", f64, ""}};

Status run_votes(const RunCall& call) noexcept {
  const auto* table = call.params[index_of(kVotes, "table")].as<int32_t>();
  const auto* offsets = call.params[index_of(kVotes, "offsets")].as<int32_t>();
  const auto* weights = call.params[index_of(kVotes, "weights")].as<double>();
  const auto* others = call.params[index_of(kVotes, "others")].as<double>();
  const auto divisor = call.params[index_of(kVotes, "divisor")].scalar<double>();
  const int32_t votes = call.in[0].width, classes = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* vote = call.in[0].row(r);
    double* __restrict out = call.out->row(r);
    for (int32_t c = 0; c < classes; ++c) out[c] = 0.0;
    for (int32_t i = 0; i < votes; ++i) {
      const int32_t place = place_of_code(vote[i], offsets + i);
      if (place < 0) return call.reject(Status::kOutOfRange, r, i);
      const int32_t voted = table[place];
      for (int32_t c = 0; c < classes; ++c) out[c] += c == voted ? weights[i] : others[i];
    }
    for (int32_t c = 0; c < classes; ++c) out[c] /= divisor;
  }
  return Status::kOk;
}

struct Weighted {
  double value, weight;
};

/// Whether `a` stands before `b`; NaN is last.
bool is_less(double a, double b) { return a < b || (b != b && a == a); }

/// Sorts by value, equal values in their order, with `spare` as room for as many again; returns where they are.
Weighted* sort(Weighted* items, Weighted* spare, int32_t n) {
  for (int32_t size = 1; size < n; size *= 2) {
    for (int32_t begin = 0; begin < n; begin += 2 * size) {
      const int32_t middle = begin + size < n ? begin + size : n;
      const int32_t end = middle + size < n ? middle + size : n;
      int32_t a = begin, b = middle;
      for (int32_t k = begin; k < end; ++k) {
        const bool second = a == middle || (b < end && is_less(items[b].value, items[a].value));
        spare[k] = second ? items[b++] : items[a++];
      }
    }
    Weighted* const sorted = spare;
    spare = items;
    items = sorted;
  }
  return items;
}

Status run_median(const RunCall& call) noexcept {
  const auto* weights = call.params[0].as<double>();
  const int32_t n = call.in[0].width;
  const Arena::Mark mark = call.arena->mark();
  auto* room = call.arena->alloc_n<Weighted>(2 * static_cast<size_t>(n));
  if (room == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    for (int32_t i = 0; i < n; ++i) room[i] = {in[i], weights[i]};
    Weighted* const sorted = sort(room, room + n, n);
    double total = 0.0;
    for (int32_t i = 0; i < n; ++i) sorted[i].weight = total += sorted[i].weight;
    int32_t found = 0;
    while (found + 1 < n && !(sorted[found].weight >= 0.5 * total)) ++found;
    call.out->row(r)[0] = sorted[found].value;
  }
  call.arena->release(mark);
  return Status::kOk;
}

Status run_log_mean_exp(const RunCall& call) noexcept {
  const double shift = std::log(static_cast<double>(call.n_in));
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    for (int32_t j = 0; j < call.out->width; ++j) {
      double top = call.in[0].row(r)[j];
      for (int32_t i = 1; i < call.n_in; ++i) {
        const double x = call.in[i].row(r)[j];
        top = x > top || x != x ? x : top;
      }
      double total = 0.0;
      for (int32_t i = 0; i < call.n_in; ++i) {
        total += map_one(call.in[i].row(r)[j] - top, [](f64x8 x) { return vexp(x); });
      }
      out[j] = (std::isinf(top) ? top : top + std::log(total)) - shift;
    }
  }
  return Status::kOk;
}

Status run_pair_winners(const RunCall& call) noexcept {
  const int32_t classes = call.out->width;
  const Arena::Mark mark = call.arena->mark();
  double* sums = call.arena->alloc_n<double>(static_cast<size_t>(classes));
  if (sums == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double *said = call.in[0].row(r), *confidence = call.in[1].row(r);
    double* votes = call.out->row(r);
    for (int32_t c = 0; c < classes; ++c) votes[c] = sums[c] = 0.0;
    for (int32_t i = 0; i < classes; ++i) {
      for (int32_t j = i + 1; j < classes; ++j, ++said, ++confidence) {
        sums[i] -= *confidence;
        sums[j] += *confidence;
        votes[i] += *said == 0.0 ? 1.0 : 0.0;
        votes[j] += *said == 1.0 ? 1.0 : 0.0;
      }
    }
    for (int32_t c = 0; c < classes; ++c) votes[c] += sums[c] / (3.0 * (std::fabs(sums[c]) + 1.0));
  }
  call.arena->release(mark);
  return Status::kOk;
}

const char* check_pairs(const LoadCall& call) {
  const int64_t classes = call.out->width;
  const bool fits = call.in.size() == 2 && call.in[0].width == classes * (classes - 1) / 2;
  return fits ? nullptr : "has two inputs with a column for each pair of classes";
}

const char* check_classes(const Array* params) {
  constexpr int32_t kMost = 1 << 24;  // each row has a counter for every class
  const auto classes = params[0].scalar<int32_t>();
  return classes < 1 ? "'classes' is not positive" : classes > kMost ? "'classes' is too large" : nullptr;
}

const char* bind_majority(const BindCall& call) { return check_classes(call.params); }
const char* check_majority(const LoadCall& call) { return check_classes(call.params.data()); }

Cost cost_mean(const CostCall& call) {
  return Cost{}.rows({{"call", 5.0}, {"inputs", 1.0 * call.in_width}, {"outputs", 1.0 * call.out_width}});
}

Cost cost_majority(const CostCall& call) {
  const double classes = call.params[0].scalar<int32_t>();
  return Cost{}.rows({{"call", 5.0}, {"members", 1.5 * call.n_in}, {"classes", 0.7 * classes}});
}

Cost cost_votes(const CostCall& call) {
  return Cost{}.rows(
      {{"call", 5.0}, {"votes", 1.5 * call.in_width}, {"weights", 0.3 * call.in_width * call.out_width}});
}

Cost cost_median(const CostCall& call) {
  const double levels = std::ceil(std::log2(call.in_width + 1.0));
  return Cost{}
      .rows({{"call", 5.0}, {"inputs", 1.0 * call.in_width}, {"comparisons", 2.0 * call.in_width * levels}})
      .scratch(64.0 + 32.0 * call.in_width, 0.0);
}

Cost cost_log_mean_exp(const CostCall& call) {
  return Cost{}.rows({{"call", 5.0}, {"inputs", 12.0 * call.in_width}, {"outputs", 8.0 * call.out_width}});
}

Cost cost_pairs(const CostCall& call) {
  const double classes = call.out_width;
  return Cost{}
      .rows({{"call", 5.0}, {"pairs", 2.0 * classes * (classes - 1.0) / 2.0}, {"classes", 2.0 * classes}})
      .scratch(64.0 + 8.0 * classes, 0.0);
}

constexpr Param kMedian[] = {{"weights", f64, "n+1"}};
constexpr Param kMean[] = {{"weights", f64, "n_in", kMayBeEmpty}};
constexpr Param kMeanFloat32[] = {{"weights", f64, "n_in", kMayBeEmpty}, {"divisor", f64, ""}};
constexpr Param kBlocks[] = {{"weights", f64, "n_weights", kMayBeEmpty}, {"blocks", i32, ""}};
constexpr Param kMajority[] = {{"classes", i32, ""}, {"weights", f64, "n_in"}};

}  // namespace
PRETZEL_KERNEL(mean, .params = kMean, .run = run_mean, .cost = cost_mean)
PRETZEL_KERNEL(mean_float32, .params = kMeanFloat32, .run = run_mean_float32, .cost = cost_mean)
PRETZEL_KERNEL(mean_of_blocks, .params = kBlocks, .out = {kDense, "n_out"}, .check = check_blocks,
               .run = run_mean_of_blocks, .cost = cost_mean)
PRETZEL_KERNEL(votes, .params = kVotes, .out = {kDense, "classes"}, .run = run_votes, .cost = cost_votes)
PRETZEL_KERNEL(weighted_median, .params = kMedian, .in = {kDense, "n+1"}, .out = {kDense, "1"}, .run = run_median,
               .cost = cost_median)
PRETZEL_KERNEL(log_mean_exp, .run = run_log_mean_exp, .cost = cost_log_mean_exp)
PRETZEL_KERNEL(pair_winners, .in = {kDense, "pairs"}, .out = {kDense, "classes"}, .check = check_pairs,
               .run = run_pair_winners, .cost = cost_pairs)
PRETZEL_KERNEL(majority, .params = kMajority, .in = {kDense, "1"}, .out = {kDense, "1"}, .bind = bind_majority,
               .check = check_majority, .run = run_majority, .cost = cost_majority)
}  // namespace pretzel
