// linear: x @ weights + bias for dense or sparse x.
// linear_heads: the same for outputs that are summed as if each were alone.
// linear_in_order: the same for one output or more, each summed entry by entry.
// checked_linear: as linear; stops at the first value of x that the source estimator rejects.
// linear_float32: bias, then the products column by column, each product and sum rounded to float32; NaN adds nothing.
// sum: inputs added up in order, then bias.
//
// Order of sums. One output: eight lanes over the columns (dot8). Several: column after column for each output,
// vectorised across outputs, so that neither the number of rows nor the shape of a register block shows in the bits.
#include <algorithm>

#include "core/finite.h"
#include "core/kernel.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr int32_t kRows = 4;                           // rows of a register block
constexpr int kVectors = kNativeLanes == 2 ? 4 : 2;    // of outputs, as far as there are registers
constexpr int32_t kLanes = 8;                          // of a sum with one output
constexpr int64_t kEntriesAhead = 4;                   // between the prefetch of a row of weights and its use
constexpr int32_t kOutputs = kVectors * kNativeLanes;  // of a block, at most

/// R rows x V vectors of outputs, all columns; `n` outputs where the last vector is not whole.
template <int R, int V, bool kWhole>
void block(const double* const* x, int32_t width, const double* w, int64_t n_out, const double* bias,
           double* const* out, int32_t n) {
  const FirstLanes lanes(kWhole ? kNativeLanes : n - (V - 1) * kNativeLanes);
  const auto load = [&lanes](const double* p, int v) {
    return kWhole || v + 1 < V ? loadn(p + v * kNativeLanes) : lanes.load(p + v * kNativeLanes);
  };
  f64xn acc[R][V] = {};
  for (int32_t k = 0; k < width; ++k) {
    f64xn weight[V];
    for (int v = 0; v < V; ++v) weight[v] = load(w + k * n_out, v);
    for (int r = 0; r < R; ++r) {
      for (int v = 0; v < V; ++v) acc[r][v] += x[r][k] * weight[v];
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const f64xn sum = acc[r][v] + load(bias, v);
      double* to = out[r] + v * kNativeLanes;
      if (kWhole || v + 1 < V) {
        std::memcpy(to, &sum, sizeof sum);
      } else {
        lanes.store(to, sum);
      }
    }
  }
}

/// V vectors of outputs from `first` over all rows of the tile.
template <int V, bool kWhole>
void strip(const RunCall& call, const double* weights, const double* bias, int32_t first, int32_t n) {
  const View& in = call.in[0];
  const int32_t width = in.width, n_out = call.out->width;
  for (int32_t r = 0; r < call.rows; r += kRows) {
    const double* x[kRows];
    double* out[kRows];
    const int32_t rows = call.rows - r < kRows ? call.rows - r : kRows;
    for (int32_t i = 0; i < rows; ++i) {
      x[i] = in.row(r + i);
      out[i] = call.out->row(r + i) + first;
    }
    if (rows == kRows) {
      block<kRows, V, kWhole>(x, width, weights + first, n_out, bias + first, out, n);
    } else {
      for (int32_t i = 0; i < rows; ++i) {
        block<1, V, kWhole>(x + i, width, weights + first, n_out, bias + first, out + i, n);
      }
    }
  }
}

/// `n` outputs from `first`, in as few vectors as hold them.
template <int V>
void strip_of(const RunCall& call, const double* weights, const double* bias, int32_t first, int32_t n) {
  if constexpr (V > 1) {
    if (n <= (V - 1) * kNativeLanes) return strip_of<V - 1>(call, weights, bias, first, n);
  }
  if (n == V * kNativeLanes) return strip<V, true>(call, weights, bias, first, n);
  strip<V, false>(call, weights, bias, first, n);
}

void dense_outputs(const RunCall& call, const double* weights, const double* bias) {
  const int32_t n_out = call.out->width;
  for (int32_t j = 0; j < n_out; j += kOutputs) {
    strip_of<kVectors>(call, weights, bias, j, n_out - j < kOutputs ? n_out - j : kOutputs);
  }
}

