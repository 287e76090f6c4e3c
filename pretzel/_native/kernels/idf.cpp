// tfidf: weighted and normalised counts, entries in the order of the counts. Without idf all terms weigh 1.
// tfidf_float32: the same for counts of float32, with each value rounded as scikit-learn rounds it.
// tfidf_linear: bias + weights . tfidf(counts); the weighted row is never stored when there is one output.
//
// Sums over a row run in eight lanes; with several outputs each output is one sum in the order of the entries.
//
// idf and the rows of weights may be dictionary-encoded (core/dictionary.h): the idf of a term depends on a small whole
// number, and terms that were seen in one document only have its weight.
#include <cmath>

#include "core/dictionary.h"
#include "core/kernel.h"
#include "core/simd.h"
#include "core/state_check.h"

namespace pretzel {
namespace {

constexpr int64_t kLogs = 64;      // 1 + log(count) of small counts is looked up
constexpr int64_t kAhead = 24;     // entries between the prefetch of a weight and its use
constexpr int64_t kRowsAhead = 4;  // the same where a term has a row of weights

PRETZEL_ENUM(Norm, uint8_t, kNone, kL1, kL2);

constexpr uint8_t kCodes = kMayBeEmpty | kHoldsIndices;
constexpr Param kTfidf[] = {{"idf", f64, "n_idf", kMayBeEmpty},
                            {"idf_codes", u16, "n_terms", kCodes, "", "n_idf"},
                            {"norm", u8, "", kBindOnly, kNormNames},
                            {"sublinear", u8, "", kBindOnly},
                            {"binary", u8, "", kBindOnly}};
constexpr Param kLinear[] = {{"idf", f64, "n_idf", kMayBeEmpty},
                             {"idf_codes", u16, "n_terms", kCodes, "", "n_idf"},
                             {"norm", u8, "", kBindOnly, kNormNames},
                             {"sublinear", u8, "", kBindOnly},
                             {"binary", u8, "", kBindOnly},
                             {"weights", f64, "n_weights n_out"},
                             {"weight_codes", u16, "n_terms", kCodes, "", "n_weights"},
                             {"bias", f64, "n_out"}};
constexpr int kIdf = index_of(kTfidf, "idf"), kIdfCodes = index_of(kTfidf, "idf_codes"),
              kNorm = index_of(kTfidf, "norm"), kSublinear = index_of(kTfidf, "sublinear"),
              kBinary = index_of(kTfidf, "binary"), kWeights = index_of(kLinear, "weights"),
              kWeightCodes = index_of(kLinear, "weight_codes"), kBias = index_of(kLinear, "bias");

struct State {
  Norm norm;
  bool sublinear;
  bool binary;
  double logs[kLogs];
};

/// Without idf.
struct Ones {
  double operator[](int64_t) const { return 1.0; }
  void prefetch(int64_t) const {}
};

/// A value as float32 has it, or as it is.
template <bool kFloat32>
double rounded(double x) {
  return kFloat32 ? static_cast<double>(static_cast<float>(x)) : x;
}

template <bool kFloat32>
double log_plus_1(double count) {
  return rounded<kFloat32>(rounded<kFloat32>(std::log(count)) + 1.0);
}

template <class Idf, bool kFloat32>
struct Weighting {
  Idf idf;
  const State& state;

