#include "core/plan.h"

#include <algorithm>
#include <span>

#include "core/cache.h"
#include "cost/pace.h"

namespace pretzel {
namespace {

constexpr int64_t kSmall = 4096;     // bytes that a row reads all of; in larger arrays it picks what it needs
constexpr int64_t kHead = 128;       // bytes of a larger state
constexpr int64_t kHeadBytes = 192;  // of a parameter that are prefetched for one of many small requests

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
void add_vector(const std::vector<T>& items, PrefetchList* lines) {
  lines->add(items.data(), items.size() * sizeof(T));
}

}  // namespace

void Program::finish() {
  params.shrink_to_fit();
  states.shrink_to_fit();
  add_vector(params, &heads);
  add_vector(states, &heads);
  for (const State& state : states) heads.add(state.data, 1);
  for (const Array& param : params) heads.add(param.data, static_cast<size_t>(std::min(bytes_of(param), kHeadBytes)));
  heads.finish();
  pace.find();
  price();
  meter.resize(layout->steps.size());
}

namespace {

constexpr double kMostEntries = 4.0;  // times as many as are expected

/// Units or entries that a value has for each unit and row of the request.
struct Density {
  double unit = 0, row = 0;
};

double weighed(const Cost& cost, Cost::Regime regime, const Weights& weights) {
  double sum = 0;
  for (int t = 0; t < Cost::kTerms; ++t) sum += cost.terms[regime][t] * weights.of[regime][t];
  return sum;
}

/// What it takes to open a tile, to load leaves that do not lie ready, and to hand over the result.
Cost frame_cost(const Layout& layout) {
  double loaded = 0, copied = 0, cells = 0;
  for (const LeafSpec& leaf : layout.leaves) {
    const int32_t width = layout.slots[leaf.slot].width;
    if (leaf.kind == LeafKind::kNumeric && layout.leaves.size() > 1) loaded += width;
    if (leaf.kind == LeafKind::kCells) cells += width;
  }
  if (!layout.writes_result && layout.output >= 0) copied = layout.slots[layout.output].width;
  const auto slots = static_cast<double>(layout.slots.size()), steps = static_cast<double>(layout.steps.size());
  return Cost{}
      .rows(0.0, 0.0, 1.0 * loaded, 0.5 * copied, 8.0 * cells)
      .first(25.0, 2.0 * slots + 2.0 * steps, 4.0 * loaded, copied, 8.0 * cells);
}

}  // namespace

std::vector<StepCost> Program::costs() const {
  const std::vector<SlotSpec>& slots = layout->slots;
  std::vector<Density> density(slots.size());
  double counted = 0;  // leaves whose units a request adds up; they are taken to have equal shares
  for (const LeafSpec& leaf : layout->leaves) counted += leaf.kind != LeafKind::kNumeric ? 1.0 : 0.0;
  for (const LeafSpec& leaf : layout->leaves) {
    if (leaf.kind != LeafKind::kNumeric) density[leaf.slot].unit = 1.0 / counted;
  }
  std::vector<StepCost> found;
  for (size_t s = 0; s < states.size(); ++s) {
    const Step& step = layout->steps[s];
    Density read;
    CostCall call{params_of(step), step.n_params, states[s].data, states[s].bytes, step.n_inputs, 0, 0, false, false};
    for (int32_t slot : layout->inputs_of(step)) {
      call.in_width += slots[slot].width;
      call.sparse_in = call.sparse_in || slots[slot].kind == ValueKind::kSparse;
      read.unit += density[slot].unit;
      read.row += density[slot].row;
    }
    if (step.output >= 0) {
      call.out_width = slots[step.output].width;
      call.sparse_out = slots[step.output].kind == ValueKind::kSparse;
    }
    const Cost cost = step.kernel->cost(call);
    if (step.output >= 0) {
      density[step.output] = {read.unit * cost.unit_entries, read.row * cost.unit_entries + cost.row_entries};
    }
    found.push_back({step.kernel->name, cost, read.unit, read.row});
  }
  found.push_back({"frame", frame_cost(*layout), 0, 0});
  return found;
}

int64_t Program::arena_bytes(int64_t rows, int64_t units) const noexcept {
  if (rows <= 0) return 0;
  const int64_t n = std::min<int64_t>(rows, layout->tile);
  // Units are not spread evenly: all of them may stand in one tile.
  const double bytes = fixed_bytes +
                       static_cast<double>(n) * (static_cast<double>(layout->row_bytes) + kernel_row_bytes) +
                       static_cast<double>(units) * kernel_unit_bytes;
  return static_cast<int64_t>(bytes);
}

void Program::price() {
  fixed_bytes = 64.0 * static_cast<double>(layout->buffers.size() + layout->leaves.size() + 4) +
                static_cast<double>(sizeof(View)) *
                    static_cast<double>(layout->slots.size() + static_cast<size_t>(layout->max_inputs)) +
                static_cast<double>(sizeof(double*)) * static_cast<double>(layout->buffers.size());
  kernel_row_bytes = kernel_unit_bytes = 0;
  one_row = per_row = per_unit = 0;
  for (const StepCost& step : costs()) {
    const Weights weights = weights_of(step.kernel);
    const double entry = weighed(step.cost, Cost::kUnit, weights);
    one_row += weighed(step.cost, Cost::kOne, weights) + entry * step.row_entries;
    per_row += weighed(step.cost, Cost::kRow, weights) + entry * step.row_entries;
    per_unit += entry * step.unit_entries;
    kernel_row_bytes += step.cost.row_bytes + step.cost.unit_bytes * kMostEntries * step.row_entries;
    kernel_unit_bytes += step.cost.unit_bytes * kMostEntries * step.unit_entries;
  }
}

void Program::remember(Memo* memo, int32_t begin, int32_t end, int32_t output, const std::vector<int32_t>& inputs) {
  const bool all = begin == 0 && end == static_cast<int32_t>(states.size());
  (all ? whole : recalls).push_back({memo, begin, end, output, inputs, cost_of(begin, end)});
  recalling = recalling || memo->cache->budget() > 0;
}

RowCost Program::cost_of(int32_t begin, int32_t end) const {
  RowCost sum{0, 0};
  const std::vector<StepCost> found = costs();
  for (int32_t s = begin; s < end; ++s) {
    const Weights weights = weights_of(found[s].kernel);
    const double entry = weighed(found[s].cost, Cost::kUnit, weights);
    sum.per_row += weighed(found[s].cost, Cost::kOne, weights) + entry * found[s].row_entries;
    sum.per_unit += entry * found[s].unit_entries;
  }
  return sum;
}

void Program::add_prefetch(PrefetchList* lines) const {
  add_vector(layout->leaves, lines);
  add_vector(layout->slots, lines);
  add_vector(layout->buffers, lines);
  add_vector(layout->steps, lines);
  add_vector(layout->inputs, lines);
  add_vector(states, lines);
  for (const Array& param : params) {
    if (param.data != nullptr) lines->add(&param, sizeof param);  // the others are of no use to a request
  }
  for (size_t s = 0; s < states.size(); ++s) {
    const Step& step = layout->steps[s];
    const State& state = states[s];
    const std::span<const Array> given(params_of(step), static_cast<size_t>(step.n_params));
    for (const Array& param : given) {
      if (bytes_of(param) <= kSmall) lines->add(param.data, static_cast<size_t>(bytes_of(param)));
    }
    const int64_t read = state.bytes <= kSmall ? state.bytes : kHead;
    lines->add(state.data, static_cast<size_t>(read));
  }
}

}  // namespace pretzel
