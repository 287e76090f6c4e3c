#include "plan.h"

#include <algorithm>

#include "cache.h"

namespace pretzel {
namespace {

constexpr int64_t kTileBytes = int64_t{384} << 10;  // about a third of a second-level cache
constexpr int32_t kMaxTile = 512;
constexpr int32_t kVectorTile = 16;  // rows that tree kernels score side by side: worth more than cache for wide rows
constexpr int64_t kWideRow = int64_t{256} << 10;
constexpr int32_t kTextTile = 16;      // text rows bring buffers of their own
constexpr int64_t kSmallParam = 4096;  // bytes that a row reads all of; in larger arrays it picks what it needs
constexpr size_t kHead = 128;          // bytes of a state whose kernel says no more

int64_t bytes_of(const Array& array) {
  switch (array.dtype) {
    case DType::kFloat64:
    case DType::kInt64:
    case DType::kUint64:
      return array.size * 8;
    case DType::kFloat32:
    case DType::kInt32:
    case DType::kUint32:
      return array.size * 4;
    case DType::kInt16:
    case DType::kUint16:
      return array.size * 2;
    case DType::kUint8:
      return array.size;
  }
  return 0;
}

template <class T>
void add_vector(const std::vector<T>& items, Lines* lines) {
  lines->add(items.data(), items.size() * sizeof(T));
}

}  // namespace

void Program::finish() {
  row_bytes = 0;
  for (int32_t width : buffers) row_bytes += int64_t{8} * width;
  bool text = false;
  for (const LeafSpec& leaf : leaves) {
    const SlotSpec& slot = slots[leaf.slot];
    if (leaf.kind == LeafKind::kNumeric) row_bytes += int64_t{8} * slot.width;
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
  call_cost = 50.0;
  const Cost cost = cost_of(0, static_cast<int32_t>(steps.size()));
  one_row = per_row = cost.per_row;
  per_unit = cost.per_unit;
  max_inputs = 0;
  for (const Step& step : steps) max_inputs = std::max<int32_t>(max_inputs, static_cast<int32_t>(step.inputs.size()));
  meter.resize(steps.size());
  const bool own = output >= 0 && slots[output].kind == ValueKind::kDense && slots[output].buffer < 0;
  writes_result =
      own && std::none_of(leaves.begin(), leaves.end(), [&](const LeafSpec& l) { return l.slot == output; });
}

void Program::remember(Memo* memo, int32_t begin, int32_t end, int32_t output, const std::vector<int32_t>& inputs) {
  const bool all = begin == 0 && end == static_cast<int32_t>(steps.size());
  (all ? whole : recalls).push_back({memo, begin, end, output, inputs, cost_of(begin, end)});
  recalling = recalling || memo->cache->budget() > 0;
}

Cost Program::cost_of(int32_t begin, int32_t end) const {
  Cost sum{0, 0};
  for (int32_t s = begin; s < end; ++s) {
    const Step& step = steps[s];
    if (step.kernel->cost == nullptr) continue;
    const Cost c = step.kernel->cost(step.params.data(), static_cast<int32_t>(step.params.size()), step.state);
    sum.per_row += c.per_row;
    sum.per_unit += c.per_unit;
  }
  return sum;
}

void Program::ahead(Lines* lines) const {
  add_vector(leaves, lines);
  add_vector(slots, lines);
  add_vector(buffers, lines);
  add_vector(steps, lines);
  for (const Step& step : steps) {
    add_vector(step.params, lines);
    add_vector(step.inputs, lines);
    if (step.kernel->ahead != nullptr) {
      step.kernel->ahead(step.params.data(), static_cast<int32_t>(step.params.size()), step.state, lines);
      continue;
    }
    for (const Array& param : step.params) {
      if (bytes_of(param) <= kSmallParam) lines->add(param.data, static_cast<size_t>(bytes_of(param)));
    }
    lines->add(step.state, kHead);
  }
}

}  // namespace pretzel
