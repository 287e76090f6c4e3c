// category_statistics: for each combination of categories, statistics of the target among the training rows that have
// this combination, in float32. CatBoost's trees compare these numbers.
//
// Table t has a key for each combination of its elements that the training has seen: a hash of them, where an element
// is a hash of a category, whether a column exceeds a number, or whether it equals one. Column j of the result comes
// from the counts of `table[j]` in the row of that key, which are zeros for a key that is not there.
#include "core/kernel.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(Element, uint8_t, kHash, kExceeds, kExceedsOrNan, kEquals);
/// Share of the counts from a class on, of one class, mean of a sum, share of all rows, or the only element itself.
PRETZEL_ENUM(Statistic, uint8_t, kBorders, kBuckets, kMean, kCounter, kElement);

constexpr uint64_t kFactor = 0x4906ba494954cb65u;

constexpr Param kParams[] = {{"element", u8, "n_elements", 0, kElementNames},
                             {"column", i32, "n_elements", kHoldsIndices, "", "width"},
                             {"number", f64, "n_elements"},
                             {"first_element", i32, "n_tables+1", kHoldsOffsets, "", "n_elements"},
                             {"first_key", i32, "n_tables+1", kHoldsOffsets, "", "n_keys"},
                             {"keys", i64, "n_keys"},
                             {"counts", f64, "n_keys n_counts"},
                             {"table", i32, "n_out", kHoldsIndices, "", "n_tables"},
                             {"statistic", u8, "n_out", 0, kStatisticNames},
                             {"target", i32, "n_out", kHoldsIndices, "", "n_counts"},
                             {"denominator", f64, "n_out"},
                             {"prior", DType::kFloat32, "n_out 4"}};

template <class T>
const T* param(const RunCall& call, int i) {
  return call.params[i].as<T>();
}

/// What an element contributes to a key.
uint64_t bits_of(Element element, double x, double number) {
  if (element == Element::kHash) return x > -9e18 && x < 9e18 ? static_cast<uint64_t>(static_cast<int64_t>(x)) : 0;
  const auto value = static_cast<float>(x), border = static_cast<float>(number);
  if (element == Element::kExceeds) return value > border ? 1 : 0;
  if (element == Element::kExceedsOrNan) return value <= border ? 0 : 1;
  return x == number ? 1 : 0;
}

/// Row of `key` among those of a table, which ascend; -1: it is not there.
int64_t find(const int64_t* keys, int64_t first, int64_t last, int64_t key) {
  while (first < last) {
    const int64_t middle = first + (last - first) / 2;
    if (keys[middle] == key) return middle;
    if (keys[middle] < key) {
      first = middle + 1;
    } else {
      last = middle;
    }
  }
  return -1;
}

float value_of(Statistic statistic, const double* counts, int64_t n_counts, int32_t target, float denominator,
               const float* prior) {
  float good = 0, total = denominator;
  if (counts != nullptr) {
    double after = 0, all = 0;
    for (int64_t i = 0; i < n_counts; ++i) {
      all += counts[i];
      if (i > target) after += counts[i];
    }
    const double share = statistic == Statistic::kBorders   ? after
                         : statistic == Statistic::kBuckets ? counts[target]
                                                            : counts[0];
    good = static_cast<float>(share);
    if (statistic == Statistic::kMean) all = n_counts > 1 ? counts[1] : 0.0;
    if (statistic != Statistic::kCounter) total = static_cast<float>(all);
  } else if (statistic != Statistic::kCounter) {
    total = 0;
  }
  const float ratio = (good + prior[0]) / (total + prior[1]);
  return (ratio + prior[2]) * prior[3];
}

Status run(const RunCall& call) noexcept {
  const auto* element = param<uint8_t>(call, index_of(kParams, "element"));
  const auto* column = param<int32_t>(call, index_of(kParams, "column"));
  const auto* number = param<double>(call, index_of(kParams, "number"));
  const auto* first_element = param<int32_t>(call, index_of(kParams, "first_element"));
  const auto* first_key = param<int32_t>(call, index_of(kParams, "first_key"));
  const auto* keys = param<int64_t>(call, index_of(kParams, "keys"));
  const auto* counts = param<double>(call, index_of(kParams, "counts"));
  const auto* table = param<int32_t>(call, index_of(kParams, "table"));
  const auto* statistic = param<uint8_t>(call, index_of(kParams, "statistic"));
  const auto* target = param<int32_t>(call, index_of(kParams, "target"));
  const auto* denominator = param<double>(call, index_of(kParams, "denominator"));
  const auto* prior = param<float>(call, index_of(kParams, "prior"));
  const int64_t n_counts = call.params[index_of(kParams, "counts")].shape[1];
  const auto n_tables = static_cast<int32_t>(call.params[index_of(kParams, "first_key")].size - 1);
  const Arena::Mark mark = call.arena->mark();
  auto* found = call.arena->alloc_n<int64_t>(static_cast<size_t>(n_tables));
  auto* last = call.arena->alloc_n<uint64_t>(static_cast<size_t>(n_tables));
  if (found == nullptr || last == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    for (int32_t t = 0; t < n_tables; ++t) {
      uint64_t key = 0;
      last[t] = 0;
      for (int32_t e = first_element[t]; e < first_element[t + 1]; ++e) {
        last[t] = bits_of(static_cast<Element>(element[e]), in[column[e]], number[e]);
        key = kFactor * (key + kFactor * last[t]);
      }
      found[t] = find(keys, first_key[t], first_key[t + 1], static_cast<int64_t>(key));
    }
    for (int32_t j = 0; j < call.out->width; ++j) {
      const int32_t t = table[j];
      const auto what = static_cast<Statistic>(statistic[j]);
      const double* row = found[t] < 0 ? nullptr : counts + found[t] * n_counts;
      call.out->row(r)[j] =
          what == Statistic::kElement
              ? static_cast<double>(last[t] != 0)
              : static_cast<double>(value_of(what, row, n_counts, target[j], static_cast<float>(denominator[j]),
                                             prior + int64_t{4} * j));
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double elements = static_cast<double>(call.params[index_of(kParams, "element")].size);
  const double tables = static_cast<double>(call.params[index_of(kParams, "first_key")].size - 1);
  const double keys = static_cast<double>(call.params[index_of(kParams, "keys")].size);
  return Cost{}
      .rows({{"call", 5.0},
             {"elements", 2.0 * elements},
             {"keys", 5.0 * tables * (1.0 + doublings(keys, 4.0))},
             {"outputs", 4.0 * call.out_width}})
      .scratch(16.0 * tables, 0.0);
}

}  // namespace
PRETZEL_KERNEL(category_statistics, .params = kParams, .out = {kDense, "n_out"}, .run = run, .cost = cost)
}  // namespace pretzel
