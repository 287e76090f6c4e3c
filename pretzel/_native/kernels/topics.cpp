// topics: the topics of a document, by the expectation step of a latent Dirichlet allocation. It begins with the same
// weights for each document, and stops when their mean change is small or after a number of rounds.
#include <cmath>

#include "core/kernel.h"
#include "core/vmath.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {{"words", f64, "width n_topics"},
                             {"first", f64, "n_topics"},
                             {"prior", f64, ""},
                             {"tolerance", f64, ""},
                             {"rounds", i32, ""}};
constexpr int kWords = index_of(kParams, "words"), kFirst = index_of(kParams, "first"),
              kPrior = index_of(kParams, "prior"), kTolerance = index_of(kParams, "tolerance"),
              kRounds = index_of(kParams, "rounds");
constexpr double kEpsilon = 0x1p-52;

/// The logarithmic derivative of the gamma function, as scikit-learn approximates it (Bernardo 1976, AS 103).
double digamma(double x) {
  if (x <= 1e-6) return -0.577215664901532860606512090082402431 - 1.0 / x;
  double result = 0.0;
  for (; x < 6.0; x += 1.0) result -= 1.0 / x;
  double r = 1.0 / x;
  result += std::log(x) - 0.5 * r;
  r = r * r;
  return result - r * ((1.0 / 12.0) - r * ((1.0 / 120.0) - r * (1.0 / 252.0)));
}

/// The words of a document that occur.
struct Words {
  const int32_t* index;
  const double* count;
  int64_t size;
};

struct Topics {
  const double* words;
  const double* first;
  int64_t n;
  double prior, tolerance;
  int32_t rounds;
  double* weights;  // exp of the expected logarithms of the shares
  double* sums;     // of the round

  void find(const Words& document, double* out) const {
    for (int64_t k = 0; k < n; ++k) weights[k] = first[k];
    for (int64_t k = 0; k < n; ++k) out[k] = 1.0;
    for (int32_t round = 0; round < rounds; ++round) {
      if (this->round(document, out) < tolerance) break;
    }
    double total = 0.0;
    for (int64_t k = 0; k < n; ++k) total += out[k];
    for (int64_t k = 0; k < n; ++k) out[k] /= total;
  }

  /// Improves the shares once; returns by how much they change in the mean.
  double round(const Words& document, double* out) const {
    for (int64_t k = 0; k < n; ++k) sums[k] = 0.0;
    for (int64_t i = 0; i < document.size; ++i) {
      const double* word = words + document.index[i] * n;
      const double share = document.count[i] / (dot8(weights, word, n) + kEpsilon);
      for (int64_t k = 0; k < n; ++k) sums[k] += share * word[k];
    }
    double total = 0.0, change = 0.0;
    for (int64_t k = 0; k < n; ++k) {
      const double found = weights[k] * sums[k] + prior;
      total += found;
      change += std::fabs(out[k] - found);
      out[k] = found;
    }
    const double of_total = digamma(total);
    for (int64_t k = 0; k < n; ++k) weights[k] = digamma(out[k]) - of_total;
    map_row(weights, weights, static_cast<int32_t>(n), vexp);
    return change / static_cast<double>(n);
  }
};

/// The words of a dense row that occur, or which column is negative.
int32_t words_of(const double* row, int32_t width, int32_t* index, double* count, Words* out) {
  int64_t size = 0;
  for (int32_t j = 0; j < width; ++j) {
    if (row[j] < 0.0) return j;
    if (row[j] == 0.0) continue;
    index[size] = j;
    count[size++] = row[j];
  }
  *out = {index, count, size};
  return -1;
}

Status run(const RunCall& call) noexcept {
  const int64_t n = call.params[kFirst].size;
  const View& in = call.in[0];
  const auto mark = call.arena->mark();
  const bool dense = in.kind == ValueKind::kDense;
  auto* scratch = call.arena->alloc_n<double>(static_cast<size_t>(2 * n));
  auto* index = dense ? call.arena->alloc_n<int32_t>(static_cast<size_t>(in.width)) : nullptr;
  auto* count = dense ? call.arena->alloc_n<double>(static_cast<size_t>(in.width)) : nullptr;
  if (scratch == nullptr || (dense && (index == nullptr || count == nullptr))) return Status::kNoMemory;
  const Topics topics{call.params[kWords].as<double>(),
                      call.params[kFirst].as<double>(),
                      n,
                      call.params[kPrior].scalar<double>(),
                      call.params[kTolerance].scalar<double>(),
                      call.params[kRounds].scalar<int32_t>(),
                      scratch,
                      scratch + n};
  for (int32_t r = 0; r < call.rows; ++r) {
    Words document{};
    int32_t negative = -1;
    if (dense) {
      negative = words_of(in.row(r), in.width, index, count, &document);
    } else {
      const SparseRow& row = in.sparse[r];
      document = {row.index, row.value, row.size};
      for (int64_t i = 0; i < row.size && negative < 0; ++i) negative = row.value[i] < 0.0 ? row.index[i] : -1;
    }
    if (negative >= 0) return call.reject(Status::kBeyondLimits, r, negative);
    topics.find(document, call.out->row(r));
  }
  call.arena->release(mark);
  return Status::kOk;
}

constexpr double kUsualRounds = 20.0;

Cost cost(const CostCall& call) {
  const double topics = call.out_width;
  const double rounds = std::fmax(0.0, std::fmin(kUsualRounds, call.params[kRounds].scalar<int32_t>()));
  const Cost found = Cost{}.rows({{"call", 20.0}, {"topics", 30.0 * rounds * topics}});
  const double products = rounds * (8.0 + 0.5 * topics);
  if (call.sparse_in) return Cost{found}.payload({{"entries", products}});
  return Cost{}
      .rows({{"call", 20.0}, {"topics", 30.0 * rounds * topics}, {"columns", 1.0 + products * call.in_width}})
      .scratch(12.0 * call.in_width, 0.0);
}

}  // namespace
PRETZEL_KERNEL(topics, .params = kParams, .in = {kDense | kSparse, "width"}, .out = {kDense, "n_topics"}, .run = run,
               .cost = cost)
}  // namespace pretzel
