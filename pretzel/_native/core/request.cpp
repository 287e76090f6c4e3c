#include "core/request.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>

namespace pretzel {
namespace {

void copy_rows(const View& from, int32_t rows, double* to) {
  for (int32_t r = 0; r < rows; ++r, to += from.width) std::memcpy(to, from.row(r), sizeof(double) * from.width);
}

}  // namespace

void CsrResult::append(const View& out, int32_t rows, bool has_order) {
  std::vector<int32_t> order;
  for (int32_t r = 0; r < rows; ++r) {
    const SparseRow& row = out.sparse[r];
    order.resize(row.size);
    std::iota(order.begin(), order.end(), 0);
    if (!has_order) {
      std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row.index[a] < row.index[b]; });
    }
    for (int32_t k : order) {
      indices.push_back(row.index[k]);
      data.push_back(row.value[k]);
    }
    indptr.push_back(static_cast<int64_t>(indices.size()));
  }
}

bool Request::emit(const View& out, int32_t rows, int64_t first, bool has_order) const noexcept {
  if (out.kind == ValueKind::kDense) {
    copy_rows(out, rows, result + first * out.width);
    return true;
  }
  try {
    sparse_result->append(out, rows, has_order);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

Tracer::Tracer(const Program& program, int64_t rows)
    : dense(program.shape->steps.size()), sparse(program.shape->steps.size()) {
  for (size_t s = 0; s < program.shape->steps.size(); ++s) {
    const int32_t slot = program.shape->steps[s].output;
    if (slot >= 0 && program.shape->slots[slot].kind == ValueKind::kDense)
      dense[s].resize(rows * program.shape->slots[slot].width);
  }
}

void Tracer::on_step(int32_t step, const View& out, int64_t first_row, int32_t rows) {
  if (out.kind == ValueKind::kCells) return;  // texts are not kept: they belong to the caller
  if (out.kind == ValueKind::kSparse) return sparse[step].append(out, rows, false);
  copy_rows(out, rows, dense[step].data() + first_row * out.width);
}

}  // namespace pretzel