  double frequency(double count) const {
    count = state.binary ? 1.0 : rounded<kFloat32>(count);
    if (!state.sublinear) return count;
    if (count >= 0.0 && count < kLogs && count == static_cast<double>(static_cast<int64_t>(count))) {
      return state.logs[static_cast<int64_t>(count)];
    }
    return log_plus_1<kFloat32>(count);
  }
  double weigh(const SparseRow& row, int64_t i) const {
    return rounded<kFloat32>(frequency(row.value[i]) * idf[row.index[i]]);
  }
};

/// Calls `use` with the weighting of a call.
template <bool kFloat32, class Use>
void with_weighting(const RunCall& call, Use use) {
  const auto& state = *reinterpret_cast<const State*>(call.state);
  const Array &idf = call.params[kIdf], &codes = call.params[kIdfCodes];
  if (idf.size == 0) return use(Weighting<Ones, kFloat32>{{}, state});
  with_numbers(idf, codes, [&](auto numbers) { use(Weighting<decltype(numbers), kFloat32>{numbers, state}); });
}

/// The contribution of eight weighted counts to the norm.
inline f64x8 norm_part(Norm norm, f64x8 t) { return norm == Norm::kL1 ? absolute(t) : t * t; }

/// The number that a row is divided by; a row of zeros stays as it is.
inline double norm_of(Norm norm, f64x8 parts) {
  const double sum = sum8(parts);
  if (norm == Norm::kNone || sum == 0.0) return 1.0;
  return norm == Norm::kL1 ? sum : std::sqrt(sum);
}

/// The same where values are float32: their squares are, and all are added up one by one in float64.
inline double norm_in_order(Norm norm, const double* t, int64_t size) {
  double sum = 0.0;
  for (int64_t i = 0; i < size; ++i) sum += norm == Norm::kL1 ? std::fabs(t[i]) : rounded<true>(t[i] * t[i]);
  if (norm == Norm::kNone || sum == 0.0) return 1.0;
  return norm == Norm::kL1 ? sum : std::sqrt(sum);
}

/// Weighs a row into `out` and returns its norm.
template <class Idf, bool kFloat32>
double weigh_row(const Weighting<Idf, kFloat32>& weighting, const SparseRow& row, double* out) {
  for (int64_t i = 0; i < row.size; ++i) out[i] = weighting.weigh(row, i);
  if constexpr (kFloat32) return norm_in_order(weighting.state.norm, out, row.size);
  f64x8 parts = splat8(0.0);
  for (int64_t i = 0; i < row.size; i += 8) {
    const f64x8 t = row.size - i < 8 ? load_tail(out + i, row.size - i) : load8(out + i);
    parts += norm_part(weighting.state.norm, t);
  }
  return norm_of(weighting.state.norm, parts);
}

template <bool kFloat32>
const char* bind(const BindCall& call) {
  State state;
  std::memset(&state, 0, sizeof state);  // padding, too: equal states are equal bytes
  state.norm = call.params[kNorm].scalar<Norm>();
  state.sublinear = call.params[kSublinear].scalar<uint8_t>() != 0;
  state.binary = call.params[kBinary].scalar<uint8_t>() != 0;
  for (int64_t i = 0; i < kLogs; ++i) state.logs[i] = log_plus_1<kFloat32>(static_cast<double>(i));
  call.state->resize(sizeof state);
  std::memcpy(call.state->data(), &state, sizeof state);
  return nullptr;
}

const char* check_state(const LoadCall& call) {
  const StateSpan bytes(call);
  if (bytes.size != sizeof(State)) return kTruncated;
  const auto& state = *bytes.at<State>(0);
  const bool known = state.norm <= Norm::kL2 && is_bool(state.sublinear) && is_bool(state.binary);
  return known ? nullptr : kUnknownForm;
}

const char* check_idf(const LoadCall& call) {
  const Array& idf = call.params[kIdf];
  const bool absent = idf.size == 0 && call.params[kIdfCodes].size == 0;
  return absent || has_numbers(idf, call.params[kIdfCodes], call.in[0].width)
             ? nullptr
             : "has an 'idf' of another number of terms";
}

const char* check_linear(const LoadCall& call) {
  if (!has_numbers(call.params[kWeights], call.params[kWeightCodes], call.in[0].width)) {
    return "has 'weights' of another number of terms";
  }
  return check_idf(call);
}

template <class Idf, bool kFloat32>
Status weigh_rows(const RunCall& call, const Weighting<Idf, kFloat32>& weighting) {
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    auto* out = call.arena->alloc_n<double>(static_cast<size_t>(row.size) + 1);
    if (out == nullptr) return Status::kNoMemory;
    const double norm = weigh_row(weighting, row, out);
    if (norm != 1.0) {
      for (int64_t i = 0; i < row.size; ++i) out[i] = rounded<kFloat32>(out[i] / norm);
    }
    call.out->sparse[r] = SparseRow{row.index, out, row.size};
  }
  return Status::kOk;
}

template <bool kFloat32>
Status run_tfidf(const RunCall& call) noexcept {
  Status status = Status::kOk;
  with_weighting<kFloat32>(call, [&](const auto& weighting) { status = weigh_rows(call, weighting); });
  return status;
}

/// One output: norm and dot product in one pass.
template <class Idf, class Weights>
double one_output(const Weighting<Idf, false>& weighting, const SparseRow& row, Weights weights) {
  f64x8 dot = splat8(0.0), parts = splat8(0.0);
  for (int64_t i = 0; i < row.size; i += 8) {
    double t[8] = {0}, w[8] = {0};
    const int64_t n = row.size - i < 8 ? row.size - i : 8;
    for (int64_t k = 0; k < n; ++k) {
      if (i + k + kAhead < row.size) {
        const int32_t later = row.index[i + k + kAhead];
        weights.prefetch(later);
        weighting.idf.prefetch(later);
      }
      t[k] = weighting.weigh(row, i + k);
      w[k] = weights[row.index[i + k]];
    }
    dot += load8(t) * load8(w);
    parts += norm_part(weighting.state.norm, load8(t));
  }
  return sum8(dot) / norm_of(weighting.state.norm, parts);
}

/// Several outputs: the weights of a term lie side by side and are read once, those of later terms on their way.
template <class Weights>
void many_outputs(const double* t, const SparseRow& row, Weights weights, int64_t outputs, double* out) {
  std::memset(out, 0, sizeof(double) * static_cast<size_t>(outputs));
  for (int64_t i = 0; i < row.size; ++i) {
    if (i + kRowsAhead < row.size) {
      const double* later = weights.values + weights.at(row.index[i + kRowsAhead]) * outputs;
      for (int64_t k = 0; k < outputs; k += 8) __builtin_prefetch(later + k);
    }
    const double* w = weights.values + weights.at(row.index[i]) * outputs;
    for (int64_t k = 0; k < outputs; ++k) out[k] += t[i] * w[k];
  }
}

template <class Idf, class Weights>
Status run_rows(const RunCall& call, const Weighting<Idf, false>& weighting, Weights weights) {
  const auto* bias = call.params[kBias].as<double>();
  const int32_t outputs = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    double* out = call.out->row(r);
    if (outputs == 1) {
      out[0] = one_output(weighting, row, weights) + bias[0];
      continue;
    }
    const Arena::Mark mark = call.arena->mark();
    auto* t = call.arena->alloc_n<double>(static_cast<size_t>(row.size) + 1);
    if (t == nullptr) return Status::kNoMemory;
    const double norm = weigh_row(weighting, row, t);
    many_outputs(t, row, weights, outputs, out);
    for (int32_t k = 0; k < outputs; ++k) out[k] = out[k] / norm + bias[k];
    call.arena->release(mark);
  }
  return Status::kOk;
}