/// Entry i goes to lane i % 4; lanes are combined as (0+2)+(1+3).
double sparse_dot(const SparseRow& row, const double* weights) {
  double lane[4] = {0, 0, 0, 0};
  for (int64_t i = 0; i < row.size; ++i) lane[i & 3] += row.value[i] * weights[row.index[i]];
  return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

/// Entry after entry for each output.
void sparse_in_order(const SparseRow& row, const double* weights, int64_t n_out, const double* bias,
                     double* __restrict out) {
  for (int64_t j = 0; j < n_out; ++j) out[j] = 0.0;
  for (int64_t i = 0; i < row.size; ++i) {
    const double value = row.value[i];
    const double* w = weights + row.index[i] * n_out;
    for (int64_t j = 0; j < n_out; ++j) out[j] += value * w[j];
  }
  for (int64_t j = 0; j < n_out; ++j) out[j] += bias[j];
}

void sparse_outputs(const RunCall& call, const double* weights, const double* bias) {
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    if (call.out->width == 1) {
      call.out->row(r)[0] = sparse_dot(row, weights) + bias[0];
    } else {
      sparse_in_order(row, weights, call.out->width, bias, call.out->row(r));
    }
  }
}

constexpr Param kLinear[] = {{"weights", f64, "width n_out"}, {"bias", f64, "n_out"}};
constexpr Param kChecked[] = {{"weights", f64, "width n_out"}, {"bias", f64, "n_out"}, {"allow_nan", u8, ""}};
constexpr Param kLinearFloat32[] = {{"weights", DType::kFloat32, "width n_out"}, {"bias", DType::kFloat32, "n_out"}};
constexpr Param kSum[] = {{"bias", f64, "width"}};

Status run_linear(const RunCall& call) noexcept {
  const auto* weights = call.params[index_of(kLinear, "weights")].as<double>();
  const auto* bias = call.params[index_of(kLinear, "bias")].as<double>();
  if (call.in[0].kind == ValueKind::kSparse) {
    sparse_outputs(call, weights, bias);
  } else if (call.out->width == 1) {
    for (int32_t r = 0; r < call.rows; ++r) {
      call.out->row(r)[0] = dot8(call.in[0].row(r), weights, call.in[0].width) + bias[0];
    }
  } else {
    dense_outputs(call, weights, bias);
  }
  return Status::kOk;
}

Status run_in_order(const RunCall& call) noexcept {
  const auto* weights = call.params[index_of(kLinear, "weights")].as<double>();
  const auto* bias = call.params[index_of(kLinear, "bias")].as<double>();
  if (call.in[0].kind == ValueKind::kDense) {
    dense_outputs(call, weights, bias);
    return Status::kOk;
  }
  for (int32_t r = 0; r < call.rows; ++r) {
    sparse_in_order(call.in[0].sparse[r], weights, call.out->width, bias, call.out->row(r));
  }
  return Status::kOk;
}

/// One vector of heads of a dense row: lane k % 8 of each head takes column k, as in dot8.
template <class Lanes>
void dense_heads(const double* x, int32_t width, const double* w, int64_t n_out, const double* bias, double* out,
                 const Lanes& lanes) {
  f64xn acc[kLanes] = {};
  int32_t k = 0;
  for (; k + kLanes <= width; k += kLanes) {
#pragma GCC unroll 8
    for (int32_t l = 0; l < kLanes; ++l) acc[l] += x[k + l] * lanes.load(w + (k + l) * n_out);
  }
#pragma GCC unroll 8
  for (int32_t l = 0; l < kLanes; ++l) {
    if (k + l < width) acc[l] += x[k + l] * lanes.load(w + (k + l) * n_out);
  }
  const f64xn sum = ((acc[0] + acc[4]) + (acc[2] + acc[6])) + ((acc[1] + acc[5]) + (acc[3] + acc[7]));
  lanes.store(out, sum + lanes.load(bias));
}

/// All heads of a sparse row: lane i % 4 of each head takes entry i, as in sparse_dot. `acc` is room for the lanes.
void sparse_heads(const SparseRow& row, const double* weights, int64_t n_out, const double* bias, double* acc,
                  double* __restrict out) {
  std::memset(acc, 0, sizeof(double) * static_cast<size_t>(4 * n_out));
  for (int64_t i = 0; i < row.size; ++i) {
    if (i + kEntriesAhead < row.size) {
      const double* later = weights + row.index[i + kEntriesAhead] * n_out;
      for (int64_t j = 0; j < n_out; j += kLanes) __builtin_prefetch(later + j);
    }
    const double value = row.value[i];
    const double* w = weights + row.index[i] * n_out;
    double* __restrict lane = acc + (i & 3) * n_out;
    for (int64_t j = 0; j < n_out; ++j) lane[j] += value * w[j];
  }
  const double *first = acc, *second = acc + n_out, *third = acc + 2 * n_out, *fourth = acc + 3 * n_out;
  for (int64_t j = 0; j < n_out; ++j) out[j] = ((first[j] + third[j]) + (second[j] + fourth[j])) + bias[j];
}

