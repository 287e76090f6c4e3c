// mean: mean of the inputs, weighted where there are weights.
// majority: the class with the most votes, the first of equals.
#include "core/kernel.h"

namespace pretzel {
namespace {

Status run_mean(const RunCall& call) noexcept {
  const bool weighted = call.params[0].size > 0;
  const auto* weights = call.params[0].as<double>();
  const int32_t width = call.out->width;
  double total = weighted ? 0.0 : call.n_in;
  for (int32_t i = 0; weighted && i < call.n_in; ++i) total += weights[i];
  for (int32_t r = 0; r < call.rows; ++r) {
    double* __restrict out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) out[j] = 0.0;
    for (int32_t i = 0; i < call.n_in; ++i) {
      const double* in = call.in[i].row(r);
      const double weight = weighted ? weights[i] : 1.0;
      for (int32_t j = 0; j < width; ++j) out[j] += in[j] * weight;
    }
    for (int32_t j = 0; j < width; ++j) out[j] /= total;
  }
  return Status::kOk;
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

constexpr Param kMean[] = {{"weights", f64, "n_in", kMayBeEmpty}};
constexpr Param kMajority[] = {{"classes", i32, ""}, {"weights", f64, "n_in"}};

}  // namespace
PRETZEL_KERNEL(mean, .params = kMean, .run = run_mean, .cost = cost_mean)
PRETZEL_KERNEL(majority, .params = kMajority, .in = {kDense, "1"}, .out = {kDense, "1"}, .bind = bind_majority,
               .check = check_majority, .run = run_majority, .cost = cost_majority)
}  // namespace pretzel
