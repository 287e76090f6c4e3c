// concat: inputs side by side; the result is sparse when an input is.
// densify: sparse rows with their zeros.
// densify_missing: sparse rows with NaN for what they do not hold.
#include <cstring>
#include <limits>

#include "core/kernel.h"

namespace pretzel {
namespace {

void concat_dense(const RunCall& call, int32_t r) {
  double* out = call.out->row(r);
  for (int32_t i = 0; i < call.n_in; out += call.in[i].width, ++i) {
    std::memcpy(out, call.in[i].row(r), sizeof(double) * call.in[i].width);
  }
}

Status concat_sparse(const RunCall& call, int32_t r) {
  int64_t bound = 0;
  for (int32_t i = 0; i < call.n_in; ++i) {
    bound += call.in[i].kind == ValueKind::kDense ? call.in[i].width : call.in[i].sparse[r].size;
  }
  auto* index = call.arena->alloc_n<int32_t>(bound);
  auto* value = call.arena->alloc_n<double>(bound);
  if (index == nullptr || value == nullptr) return Status::kNoMemory;
  int64_t size = 0;
  int32_t offset = 0;
  for (int32_t i = 0; i < call.n_in; offset += call.in[i].width, ++i) {
    const View& in = call.in[i];
    if (in.kind == ValueKind::kDense) {
      const double* row = in.row(r);
      for (int32_t j = 0; j < in.width; ++j) {
        if (row[j] == 0.0) continue;
        index[size] = offset + j;
        value[size++] = row[j];
      }
    } else {
      const SparseRow& row = in.sparse[r];
      for (int64_t k = 0; k < row.size; ++k) {
        index[size] = offset + row.index[k];
        value[size++] = row.value[k];
      }
    }
  }
  call.out->sparse[r] = {index, value, size};
  return Status::kOk;
}

Status run_concat(const RunCall& call) noexcept {
  for (int32_t r = 0; r < call.rows; ++r) {
    if (call.out->kind == ValueKind::kDense) {
      concat_dense(call, r);
    } else if (const Status status = concat_sparse(call, r); status != Status::kOk) {
      return status;
    }
  }
  return Status::kOk;
}

Status write_rows(const RunCall& call, double absent) noexcept {
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    for (int32_t j = 0; j < call.out->width; ++j) out[j] = absent;
    const SparseRow& row = call.in[0].sparse[r];
    for (int64_t k = 0; k < row.size; ++k) out[row.index[k]] = row.value[k];
  }
  return Status::kOk;
}

Status run_densify(const RunCall& call) noexcept { return write_rows(call, 0.0); }
Status run_densify_missing(const RunCall& call) noexcept {
  return write_rows(call, std::numeric_limits<double>::quiet_NaN());
}

const char* check_concat(const LoadCall& call) {
  const bool dense = call.out->kind == ValueKind::kDense;
  int64_t width = 0;
  for (const View& in : call.in) {
    if (dense && in.kind != ValueKind::kDense) return "writes dense rows of sparse ones";
    width += in.width;
  }
  return width == call.out->width ? nullptr : "writes a value that is not as wide as its inputs together";
}

Cost cost_concat(const CostCall& call) {
  if (!call.sparse_out) {
    return Cost{}.rows({{"call", 4.0}, {"inputs", 2.0 * call.n_in}, {"columns", 0.2 * call.out_width}});
  }
  return Cost{}
      .rows({{"sparse_call", 20.0}, {"sparse_inputs", 5.0 * call.n_in}})
      .payload({{"entries", 1.0}})
      .produces_nnz(1.0, 0.0)
      .scratch(192.0, 12.0);
}

Cost cost_densify(const CostCall& call) {
  return Cost{}.rows({{"call", 4.0}, {"columns", 0.05 * call.out_width}}).payload({{"entries", 1.0}});
}

}  // namespace
PRETZEL_KERNEL(concat, .in = {kDense | kSparse}, .out = {kDense | kSparse}, .check = check_concat, .run = run_concat,
               .cost = cost_concat)
PRETZEL_KERNEL(densify, .in = {kSparse, "width"}, .run = run_densify, .cost = cost_densify)
PRETZEL_KERNEL(densify_missing, .in = {kSparse, "width"}, .run = run_densify_missing, .cost = cost_densify)
}  // namespace pretzel