Status run_heads(const RunCall& call) noexcept {
  const auto* weights = call.params[index_of(kLinear, "weights")].as<double>();
  const auto* bias = call.params[index_of(kLinear, "bias")].as<double>();
  const int32_t n_out = call.out->width;
  if (call.in[0].kind == ValueKind::kSparse) {
    const Arena::Mark mark = call.arena->mark();
    auto* acc = call.arena->alloc_n<double>(4 * static_cast<size_t>(n_out));
    if (acc == nullptr) return Status::kNoMemory;
    for (int32_t r = 0; r < call.rows; ++r) {
      sparse_heads(call.in[0].sparse[r], weights, n_out, bias, acc, call.out->row(r));
    }
    call.arena->release(mark);
    return Status::kOk;
  }
  each_register(n_out, [&](int32_t j, const auto& lanes) {
    for (int32_t r = 0; r < call.rows; ++r) {
      dense_heads(call.in[0].row(r), call.in[0].width, weights + j, n_out, bias + j, call.out->row(r) + j, lanes);
    }
  });
  return Status::kOk;
}

/// A product of NaN or infinity is neither finite nor lost in a sum: a finite output proves that the row was.
Status run_checked(const RunCall& call) noexcept {
  run_linear(call);
  for (int32_t r = 0; r < call.rows; ++r) {
    if (std::isfinite(call.out->row(r)[0])) continue;
    const bool allow_nan = call.params[index_of(kChecked, "allow_nan")].scalar<uint8_t>() != 0;
    const Status status = check_row(FiniteCheck(allow_nan), call, r);
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

/// Sparse rows for run_linear_float32: entries in ascending order of their columns, as SciPy has them.
Status run_sparse_float32(const RunCall& call) noexcept {
  const auto* weights = call.params[0].as<float>();
  const auto* bias = call.params[1].as<float>();
  const int32_t n_out = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const Arena::Mark mark = call.arena->mark();
    const SparseRow& row = call.in[0].sparse[r];
    auto* order = call.arena->alloc_n<int64_t>(static_cast<size_t>(row.size));
    auto* sums = call.arena->alloc_n<float>(static_cast<size_t>(n_out));
    if (order == nullptr || sums == nullptr) return Status::kNoMemory;
    for (int64_t i = 0; i < row.size; ++i) order[i] = i;
    std::sort(order, order + row.size, [&row](int64_t a, int64_t b) { return row.index[a] < row.index[b]; });
    std::copy(bias, bias + n_out, sums);
    for (int64_t i = 0; i < row.size; ++i) {
      const auto value = static_cast<float>(row.value[order[i]]);
      const float* products = weights + int64_t{row.index[order[i]]} * n_out;
      for (int32_t j = 0; value == value && j < n_out; ++j) sums[j] += value * products[j];
    }
    std::copy(sums, sums + n_out, call.out->row(r));
    call.arena->release(mark);
  }
  return Status::kOk;
}

Status run_linear_float32(const RunCall& call) noexcept {
  if (call.in[0].kind == ValueKind::kSparse) return run_sparse_float32(call);
  const auto* weights = call.params[0].as<float>();
  const auto* bias = call.params[1].as<float>();
  const int32_t width = call.in[0].width, n_out = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* x = call.in[0].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < n_out; ++j) {
      float sum = bias[j];
      for (int32_t i = 0; i < width; ++i) {
        const auto value = static_cast<float>(x[i]);
        if (value == value) sum += value * weights[int64_t{i} * n_out + j];
      }
      out[j] = sum;
    }
  }
  return Status::kOk;
}

Status run_sum(const RunCall& call) noexcept {
  const auto* bias = call.params[0].as<double>();
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) {
      double total = call.in[0].row(r)[j];
      for (int32_t i = 1; i < call.n_in; ++i) total += call.in[i].row(r)[j];
      out[j] = total + bias[j];
    }
  }
  return Status::kOk;
}