Status run_linear(const RunCall& call) noexcept {
  Status status = Status::kOk;
  with_weighting<false>(call, [&](const auto& weighting) {
    with_numbers(call.params[kWeights], call.params[kWeightCodes],
                 [&](auto weights) { status = run_rows(call, weighting, weights); });
  });
  return status;
}

double bytes_of(const CostCall& call, int values, int codes) {
  return static_cast<double>(call.params[values].bytes() + call.params[codes].bytes());
}

Cost cost_tfidf(const CostCall& call) {
  return Cost{}
      .rows({{"call", 15.0}})
      .payload({{"entries", 1.5}, {"misses", 0.2 * doublings(bytes_of(call, kIdf, kIdfCodes), 32e3)}})
      .produces_nnz(1.0, 0.0)
      .scratch(192.0, 12.0);
}

Cost cost_linear(const CostCall& call) {
  const double outputs = call.out_width, bytes = bytes_of(call, kWeights, kWeightCodes);
  const double near = doublings(bytes, 32e3), far = doublings(bytes, 1e6);
  if (call.out_width == 1) {
    return Cost{}
        .rows({{"call", 15.0}})
        .payload({{"entries", 1.5}, {"near_misses", 0.2 * near}, {"far_misses", 0.5 * far}});
  }
  return Cost{}
      .rows({{"call", 20.0}, {"outputs", 1.0 * outputs}})
      .payload(
          {{"products", 2.0 + 0.3 * outputs}, {"product_near_misses", 0.2 * near}, {"product_far_misses", 0.5 * far}});
}

}  // namespace
PRETZEL_KERNEL(tfidf, .params = kTfidf, .in = {kSparse, "n_terms"}, .out = {kSparse, "n_terms"}, .bind = bind<false>,
               .check = check_idf, .check_state = check_state, .run = run_tfidf<false>, .cost = cost_tfidf,
               .state_version = 3, .flags = kHasState)
PRETZEL_KERNEL(tfidf_float32, .params = kTfidf, .in = {kSparse, "n_terms"}, .out = {kSparse, "n_terms"},
               .bind = bind<true>, .check = check_idf, .check_state = check_state, .run = run_tfidf<true>,
               .cost = cost_tfidf, .flags = kHasState)
PRETZEL_KERNEL(tfidf_linear, .params = kLinear, .in = {kSparse, "n_terms"}, .out = {kDense, "n_out"},
               .bind = bind<false>, .check = check_linear, .check_state = check_state, .run = run_linear,
               .cost = cost_linear, .state_version = 3, .flags = kHasState)
}  // namespace pretzel
