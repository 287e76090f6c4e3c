// The values of one tile of rows while it passes through the stages of a program.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/clock.h"
#include "core/plan.h"
#include "core/request.h"

namespace pretzel {

class TileState;

/// Runs the sub-plans of a step for the rows of a tile whose other steps have run so far. An error names the row of the
/// tile, and no column. The tiles of sub-plans lie on a stack in the arena, so that the C stack does not grow with
/// them.
RunResult run_subplans(TileState* tile, int32_t step) noexcept;

/// Lives in an arena, which its steps allocate from, too. A tile may be suspended between two stages and resumed by
/// another thread.
class TileState {
 public:
  /// Allocates for tiles of up to `rows` rows; false when there is no memory. To be called once.
  bool reserve(const Program& program, int32_t rows, Arena& arena) noexcept;

  /// Lays slots out for `rows` rows from `first` on. The caller fills the slots of leaves.
  bool lay_out(int64_t first, int32_t rows) noexcept;
  /// Loads the leaves for `rows` rows from `first` on.
  RunResult open(const Request& request, int64_t first, int32_t rows) noexcept;
  /// Repeats the last `open` for another request. Suffices where every slot is dense.
  RunResult reopen(const Request& request) noexcept;
  /// Runs the steps begin .. end - 1. All steps before them must have run.
  RunResult run(const Request& request, int32_t begin, int32_t end) noexcept;
  /// Copies the result out, unless the last step has written it in place.
  RunResult close(const Request& request) noexcept;
  /// Switches to another program of the same shape, which reads and writes the same slots.
  void rebind(const Program& program) noexcept {
    params_ = program.params.data();
    states_ = program.states.data();
    bodies_ = program.bodies.data();
  }

  /// Runs the steps from `step` on to the end, or to one that runs sub-plans. `step` is then the step that it stopped
  /// at, also where the status is an error; rows of an error count from the start of the tile.
  RunResult advance(int32_t* step) noexcept;

  View& slot(int32_t at) noexcept { return slots_[at]; }
  Arena& arena() noexcept { return *arena_; }
  const ProgramShape& shape() const noexcept { return *shape_; }
  const Program& body(int32_t at) const noexcept { return *bodies_[at]; }
  const Array* params_of(int32_t step) const noexcept { return params_ + shape_->steps[step].first_param; }
  int32_t rows() const noexcept { return rows_; }

 private:
  Status run_step(int32_t s, ErrorLocation* error) noexcept;
  bool lay_out_slot(size_t at) noexcept;
  RunResult load(const Request& request) noexcept;