Cost cost_linear(const CostCall& call) {
  const double width = call.in_width, outputs = call.out_width;
  if (call.sparse_in) {
    const double misses = doublings(8.0 * static_cast<double>(call.params[0].size), 1e6);
    if (call.out_width == 1) {
      return Cost{}.rows({{"sparse_call", 10.0}}).payload({{"entries", 1.0}, {"misses", 0.3 * misses}});
    }
    return Cost{}
        .rows({{"sparse_call", 10.0}, {"sparse_outputs", 0.5 * outputs}})
        .payload({{"products", 1.0 + 0.25 * outputs}, {"product_misses", 0.3 * misses}});
  }
  if (call.out_width == 1) {
    return Cost{}.rows({{"call", 4.0},
                        {"vectors", 1.0 * static_cast<double>(call.in_width / kLanes)},
                        {"tail", call.in_width % kLanes != 0 ? 14.0 : 0.0}});
  }
  const double vectors = std::ceil(outputs / kLanes), strips = std::ceil(vectors / 2);
  return Cost{}
      .rows({{"matrix_call", 6.0},
             {"outputs", 1.5 * outputs},
             {"vector_products", 0.3 * width * vectors},
             {"strip_products", 0.1 * width * strips}})
      .first_row({{"matrix_call", 15.0},
                  {"outputs", 1.5 * outputs},
                  {"vector_products", 0.1 * width * vectors},
                  {"strip_products", 1.0 * width * strips}});
}

Cost cost_heads(const CostCall& call) {
  const double width = call.in_width, outputs = call.out_width, vectors = std::ceil(outputs / kLanes);
  if (call.sparse_in) {
    const double misses = doublings(8.0 * static_cast<double>(call.params[0].size), 1e6);
    return Cost{}
        .rows({{"sparse_call", 10.0}, {"sparse_outputs", 2.0 * outputs}})
        .payload({{"products", 1.0 + 0.3 * outputs}, {"product_misses", 0.3 * misses}})
        .scratch(64.0 + 32.0 * outputs, 0.0);
  }
  return Cost{}.rows({{"call", 6.0}, {"outputs", 1.5 * outputs}, {"vector_products", 0.6 * width * vectors}});
}

Cost cost_in_order(const CostCall& call) {
  const double products = static_cast<double>(call.in_width) * call.out_width;
  if (!call.sparse_in) return Cost{}.rows({{"call", 6.0}, {"dense_products", 1.0 * products}});
  const double misses = doublings(8.0 * static_cast<double>(call.params[0].size), 1e6);
  return Cost{}
      .rows({{"sparse_call", 10.0}, {"sparse_outputs", 0.5 * call.out_width}})
      .payload({{"products", 1.0 + 0.25 * call.out_width}, {"product_misses", 0.3 * misses}});
}

Cost cost_linear_float32(const CostCall& call) {
  if (call.sparse_in) return Cost{}.rows({{"call", 4.0}}).payload({{"products", 5.0 + 0.4 * call.out_width}});
  return Cost{}.rows({{"call", 4.0}, {"products", 1.5 * call.in_width * call.out_width}});
}

Cost cost_sum(const CostCall& call) {
  const double outputs = call.out_width;
  return Cost{}.rows({{"call", 2.0}, {"outputs", 1.0 * outputs}, {"additions", 0.5 * outputs * (call.n_in - 1.0)}});
}

}  // namespace
PRETZEL_KERNEL(linear, .params = kLinear, .in = {kDense | kSparse, "width"}, .out = {kDense, "n_out"},
               .run = run_linear, .cost = cost_linear)
PRETZEL_KERNEL(linear_heads, .params = kLinear, .in = {kDense | kSparse, "width"}, .out = {kDense, "n_out"},
               .run = run_heads, .cost = cost_heads)
PRETZEL_KERNEL(linear_in_order, .params = kLinear, .in = {kDense | kSparse, "width"}, .out = {kDense, "n_out"},
               .run = run_in_order, .cost = cost_in_order)
PRETZEL_KERNEL(checked_linear, .params = kChecked, .in = {kDense | kSparse, "width"}, .out = {kDense, "n_out"},
               .run = run_checked, .cost = cost_linear)
PRETZEL_KERNEL(linear_float32, .params = kLinearFloat32, .in = {kDense | kSparse, "width"}, .out = {kDense, "n_out"},
               .run = run_linear_float32, .cost = cost_linear_float32)
PRETZEL_KERNEL(sum, .params = kSum, .run = run_sum, .cost = cost_sum)
}  // namespace pretzel
