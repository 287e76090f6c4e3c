#include "core/program_shape.h"

#include <algorithm>

namespace pretzel {
namespace {

constexpr int64_t kTileBytes = int64_t{384} << 10;  // about a third of a second-level cache
constexpr int32_t kMaxTile = 512;
constexpr int32_t kVectorTile = 16;  // rows that tree kernels score side by side: worth more than cache for wide rows
constexpr int64_t kWideRow = int64_t{256} << 10;
constexpr int32_t kTextTile = 16;  // text rows bring buffers of their own
constexpr int64_t kMostColumns = int64_t{1} << 27;

constexpr ValueKind kind_of(LeafKind leaf) {
  return leaf == LeafKind::kNumeric ? ValueKind::kDense
         : leaf == LeafKind::kCells ? ValueKind::kCells
                                    : ValueKind::kSparse;
}

/// Which slots a step may read: dense ones always have memory, others are there once they have been written.
class ReadableSlots {
 public:
  explicit ReadableSlots(const ProgramShape& shape) : shape_(shape), written_(shape.slots.size(), 0) {}

  bool is_slot(int32_t at) const { return at >= 0 && static_cast<size_t>(at) < shape_.slots.size(); }
  bool is_leaf(int32_t at) const { return static_cast<size_t>(at) < shape_.leaves.size(); }
  bool reads(int32_t at) const {
    return is_slot(at) && (written_[at] != 0 || shape_.slots[at].kind == ValueKind::kDense);
  }
  void write(int32_t at) { written_[at] = 1; }
  /// Whether a slot lies inside its buffer, or is one that has other memory.
  bool has_memory(int32_t at) const {
    const SlotSpec& slot = shape_.slots[at];
    if (slot.width < 0 || slot.kind > ValueKind::kCells) return false;
    if (slot.kind != ValueKind::kDense || is_leaf(at)) return slot.buffer < 0;
    if (slot.buffer < 0) return at == shape_.output;
    return static_cast<size_t>(slot.buffer) < shape_.buffers.size() && slot.offset >= 0 &&
           int64_t{slot.offset} + slot.width <= shape_.buffers[slot.buffer];
  }

 private:
  const ProgramShape& shape_;
  std::vector<uint8_t> written_;
};

}  // namespace

const char* ProgramShape::check() const {
  ReadableSlots readable(*this);
  int64_t columns = readable.is_slot(output) && slots[output].kind == ValueKind::kDense ? slots[output].width : 0;
  for (const int32_t width : buffers) {
    if (width < 0) return "has a buffer of a negative width";
    columns += width;
  }
  if (columns > kMostColumns) return "takes too much memory for a row";
  for (size_t i = 0; i < leaves.size(); ++i) {
    const bool known = i < slots.size() && leaves[i].slot == static_cast<int32_t>(i);
    if (!known || slots[i].kind != kind_of(leaves[i].kind)) return "has a leaf without a slot of its kind";
    readable.write(leaves[i].slot);
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    if (!readable.has_memory(static_cast<int32_t>(i))) return "has a slot outside its buffer";
  }
  for (const Step& step : steps) {
    for (const int32_t at : inputs_of(step)) {
      if (!readable.reads(at)) return "reads what no step before has written";
    }
    if (step.output == -1) continue;
    if (!readable.is_slot(step.output) || readable.is_leaf(step.output)) return "writes to what is no slot of its own";
    readable.write(step.output);
  }
  if (!readable.reads(output)) return "has no result";
  if (sources.size() > leaves.size()) return "has more sources than leaves";
  auto entry = subplan_steps.begin();
  for (size_t s = 0; s < steps.size(); ++s) {
    const bool listed = entry != subplan_steps.end() && entry->step == static_cast<int32_t>(s);
    if (listed != steps[s].kernel->has(kRunsSubPlan)) return "has sub-plans where its kernels run none, or the reverse";
    if (listed && entry++->first_body < 0) return "has sub-plans with numbers below 0";
  }
  if (entry != subplan_steps.end()) return "has sub-plans of steps that are not there";
  const bool ascend = std::is_sorted(stage_ends.begin(), stage_ends.end());
  const int32_t end = stage_ends.empty() ? 0 : stage_ends.back();
  return ascend && end == static_cast<int32_t>(steps.size()) ? nullptr : "has stages that are not its steps";
}

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
  const int64_t all = row_bytes + subplan_row_bytes;
  const int64_t fits = kTileBytes / std::max<int64_t>(all, 1) / kVectorTile * kVectorTile;
  tile = static_cast<int32_t>(std::clamp<int64_t>(fits, all < kWideRow ? kVectorTile : 1, kMaxTile));
  if (text) tile = std::min(tile, kTextTile * 4);
  const bool own = output >= 0 && slots[output].kind == ValueKind::kDense && slots[output].buffer < 0;
  dense = std::all_of(slots.begin(), slots.end(), [](const SlotSpec& slot) { return slot.kind == ValueKind::kDense; });
  writes_result =
      own && std::none_of(leaves.begin(), leaves.end(), [&](const LeafSpec& l) { return l.slot == output; });
  unary = subplan_steps.empty() &&
          std::all_of(steps.begin(), steps.end(), [](const Step& step) { return step.n_inputs == 1; });
  has_order = std::any_of(steps.begin(), steps.end(),
                          [this](const Step& step) { return step.output == output && step.kernel->has(kHasOrder); });
  max_inputs = 0;
  for (const Step& step : steps) max_inputs = std::max(max_inputs, step.n_inputs);
}

const SubPlanStep& ProgramShape::subplans_of(int32_t step) const noexcept {
  return *std::lower_bound(subplan_steps.begin(), subplan_steps.end(), step,
                           [](const SubPlanStep& entry, int32_t at) { return entry.step < at; });
}

}  // namespace pretzel
