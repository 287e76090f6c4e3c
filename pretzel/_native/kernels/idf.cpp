// tfidf: weighted and normalised counts, entries in the order of the counts. Without idf all terms weigh 1.
// tfidf_linear: bias + weights . tfidf(counts); the weighted row is never stored when there is one output.
//
// Sums over a row run in eight lanes; with several outputs each output is one sum in the order of the entries.
#include <cmath>

#include "core/kernel.h"
#include "core/simd.h"
#include "core/state_check.h"

namespace pretzel {
namespace {

constexpr int64_t kLogs = 64;      // 1 + log(count) of small counts is looked up
constexpr int64_t kAhead = 24;     // entries between the prefetch of a weight and its use
constexpr int64_t kRowsAhead = 4;  // the same where a term has a row of weights

PRETZEL_ENUM(Norm, uint8_t, kNone, kL1, kL2);

constexpr Param kTfidf[] = {{"idf", f64, "n_terms", kMayBeEmpty},
                            {"norm", u8, "", kBindOnly, kNormNames},
                            {"sublinear", u8, "", kBindOnly},
                            {"binary", u8, "", kBindOnly}};
constexpr Param kLinear[] = {{"idf", f64, "n_terms", kMayBeEmpty}, {"norm", u8, "", kBindOnly, kNormNames},
                             {"sublinear", u8, "", kBindOnly},     {"binary", u8, "", kBindOnly},
                             {"weights", f64, "n_terms n_out"},    {"bias", f64, "n_out"}};
constexpr int kIdf = index_of(kTfidf, "idf"), kNorm = index_of(kTfidf, "norm"),
              kSublinear = index_of(kTfidf, "sublinear"), kBinary = index_of(kTfidf, "binary"),
              kWeights = index_of(kLinear, "weights"), kBias = index_of(kLinear, "bias");

struct State {
  Norm norm;
  bool sublinear;
  bool binary;
  double logs[kLogs];
};

struct Weighting {
  const double* idf;  // nullptr: all 1
  const State& state;

  Weighting(const Array* params, const uint8_t* bytes)
      : idf(params[kIdf].size == 0 ? nullptr : params[kIdf].as<double>()),
        state(*reinterpret_cast<const State*>(bytes)) {}

  double frequency(double count) const {
    if (state.binary) count = 1.0;
    if (!state.sublinear) return count;
    if (count >= 0.0 && count < kLogs && count == static_cast<double>(static_cast<int64_t>(count))) {
      return state.logs[static_cast<int64_t>(count)];
    }
    return std::log(count) + 1.0;
  }
  double weigh(const SparseRow& row, int64_t i) const {
    const double t = frequency(row.value[i]);
    return idf == nullptr ? t : t * idf[row.index[i]];
  }
};

/// The contribution of eight weighted counts to the norm.
inline f64x8 norm_part(Norm norm, f64x8 t) { return norm == Norm::kL1 ? absolute(t) : t * t; }

/// The number that a row is divided by; a row of zeros stays as it is.
inline double norm_of(Norm norm, f64x8 parts) {
  const double sum = sum8(parts);
  if (norm == Norm::kNone || sum == 0.0) return 1.0;
  return norm == Norm::kL1 ? sum : std::sqrt(sum);
}

/// Weighs a row into `out` and returns its norm.
double weigh_row(const Weighting& weighting, const SparseRow& row, double* out) {
  for (int64_t i = 0; i < row.size; ++i) out[i] = weighting.weigh(row, i);
  f64x8 parts = splat8(0.0);
  for (int64_t i = 0; i < row.size; i += 8) {
    const f64x8 t = row.size - i < 8 ? load_tail(out + i, row.size - i) : load8(out + i);
    parts += norm_part(weighting.state.norm, t);
  }
  return norm_of(weighting.state.norm, parts);
}

const char* bind(const BindCall& call) {
  State state;
  std::memset(&state, 0, sizeof state);  // padding, too: equal states are equal bytes
  state.norm = call.params[kNorm].scalar<Norm>();
  state.sublinear = call.params[kSublinear].scalar<uint8_t>() != 0;
  state.binary = call.params[kBinary].scalar<uint8_t>() != 0;
  for (int64_t i = 0; i < kLogs; ++i) state.logs[i] = std::log(static_cast<double>(i)) + 1.0;
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

Status run_tfidf(const RunCall& call) noexcept {
  const Weighting weighting(call.params, call.state);
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    auto* out = call.arena->alloc_n<double>(static_cast<size_t>(row.size) + 1);
    if (out == nullptr) return Status::kNoMemory;
    const double norm = weigh_row(weighting, row, out);
    if (norm != 1.0) {
      for (int64_t i = 0; i < row.size; ++i) out[i] /= norm;
    }
    call.out->sparse[r] = SparseRow{row.index, out, row.size};
  }
  return Status::kOk;
}

/// One output: norm and dot product in one pass.
double one_output(const Weighting& weighting, const SparseRow& row, const double* weights) {
  f64x8 dot = splat8(0.0), parts = splat8(0.0);
  for (int64_t i = 0; i < row.size; i += 8) {
    double t[8] = {0}, w[8] = {0};
    const int64_t n = row.size - i < 8 ? row.size - i : 8;
    for (int64_t k = 0; k < n; ++k) {
      if (i + k + kAhead < row.size) {
        const int32_t later = row.index[i + k + kAhead];
        __builtin_prefetch(weights + later);
        if (weighting.idf != nullptr) __builtin_prefetch(weighting.idf + later);
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
void many_outputs(const double* t, const SparseRow& row, const double* weights, int64_t outputs, double* out) {
  std::memset(out, 0, sizeof(double) * static_cast<size_t>(outputs));
  for (int64_t i = 0; i < row.size; ++i) {
    if (i + kRowsAhead < row.size) {
      const double* later = weights + row.index[i + kRowsAhead] * outputs;
      for (int64_t k = 0; k < outputs; k += 8) __builtin_prefetch(later + k);
    }
    const double* w = weights + row.index[i] * outputs;
    for (int64_t k = 0; k < outputs; ++k) out[k] += t[i] * w[k];
  }
}

Status run_linear(const RunCall& call) noexcept {
  const Weighting weighting(call.params, call.state);
  const auto* weights = call.params[kWeights].as<double>();
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

Cost cost_tfidf(const CostCall& call) {
  return Cost{}
      .rows({{"call", 15.0}})
      .payload({{"entries", 1.5}, {"misses", 0.2 * doublings(8.0 * static_cast<double>(call.params[kIdf].size), 32e3)}})
      .produces_nnz(1.0, 0.0)
      .scratch(192.0, 12.0);
}

Cost cost_linear(const CostCall& call) {
  const double outputs = call.out_width, bytes = 8.0 * static_cast<double>(call.params[kWeights].size);
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
PRETZEL_KERNEL(tfidf, .params = kTfidf, .in = {kSparse, "n_terms"}, .out = {kSparse, "n_terms"}, .bind = bind,
               .check_state = check_state, .run = run_tfidf, .cost = cost_tfidf, .state_version = 2, .flags = kHasState)
PRETZEL_KERNEL(tfidf_linear, .params = kLinear, .in = {kSparse, "n_terms"}, .out = {kDense, "n_out"}, .bind = bind,
               .check_state = check_state, .run = run_linear, .cost = cost_linear, .state_version = 2,
               .flags = kHasState)
}  // namespace pretzel
