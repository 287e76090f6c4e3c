#include "cost/program_cost.h"

#include <algorithm>
#include <cstddef>

#include "core/plan.h"
#include "core/subplan.h"
#include "cost/coefficients.h"

namespace pretzel {
namespace {

constexpr double kMostEntries = 4.0;  // most sparse entries, as a multiple of those expected

/// Payload of a value for each unit of payload and each row of the request.
struct Density {
  double per_payload = 0, per_row = 0;
};

Cost overhead_cost(const ProgramShape& shape) {
  double loaded = 0, copied = 0, cells = 0;
  for (const LeafSpec& leaf : shape.leaves) {
    const int32_t width = shape.slots[leaf.slot].width;
    if (leaf.kind == LeafKind::kNumeric && shape.leaves.size() > 1) loaded += width;
    if (leaf.kind == LeafKind::kCells) cells += width;
  }
  if (!shape.writes_result && shape.output >= 0) copied = shape.slots[shape.output].width;
  const auto parts = static_cast<double>(shape.slots.size() + shape.steps.size());
  return Cost{}
      .rows({{"loaded", 1.0 * loaded}, {"copied", 0.5 * copied}, {"cells", 8.0 * cells}})
      .first_row({{"tile", 25.0},
                  {"slots_and_steps", 2.0 * parts},
                  {"loaded", 4.0 * loaded},
                  {"copied", copied},
                  {"cells", 8.0 * cells}});
}

Nanoseconds price_of(const std::vector<StepCost>& steps) {
  const auto coefficients = cost_coefficients();
  const auto price = [&](const StepCost& step, Regime regime) {
    double sum = 0;
    for (const Cost::Term& term : step.cost.terms[static_cast<int>(regime)]) {
      sum += term.ns * coefficients->of(term_name(step.kernel, regime, term.name));
    }
    return sum;
  };
  Nanoseconds sum;
  for (const StepCost& step : steps) {
    const double unit = price(step, Regime::kPayload);
    sum.first_row += price(step, Regime::kFirstRow) + unit * step.per_row;
    sum.row += price(step, Regime::kRow) + unit * step.per_row;
    sum.payload += unit * step.per_payload;
    sum.first_row += step.subplans.first_row;
    sum.row += step.subplans.row;
    sum.payload += step.subplans.payload;
  }
  return sum;
}

/// What the sub-plans of a step take: a row runs one of those of a branch, and that of a loop as often as it may.
Nanoseconds price_of_subplans(const Program& program, const SubPlanStep& entry) {
  const Step& step = program.shape->steps[entry.step];
  double times = 1.0 / entry.n_bodies;
  if (step.kernel->has(kLoops)) times = program.params_of(step)[0].scalar<int32_t>();
  Nanoseconds sum;
  for (int32_t b = 0; b < entry.n_bodies; ++b) {
    const Nanoseconds price = program.bodies[entry.first_body + b]->cost.price();
    sum.first_row += times * price.first_row;
    sum.row += times * price.row;
    sum.payload += times * price.payload;
  }
  return sum;
}

constexpr int64_t kLargestTile = 512;

}  // namespace

std::vector<StepCost> step_costs(const Program& program) {
  const ProgramShape& shape = *program.shape;
  const std::vector<SlotSpec>& slots = shape.slots;
  const auto has_payload = [](const LeafSpec& leaf) { return leaf.kind != LeafKind::kNumeric; };
  const auto n = static_cast<double>(std::count_if(shape.leaves.begin(), shape.leaves.end(), has_payload));
  std::vector<Density> density(slots.size());
  for (const LeafSpec& leaf : shape.leaves) {
    if (has_payload(leaf)) density[leaf.slot].per_payload = 1.0 / n;  // equal shares of the payload of a request
  }
  std::vector<StepCost> found;
  for (size_t s = 0; s < shape.steps.size(); ++s) {
    const Step& step = shape.steps[s];
    const State& state = program.states[s];
    Density read;
    CostCall call{program.params_of(step).data(), state.data, state.bytes, step.n_inputs, 0, 0, false, false};
    for (int32_t slot : shape.inputs_of(step)) {
      call.in_width += slots[slot].width;
      call.sparse_in = call.sparse_in || slots[slot].kind == ValueKind::kSparse;
      read.per_payload += density[slot].per_payload;
      read.per_row += density[slot].per_row;
    }
    if (step.output >= 0) {
      call.out_width = slots[step.output].width;
      call.sparse_out = slots[step.output].kind == ValueKind::kSparse;
    }
    const Cost cost = step.kernel->cost(call);
    if (step.output >= 0) {
      density[step.output] = {read.per_payload * cost.out_nnz_per_payload,
                              read.per_row * cost.out_nnz_per_payload + cost.out_nnz_per_row};
    }
    found.push_back({step.kernel->name, cost, read.per_payload, read.per_row});
  }
  for (const SubPlanStep& entry : shape.subplan_steps) found[entry.step].subplans = price_of_subplans(program, entry);
  found.push_back({"overhead", overhead_cost(shape), 0, 0});
  return found;
}

Nanoseconds price_of(const Program& program, int32_t begin, int32_t end) {
  const std::vector<StepCost> all = step_costs(program);
  return price_of({all.begin() + begin, all.begin() + end});
}

void ProgramCost::set_price(const std::vector<StepCost>& steps) {
  const Nanoseconds sum = price_of(steps);
  first_row_.store(sum.first_row, std::memory_order_relaxed);
  row_.store(sum.row, std::memory_order_relaxed);
  payload_.store(sum.payload, std::memory_order_relaxed);
}

void ProgramCost::finish(const Program& program) {
  const ProgramShape& shape = *program.shape;
  const std::vector<StepCost> steps = step_costs(program);
  set_price(steps);
  shape_ = &shape;
  tile_ = shape.tile;
  fixed_bytes_ = 64.0 * static_cast<double>(shape.buffers.size() + shape.leaves.size() + 4) +
                 static_cast<double>(sizeof(View)) *
                     static_cast<double>(shape.slots.size() + static_cast<size_t>(shape.max_inputs)) +
                 static_cast<double>(sizeof(double*)) * static_cast<double>(shape.buffers.size());
  row_bytes_ = static_cast<double>(shape.row_bytes);
  payload_bytes_ = 0;
  const double before = row_bytes_;
  for (const StepCost& step : steps) {
    row_bytes_ += step.cost.scratch_per_row + step.cost.scratch_per_payload * kMostEntries * step.per_row;
    payload_bytes_ += step.cost.scratch_per_payload * kMostEntries * step.per_payload;
  }
  if (!shape.subplan_steps.empty() || !shape.sources.empty()) set_inner_bytes(program, row_bytes_ - before);
}

void ProgramCost::set_inner_bytes(const Program& program, double scratch_per_row) {
  for (int64_t rows = 1; rows <= kLargestTile; rows < 4 ? ++rows : rows *= 2) {
    inner_bytes_.push_back(scratch_per_row * static_cast<double>(rows) + subplan_bytes(program, rows));
  }
  double most = 0;
  for (const Program* body : program.bodies) most = std::max(most, body->cost.payload_bytes_);
  payload_bytes_ += most;
}

double ProgramCost::inner_bytes(int64_t rows) const noexcept {
  if (rows <= 4) return inner_bytes_[std::max<int64_t>(rows, 1) - 1];
  size_t k = 3;
  int64_t low = 4;
  for (; k + 2 < inner_bytes_.size() && 2 * low < rows; low *= 2) ++k;
  // The bytes of each step grow linearly, the largest of them at least so: a straight line is above them.
  const double share = static_cast<double>(rows - low) / static_cast<double>(low);
  return inner_bytes_[k] + (inner_bytes_[k + 1] - inner_bytes_[k]) * share;
}

Nanoseconds ProgramCost::price() const noexcept {
  const auto ns = [](const std::atomic<double>& part) { return part.load(std::memory_order_relaxed); };
  return {ns(first_row_), ns(row_), ns(payload_)};
}

void ProgramCost::refresh(const Program& program) {
  if (!feedback_.has_begun()) set_price(step_costs(program));
}

int64_t ProgramCost::arena_bytes(int64_t rows, int64_t payload) const noexcept {
  if (rows <= 0) return 0;
  // The payload is not spread evenly: all of it may stand in one tile.
  const int64_t in_tile = std::min<int64_t>(rows, tile_);
  const double of_tile = inner_bytes_.empty() ? fixed_bytes_ + static_cast<double>(in_tile) * row_bytes_
                                              : tile_bytes(*shape_, in_tile, true) + inner_bytes(in_tile);
  const double bytes = of_tile + static_cast<double>(payload) * payload_bytes_;
  return static_cast<int64_t>(bytes);
}

}  // namespace pretzel
