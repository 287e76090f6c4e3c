// pair_decisions: a score for each pair of classes, from values of samples that are sorted by class.
// pair_votes: the class that wins most pairs by their scores, the first of equals.
// pair_coupling: probabilities of classes from scores of pairs.
//
// Pairs stand in the order (0, 1), (0, 2), ..., (1, 2), ...
#include <cmath>

#include "core/kernel.h"
#include "core/vmath.h"

namespace pretzel {
namespace {

constexpr Param kDecisions[] = {{"coefficients", f64, "n_others n_samples"},
                                {"starts", i32, "classes+1", kHoldsOffsets, "", "n_samples"},
                                {"bias", f64, "n_pairs"}};

/// Row m of the coefficients belongs to the m-th of the other classes. Each class is summed for itself, in lanes.
Status run_decisions(const RunCall& call) noexcept {
  const Array& coefficients = call.params[index_of(kDecisions, "coefficients")];
  const auto* starts = call.params[index_of(kDecisions, "starts")].as<int32_t>();
  const auto* bias = call.params[index_of(kDecisions, "bias")].as<double>();
  const int64_t others = coefficients.shape[0], samples = coefficients.shape[1], classes = others + 1;
  const Arena::Mark mark = call.arena->mark();
  auto* parts = call.arena->alloc_n<double>(static_cast<size_t>(classes * others));
  if (parts == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* x = call.in[0].row(r);
    for (int64_t c = 0; c < classes; ++c) {
      const int64_t first = starts[c], size = starts[c + 1] - first;
      for (int64_t m = 0; m < others; ++m) {
        parts[c * others + m] = dot8(x + first, coefficients.as<double>() + m * samples + first, size);
      }
    }
    double* out = call.out->row(r);
    int64_t pair = 0;
    for (int64_t i = 0; i < classes; ++i) {
      for (int64_t j = i + 1; j < classes; ++j, ++pair) {
        out[pair] = (parts[i * others + j - 1] + parts[j * others + i]) + bias[pair];
      }
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

const char* check_decisions(const LoadCall& call) {
  constexpr int64_t kMost = 1 << 12;  // of classes: each pair has a number in the arena
  const int64_t others = call.params[0].shape[0], classes = call.params[1].size - 1;
  if (classes < 2 || classes > kMost || others != classes - 1) return "has not a row for each of the other classes";
  return call.out->width == classes * others / 2 ? nullptr : "has not a column for each pair of classes";
}

Status run_votes(const RunCall& call) noexcept {
  const auto classes = call.params[0].scalar<int32_t>();
  const Arena::Mark mark = call.arena->mark();
  auto* votes = call.arena->alloc_n<int32_t>(static_cast<size_t>(classes));
  if (votes == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* score = call.in[0].row(r);
    for (int32_t c = 0; c < classes; ++c) votes[c] = 0;
    for (int32_t i = 0; i < classes; ++i) {
      for (int32_t j = i + 1; j < classes; ++j) ++votes[*score++ > 0.0 ? i : j];
    }
    int32_t winner = 0;
    for (int32_t c = 1; c < classes; ++c) winner = votes[c] > votes[winner] ? c : winner;
    call.out->row(r)[0] = winner;
  }
  call.arena->release(mark);
  return Status::kOk;
}

const char* check_classes(const LoadCall& call) {
  constexpr int64_t kMost = 1 << 12;
  const int64_t classes = call.params[0].scalar<int32_t>();
  if (classes < 2 || classes > kMost) return "'classes' is less than 2, or too large";
  return call.in[0].width == classes * (classes - 1) / 2 ? nullptr : "has not a column for each pair of classes";
}

constexpr Param kClasses[] = {{"classes", i32, ""}};
constexpr Param kCoupling[] = {{"classes", i32, ""}, {"slopes", f64, "n_pairs"}, {"intercepts", f64, "n_pairs"}};

/// Probability of the first class of a pair.
f64x8 first_of_pair(f64x8 score, f64x8 slope, f64x8 intercept) {
  const f64x8 x = score * slope + intercept;
  const f64x8 e = vexp(x < 0.0 ? x : -x);
  return (x >= 0.0 ? e : splat8(1.0)) / (1.0 + e);
}

/// Room for k classes: the probabilities of pairs, what the iteration minimises, and its products.
struct Room {
  double *pairs, *q, *qp;
};

/// The second method of Wu, Lin and Weng (2004), with the order of sums and the end of the iteration of libsvm.
void couple(const Room& room, int64_t k, double* p) {
  const double eps = 0.005 / static_cast<double>(k);
  const double* r = room.pairs;
  for (int64_t t = 0; t < k; ++t) {
    p[t] = 1.0 / static_cast<double>(k);
    double* q = room.q + t * k;
    q[t] = 0.0;
    for (int64_t j = 0; j < k; ++j) {
      if (j == t) continue;
      q[t] += r[j * k + t] * r[j * k + t];
      q[j] = j < t ? room.q[j * k + t] : -r[j * k + t] * r[t * k + j];
    }
  }
  const int64_t most = k > 100 ? k : 100;
  for (int64_t iteration = 0; iteration < most; ++iteration) {
    double pqp = 0.0, largest = 0.0;
    for (int64_t t = 0; t < k; ++t) {
      double sum = 0.0;
      for (int64_t j = 0; j < k; ++j) sum += room.q[t * k + j] * p[j];
      room.qp[t] = sum;
      pqp += p[t] * sum;
    }
    for (int64_t t = 0; t < k; ++t) {
      const double error = std::fabs(room.qp[t] - pqp);
      if (error > largest) largest = error;
    }
    if (largest < eps) break;
    for (int64_t t = 0; t < k; ++t) {
      const double* q = room.q + t * k;
      const double step = (-room.qp[t] + pqp) / q[t];
      p[t] += step;
      pqp = (pqp + step * (step * q[t] + 2.0 * room.qp[t])) / (1.0 + step) / (1.0 + step);
      for (int64_t j = 0; j < k; ++j) {
        room.qp[j] = (room.qp[j] + step * q[j]) / (1.0 + step);
        p[j] /= 1.0 + step;
      }
    }
  }
}

Status run_coupling(const RunCall& call) noexcept {
  constexpr double kLeast = 1e-7;
  const int64_t classes = call.out->width, pairs = call.in[0].width;
  const auto* slopes = call.params[index_of(kCoupling, "slopes")].as<double>();
  const auto* intercepts = call.params[index_of(kCoupling, "intercepts")].as<double>();
  const Arena::Mark mark = call.arena->mark();
  auto* memory = call.arena->alloc_n<double>(static_cast<size_t>(2 * classes * classes + classes + pairs));
  if (memory == nullptr) return Status::kNoMemory;
  const Room room{memory, memory + classes * classes, memory + 2 * classes * classes};
  double* first = room.qp + classes;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* score = call.in[0].row(r);
    int64_t n = 0;
    for (; n + 8 <= pairs; n += 8) {
      store8(first + n, first_of_pair(load8(score + n), load8(slopes + n), load8(intercepts + n)));
    }
    if (n < pairs) {
      const int64_t rest = pairs - n;
      const f64x8 last =
          first_of_pair(load_tail(score + n, rest), load_tail(slopes + n, rest), load_tail(intercepts + n, rest));
      store_tail(first + n, last, rest);
    }
    const double* next = first;
    for (int64_t i = 0; i < classes; ++i) {
      for (int64_t j = i + 1; j < classes; ++j, ++next) {
        const double above = *next > kLeast ? *next : kLeast;
        const double p = above < 1.0 - kLeast ? above : 1.0 - kLeast;
        room.pairs[i * classes + j] = p;
        room.pairs[j * classes + i] = 1.0 - p;
      }
    }
    couple(room, classes, call.out->row(r));
  }
  call.arena->release(mark);
  return Status::kOk;
}

const char* check_coupling(const LoadCall& call) {
  const char* wrong = check_classes(call);
  const bool fits = call.out->width == call.params[0].scalar<int32_t>() && call.params[1].size == call.in[0].width;
  return wrong != nullptr ? wrong : fits ? nullptr : "has not a number for each pair of classes";
}

Cost cost_decisions(const CostCall& call) {
  const double pairs = call.out_width;
  const auto classes = static_cast<double>(call.params[1].size - 1);
  return Cost{}
      .rows({{"call", 8.0},
             {"sums", 5.0 * classes * (classes - 1.0)},
             {"products", 0.25 * call.in_width * (classes - 1.0)},
             {"pairs", 1.0 * pairs}})
      .scratch(64.0 + 16.0 * pairs, 0.0);
}

Cost cost_votes(const CostCall& call) {
  const double classes = call.params[0].scalar<int32_t>();
  return Cost{}
      .rows({{"call", 5.0}, {"pairs", 1.5 * call.in_width}, {"classes", 1.5 * classes}})
      .scratch(64.0 + 4.0 * classes, 0.0);
}

Cost cost_coupling(const CostCall& call) {
  const double classes = call.out_width, square = classes * classes;
  return Cost{}
      .rows({{"call", 10.0}, {"pairs", 4.0 * call.in_width}, {"rounds", 20.0 * square}})
      .scratch(128.0 + 24.0 * square, 0.0);
}

}  // namespace
PRETZEL_KERNEL(pair_decisions, .params = kDecisions, .in = {kDense, "n_samples"}, .out = {kDense, "n_pairs"},
               .check = check_decisions, .run = run_decisions, .cost = cost_decisions)
PRETZEL_KERNEL(pair_votes, .params = kClasses, .in = {kDense, "n_pairs"}, .out = {kDense, "1"}, .check = check_classes,
               .run = run_votes, .cost = cost_votes)
PRETZEL_KERNEL(pair_coupling, .params = kCoupling, .in = {kDense, "n_pairs"}, .out = {kDense, "classes"},
               .check = check_coupling, .run = run_coupling, .cost = cost_coupling)
}  // namespace pretzel
