#include "core/program_shape.h"

#include <algorithm>

namespace pretzel {
namespace {

constexpr int64_t kTileBytes = int64_t{384} << 10;  // about a third of a second-level cache
constexpr int32_t kMaxTile = 512;
constexpr int32_t kVectorTile = 16;  // rows that tree kernels score side by side: worth more than cache for wide rows
constexpr int64_t kWideRow = int64_t{256} << 10;
constexpr int32_t kTextTile = 16;  // text rows bring buffers of their own

}  // namespace

void ProgramShape::finish() {
  row_bytes = 0;
  for (int32_t width : buffers) row_bytes += int64_t{8} * width;
  bool text = false;
  for (const LeafSpec& leaf : leaves) {
    const SlotSpec& slot = slots[leaf.slot];
    if (leaf.kind == LeafKind::kNumeric) row_bytes += int64_t{8} * slot.width;
    if (leaf.kind == LeafKind::kCells) row_bytes += static_cast<int64_t>(sizeof(Cell)) * slot.width;
    text = text || leaf.kind == LeafKind::kCells;
  }
  for (const SlotSpec& slot : slots) {
    if (slot.kind == ValueKind::kSparse) {
      row_bytes += sizeof(SparseRow);
      text = true;
    }
  }
  const int64_t fits = kTileBytes / std::max<int64_t>(row_bytes, 1) / kVectorTile * kVectorTile;
  tile = static_cast<int32_t>(std::clamp<int64_t>(fits, row_bytes < kWideRow ? kVectorTile : 1, kMaxTile));
  if (text) tile = std::min(tile, kTextTile * 4);
  const bool own = output >= 0 && slots[output].kind == ValueKind::kDense && slots[output].buffer < 0;
  dense = std::all_of(slots.begin(), slots.end(), [](const SlotSpec& slot) { return slot.kind == ValueKind::kDense; });
  writes_result =
      own && std::none_of(leaves.begin(), leaves.end(), [&](const LeafSpec& l) { return l.slot == output; });
  unary = std::all_of(steps.begin(), steps.end(), [](const Step& step) { return step.n_inputs == 1; });
  max_inputs = 0;
  for (const Step& step : steps) max_inputs = std::max(max_inputs, step.n_inputs);
}

}  // namespace pretzel
