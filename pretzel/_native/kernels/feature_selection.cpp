// select_sparse: the entries of some columns of sparse rows. `position` is the column of the result, or -1.
#include "core/kernel.h"

namespace pretzel {
namespace {

Status run(const RunCall& call) noexcept {
  const auto* position = call.params[0].as<int32_t>();
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    auto* index = call.arena->alloc_n<int32_t>(static_cast<size_t>(row.size));
    auto* value = call.arena->alloc_n<double>(static_cast<size_t>(row.size));
    if (index == nullptr || value == nullptr) return Status::kNoMemory;
    int64_t size = 0;
    for (int64_t i = 0; i < row.size; ++i) {
      index[size] = position[row.index[i]];
      value[size] = row.value[i];
      size += index[size] >= 0;
    }
    call.out->sparse[r] = {index, value, size};
  }
  return Status::kOk;
}

Cost cost(const CostCall&) {
  return Cost{}.rows({{"call", 10.0}}).payload({{"entries", 1.0}}).produces_nnz(1.0, 0.0).scratch(192.0, 12.0);
}

constexpr Param kParams[] = {{"position", i32, "width", kHoldsIndices | kOrNone, "", "n_columns"}};

}  // namespace
PRETZEL_KERNEL(select_sparse, .params = kParams, .in = {kSparse, "width"}, .out = {kSparse, "n_columns"}, .run = run,
               .cost = cost)
}  // namespace pretzel