  const ProgramShape* shape_ = nullptr;
  const Array* params_ = nullptr;
  const State* states_ = nullptr;
  const Program* const* bodies_ = nullptr;
  Arena* arena_ = nullptr;
  View* slots_ = nullptr;
  View* inputs_ = nullptr;
  double** buffers_ = nullptr;
  int64_t first_ = 0;
  int32_t rows_ = 0;
};

inline bool TileState::reserve(const Program& program, int32_t rows, Arena& arena) noexcept {
  const ProgramShape& shape = *program.shape;
  shape_ = &shape;
  rebind(program);
  arena_ = &arena;
  slots_ = arena.alloc_n<View>(shape.slots.size());
  inputs_ = arena.alloc_n<View>(std::max<int32_t>(shape.max_inputs, 1));
  buffers_ = arena.alloc_n<double*>(shape.buffers.size() + 1);
  if (slots_ == nullptr || inputs_ == nullptr || buffers_ == nullptr) return false;
  for (size_t b = 0; b < shape.buffers.size(); ++b) {
    buffers_[b] = arena.alloc_n<double>(static_cast<size_t>(shape.buffers[b]) * rows);
    if (buffers_[b] == nullptr) return false;
  }
  return true;
}

inline bool TileState::lay_out(int64_t first, int32_t rows) noexcept {
  const ProgramShape& shape = *shape_;
  first_ = first;
  rows_ = rows;
  for (size_t i = 0; i < shape.slots.size(); ++i) {
    if (!lay_out_slot(i)) return false;
  }
  return true;
}

inline bool TileState::lay_out_slot(size_t at) noexcept {
  const SlotSpec& spec = shape_->slots[at];
  View& slot = slots_[at];
  slot = {spec.kind, spec.width, spec.width, nullptr, nullptr, nullptr};
  if (spec.kind == ValueKind::kSparse) {
    slot.sparse = arena_->alloc_n<SparseRow>(rows_);
    return slot.sparse != nullptr;
  }
  if (spec.buffer >= 0) {
    slot.dense = buffers_[spec.buffer] + spec.offset;
    slot.stride = shape_->buffers[spec.buffer];
  }
  return true;
}

inline RunResult TileState::open(const Request& request, int64_t first, int32_t rows) noexcept {
  if (!lay_out(first, rows)) return {Status::kNoMemory, -1, first, -1};
  return load(request);
}

inline RunResult TileState::reopen(const Request& request) noexcept {
  for (size_t i = 0; i < shape_->leaves.size(); ++i) {
    if (request.leaves[i].form == LeafForm::kRows) continue;  // `load` says where they are
    if (!lay_out_slot(shape_->leaves[i].slot)) return {Status::kNoMemory, -1, first_, -1};
  }
  return load(request);
}

inline RunResult TileState::load(const Request& request) noexcept {
  const ProgramShape& shape = *shape_;
  for (size_t i = 0; i < shape.leaves.size(); ++i) {
    View& slot = slots_[shape.leaves[i].slot];
    const LeafInput& leaf = request.leaves[i];
    if (slot.kind == ValueKind::kDense && leaf.form == LeafForm::kRows) {
      slot.dense = const_cast<double*>(leaf.rows) + first_ * leaf.row_stride;  // never written: inputs are read-only
      slot.stride = leaf.row_stride;
      continue;
    }
    if (!load_leaf(leaf, first_, rows_, slot, *arena_)) return {Status::kNoMemory, -1, first_, -1};
  }
  if (shape.writes_result) slots_[shape.output].dense = request.result + first_ * slots_[shape.output].width;
  return {};
}

inline RunResult TileState::run(const Request& request, int32_t begin, int32_t end) noexcept {
  const int64_t reading = request.step_times != nullptr ? reading_ns() : 0;
  int64_t since = request.step_times != nullptr ? now_ns() : 0;
  for (int32_t s = begin; s < end; ++s) {
    ErrorLocation error;
    const Status status = run_step(s, &error);
    if (status != Status::kOk) {
      RunResult result{status, s, std::max(error.row, 0), error.column};
      if (status == Status::kRunsSubPlans) result = run_subplans(this, s);
      result.row += first_;
      if (result.status != Status::kOk) return result;
    }
    if (request.step_times != nullptr) {
      const int64_t now = now_ns();
      request.step_times[s] += std::max<int64_t>(now - since - reading, 0);
      since = now;
    }
    const int32_t out = shape_->steps[s].output;
    if (request.tracer != nullptr && out >= 0) request.tracer->on_step(s, slots_[out], first_, rows_);
  }
  return {};
}

inline RunResult TileState::advance(int32_t* step) noexcept {
  for (const auto end = static_cast<int32_t>(shape_->steps.size()); *step < end; ++*step) {
    ErrorLocation error;
    const Status status = run_step(*step, &error);
    if (status != Status::kOk) return {status, *step, std::max(error.row, 0), -1};
  }
  return {};
}

inline Status TileState::run_step(int32_t s, ErrorLocation* error) noexcept {
  const Step& step = shape_->steps[s];
  const int32_t* inputs = shape_->inputs.data() + step.first_input;
  const View* in = inputs_;
  if (step.n_inputs == 1) {
    in = &slots_[inputs[0]];
  } else {
    for (int32_t i = 0; i < step.n_inputs; ++i) inputs_[i] = slots_[inputs[i]];
  }
  View* out = step.output >= 0 ? &slots_[step.output] : nullptr;
  const RunCall call{params_ + step.first_param, states_[s].data, in, step.n_inputs, out, rows_, arena_, error};
  return step.kernel->run(call);
}

inline RunResult TileState::close(const Request& request) noexcept {
  if (shape_->writes_result || request.emit(slots_[shape_->output], rows_, first_, shape_->has_order)) return {};
  return {Status::kNoMemory, -1, first_, -1};
}

}  // namespace pretzel
