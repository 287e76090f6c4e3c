#include "scheduler/prefix_batch.h"

#include <cstring>

#include "core/cache.h"

namespace pretzel {
namespace {

/// Copies rows of a view to another view of the same kind and width, from row `at` on.
void copy_rows(const View& from, int64_t first, int32_t rows, const View& to, int64_t at) {
  const auto width = static_cast<size_t>(from.width);
  switch (from.kind) {
    case ValueKind::kSparse:
      std::memcpy(to.sparse + at, from.sparse + first, sizeof(SparseRow) * static_cast<size_t>(rows));
      return;
    case ValueKind::kCells:
      for (int32_t r = 0; r < rows; ++r) {
        std::memcpy(to.cells + (at + r) * to.stride, from.cells + (first + r) * from.stride, sizeof(Cell) * width);
      }
      return;
    case ValueKind::kDense:
      for (int32_t r = 0; r < rows; ++r) std::memcpy(to.row(at + r), from.row(first + r), sizeof(double) * width);
  }
}

/// Allocates the rows of all parts in the slot of a leaf; sparse slots have been allocated already.
bool make_room(View* view, int32_t rows, Arena* arena) {
  const size_t n = static_cast<size_t>(rows) * static_cast<size_t>(view->width);
  view->stride = view->width;
  if (view->kind == ValueKind::kDense) view->dense = arena->alloc_n<double>(n + 1);
  if (view->kind == ValueKind::kCells) view->cells = arena->alloc_n<Cell>(n + 1);
  return view->kind == ValueKind::kSparse || view->dense != nullptr || view->cells != nullptr;
}

}  // namespace

const CachedRange* shared_prefix(const Program& program) noexcept {
  for (const CachedRange& range : program.cached_ranges) {
    if (range.begin == 0 && range.computation->users.load(std::memory_order_relaxed) > 1) return &range;
  }
  return nullptr;
}

bool run_prefix_batch(const Program& program, const PrefixBatchPart* parts, int n, Arena* arena) noexcept {
  int32_t rows = 0;
  for (int i = 0; i < n; ++i) rows += parts[i].rows;
  TileState tile;
  if (!tile.reserve(program, rows, *arena) || !tile.lay_out(0, rows)) return false;
  const CachedRange& prefix = *parts[0].prefix;
  for (size_t leaf = 0; leaf < prefix.inputs.size(); ++leaf) {
    View& view = tile.slot(prefix.inputs[leaf]);
    if (!make_room(&view, rows, arena)) return false;
    int64_t at = 0;
    for (int i = 0; i < n; ++i) {
      copy_rows(parts[i].tile->slot(parts[i].prefix->inputs[leaf]), 0, parts[i].rows, view, at);
      at += parts[i].rows;
    }
  }
  const Request no_request{};  // steps know rows, not requests
  if (tile.run(no_request, 0, prefix.end).status != Status::kOk) return false;
  int64_t at = 0;
  for (int i = 0; i < n; ++i) {
    copy_rows(tile.slot(prefix.output), at, parts[i].rows, parts[i].tile->slot(parts[i].prefix->output), 0);
    at += parts[i].rows;
  }
  return true;
}

}  // namespace pretzel
