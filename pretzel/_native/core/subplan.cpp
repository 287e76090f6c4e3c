#include "core/subplan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

#include "core/tile_state.h"

namespace pretzel {
namespace {

constexpr double kMostBytes = 1e9;  // of all sub-plans under way, for a row

/// The rows of a view from `first` on.
View rows_from(const View& view, int64_t first) {
  View found = view;
  if (view.kind == ValueKind::kDense) found.dense += first * view.stride;
  if (view.kind == ValueKind::kCells) found.cells += first * view.stride;
  if (view.kind == ValueKind::kSparse) found.sparse += first;
  return found;
}

size_t row_bytes(const View& view) {
  if (view.kind == ValueKind::kSparse) return sizeof(SparseRow);
  const size_t each = view.kind == ValueKind::kDense ? sizeof(double) : sizeof(Cell);
  return each * static_cast<size_t>(view.width);
}

const void* row_of(const View& view, int64_t r) {
  if (view.kind == ValueKind::kSparse) return view.sparse + r;
  return view.kind == ValueKind::kDense ? static_cast<const void*>(view.row(r)) : view.cells + r * view.stride;
}

/// A step that is running its sub-plans.
///
/// `order` holds the rows that are left, ascending within each sub-plan, with the number of the sub-plan in the upper
/// half. The rows `begin` .. `end` of it are those that the sub-plan under way runs for.
class Invocation {
 public:
  Invocation(Invocation* caller, TileState* tile, int32_t step) noexcept
      : caller_(caller), tile_(tile), at_(step), arena_(tile->arena()), start_(arena_.mark()) {
    const Step& run = tile->shape().steps[step];
    subplans_ = &tile->shape().subplans_of(step);
    inputs_ = tile->shape().inputs.data() + run.first_input;
    out_ = &tile->slot(run.output);
    loops_ = run.kernel->has(kLoops);
  }

  Invocation* caller() const noexcept { return caller_; }
  int32_t step() const noexcept { return at_; }
  Arena::Mark start() const noexcept { return start_; }
  void set_start(Arena::Mark start) noexcept { start_ = start; }
  TileState* body() noexcept { return &body_; }
  int32_t* next_step() noexcept { return &next_step_; }
  int32_t row_in_caller(int64_t row) const noexcept { return static_cast<int32_t>(order_[begin_ + row]); }

  /// Says which rows run which sub-plan. After an error `row` is where it is.
  Status sort(int64_t* row) noexcept;
  /// Begins the next sub-plan: false when there is none, or, with `status` set, when there is no memory.
  bool begin_next(Status* status) noexcept;
  /// Writes the results of the sub-plan that has come to its end.
  void finish() noexcept;

 private:
  const View& input(int32_t source) const noexcept {
    if (loops_ && source == 0) return *out_;  // the state so far
    return tile_->slot(inputs_[source + (loops_ ? 0 : 1)]);
  }
  bool lie_side_by_side() const noexcept {
    return row_in_caller(end_ - begin_ - 1) - row_in_caller(0) == end_ - begin_ - 1;
  }
  bool gather(const View& from, View* to) noexcept;
  void keep_running() noexcept;

  Invocation* caller_;
  TileState* tile_;
  int32_t at_;
  Arena& arena_;
  Arena::Mark start_;
  Arena::Mark body_start_{};
  const SubPlanStep* subplans_;
  const int32_t* inputs_;
  View* out_;
  bool loops_;
  bool in_place_ = false;
  uint64_t* order_ = nullptr;
  int32_t size_ = 0, begin_ = 0, end_ = 0;
  int64_t rounds_ = 0;
  TileState body_;
  int32_t next_step_ = 0;
};

Status Invocation::sort(int64_t* row) noexcept {
  const int32_t rows = tile_->rows();
  order_ = arena_.alloc_n<uint64_t>(static_cast<size_t>(rows));
  if (order_ == nullptr) return Status::kNoMemory;
  size_ = rows;
  if (loops_) {
    const View& initial = tile_->slot(inputs_[0]);
    for (int32_t r = 0; r < rows; ++r) {
      std::memcpy(out_->row(r), initial.row(r), row_bytes(*out_));
      order_[r] = static_cast<uint64_t>(r);
    }
    rounds_ = tile_->params_of(at_)[0].scalar<int32_t>();
    keep_running();
    return Status::kOk;
  }
  const View& codes = tile_->slot(inputs_[0]);
  bool sorted = true;
  for (int32_t r = 0; r < rows; ++r) {
    const double code = codes.row(r)[0];
    if (!(code >= 0.0 && code < subplans_->n_bodies)) {
      *row = r;
      return Status::kOutOfRange;
    }
    order_[r] = static_cast<uint64_t>(code) << 32 | static_cast<uint64_t>(r);
    sorted = sorted && (r == 0 || order_[r - 1] < order_[r]);
  }
  if (!sorted) std::sort(order_, order_ + rows);
  return Status::kOk;
}

/// Of a loop: leaves out the rows that are done.
void Invocation::keep_running() noexcept {
  int32_t kept = 0;
  for (int32_t i = 0; i < size_; ++i) {
    if (out_->row(static_cast<int32_t>(order_[i]))[0] >= 0.0) order_[kept++] = order_[i];
  }
  size_ = kept;
}

bool Invocation::gather(const View& from, View* to) noexcept {
  if (lie_side_by_side()) {
    *to = rows_from(from, row_in_caller(0));
    return true;
  }
  const int32_t rows = end_ - begin_;
  const size_t bytes = row_bytes(from);
  auto* memory = static_cast<char*>(arena_.alloc(bytes * static_cast<size_t>(rows) + 1));
  if (memory == nullptr) return false;
  for (int32_t i = 0; i < rows; ++i) std::memcpy(memory + bytes * i, row_of(from, row_in_caller(i)), bytes);
  *to = {from.kind, from.width, from.width, nullptr, nullptr, nullptr};
  if (from.kind == ValueKind::kDense) to->dense = reinterpret_cast<double*>(memory);
  if (from.kind == ValueKind::kSparse) to->sparse = reinterpret_cast<SparseRow*>(memory);
  if (from.kind == ValueKind::kCells) to->cells = reinterpret_cast<Cell*>(memory);
  return true;
}

bool Invocation::begin_next(Status* status) noexcept {
  begin_ = loops_ ? 0 : end_;
  if (begin_ == size_ || (loops_ && rounds_-- == 0)) return false;
  const uint64_t number = loops_ ? 0 : order_[begin_] >> 32;
  for (end_ = begin_ + 1; end_ < size_ && order_[end_] >> 32 == number; ++end_) {
  }
  const Program& program = tile_->body(subplans_->first_body + static_cast<int32_t>(number));
  const ProgramShape& shape = *program.shape;
  body_start_ = arena_.mark();
  *status = Status::kNoMemory;
  body_ = TileState{};
  if (!body_.reserve(program, end_ - begin_, arena_) || !body_.lay_out(0, end_ - begin_)) return false;
  for (size_t leaf = 0; leaf < shape.leaves.size(); ++leaf) {
    if (!gather(input(shape.sources[leaf]), &body_.slot(shape.leaves[leaf].slot))) return false;
  }
  in_place_ = false;
  if (shape.writes_result) {
    View& result = body_.slot(shape.output);
    in_place_ = !loops_ && lie_side_by_side();
    if (in_place_) {
      result = rows_from(*out_, row_in_caller(0));
    } else {
      result.dense = arena_.alloc_n<double>(static_cast<size_t>(result.width) * (end_ - begin_) + 1);
      if (result.dense == nullptr) return false;
    }
  }
  next_step_ = 0;
  *status = Status::kOk;
  return true;
}

void Invocation::finish() noexcept {
  const View& result = body_.slot(body_.shape().output);
  for (int32_t i = 0; !in_place_ && i < end_ - begin_; ++i) {
    std::memcpy(out_->row(row_in_caller(i)), result.row(i), row_bytes(*out_));
  }
  arena_.release(body_start_);
  if (loops_) keep_running();
}

Invocation* invoke(Invocation* caller, TileState* tile, int32_t step) noexcept {
  Arena& arena = tile->arena();
  const Arena::Mark start = arena.mark();
  void* memory = arena.alloc(sizeof(Invocation));
  if (memory == nullptr) return nullptr;
  auto* found = new (memory) Invocation(caller, tile, step);
  found->set_start(start);
  return found;
}

}  // namespace

RunResult run_subplans(TileState* tile, int32_t step) noexcept {
  Arena& arena = tile->arena();
  const Arena::Mark start = arena.mark();
  Status status = Status::kNoMemory;
  int64_t row = 0;               // of the tile that an error occurs in
  Invocation* inside = nullptr;  // runs that tile; nullptr: it is `tile`
  Invocation* running = invoke(nullptr, tile, step);
  if (running != nullptr) status = running->sort(&row);
  bool in_body = false;
  while (status == Status::kOk) {
    if (!in_body && !running->begin_next(&status)) {
      Invocation* caller = running->caller();
      const Arena::Mark before = running->start();
      arena.release(before);  // and with it the memory of `running`
      running = caller;
      if (running == nullptr || status != Status::kOk) break;
      ++*running->next_step();
      in_body = true;
      continue;
    }
    const RunResult result = running->body()->advance(running->next_step());
    in_body = result.status == Status::kRunsSubPlans;
    if (result.status == Status::kOk) {
      running->finish();
      continue;
    }
    inside = running;
    status = result.status;
    row = result.row;
    if (!in_body) break;
    running = invoke(inside, inside->body(), *inside->next_step());
    status = running == nullptr ? Status::kNoMemory : running->sort(&row);
    in_body = false;
  }
  for (; inside != nullptr && status != Status::kOk; inside = inside->caller()) row = inside->row_in_caller(row);
  arena.release(start);
  return {status, step, row, -1};
}

namespace {

/// Bytes of an allocation: of many rows a little more, because bounds between the numbers of rows for which they are
/// known have to lie on a straight line.
double aligned(double bytes, int64_t rows = 1) noexcept {
  return rows < 4 ? std::ceil(bytes / 64.0) * 64.0 : bytes + 63.0;
}

}  // namespace

double tile_bytes(const ProgramShape& shape, int64_t rows, bool loads_leaves) noexcept {
  const auto n = static_cast<double>(rows);
  double bytes = aligned(sizeof(View) * static_cast<double>(shape.slots.size())) +
                 aligned(sizeof(View) * static_cast<double>(std::max(shape.max_inputs, 1))) +
                 aligned(sizeof(double*) * static_cast<double>(shape.buffers.size() + 1));
  for (const int32_t width : shape.buffers) bytes += aligned(sizeof(double) * n * width, rows);
  for (const SlotSpec& slot : shape.slots) {
    if (slot.kind == ValueKind::kSparse) bytes += aligned(sizeof(SparseRow) * n, rows);
  }
  for (const LeafSpec& leaf : shape.leaves) {
    const SlotSpec& slot = shape.slots[leaf.slot];
    const View view{slot.kind, slot.width, slot.width, nullptr, nullptr, nullptr};
    if (loads_leaves) bytes += aligned(static_cast<double>(row_bytes(view)) * n + 1, rows);
  }
  return bytes;
}

namespace {

/// Most bytes that the tile of a sub-plan takes, with its result.
double body_bytes(const ProgramShape& shape, bool loops, bool alone, int64_t rows) noexcept {
  const auto made = [&](int64_t n) {
    return shape.writes_result
               ? aligned(sizeof(double) * static_cast<double>(n) * shape.slots[shape.output].width + 1, n)
               : 0.0;
  };
  // Rows that lie side by side are where they are, as two of a tile of two always do, and those of an only way.
  const double in_place = tile_bytes(shape, rows, false) + (loops ? made(rows) : 0.0);
  const double copied = rows > 2 && (loops || !alone) ? tile_bytes(shape, rows - 1, true) + made(rows - 1) : 0.0;
  return std::max(in_place, copied);
}

}  // namespace

double subplan_bytes(const Program& program, int64_t rows) noexcept {
  double most = 0;
  for (const SubPlanStep& entry : program.shape->subplan_steps) {
    const bool loops = program.shape->steps[entry.step].kernel->has(kLoops);
    double deepest = 0;
    for (int32_t b = 0; b < entry.n_bodies; ++b) {
      const Program& body = *program.bodies[entry.first_body + b];
      deepest =
          std::max(deepest, body_bytes(*body.shape, loops, entry.n_bodies == 1, rows) + body.cost.inner_bytes(rows));
    }
    most = std::max(
        most, aligned(sizeof(Invocation)) + aligned(sizeof(uint64_t) * static_cast<double>(rows), rows) + deepest);
  }
  return most;
}

std::string check_subplans(const Program& program) {
  const ProgramShape& shape = *program.shape;
  size_t bodies = 0;
  for (const SubPlanStep& entry : shape.subplan_steps) {
    const Step& step = shape.steps[entry.step];
    const std::span<const int32_t> inputs = shape.inputs_of(step).subspan(step.kernel->has(kLoops) ? 0 : 1);
    bodies += static_cast<size_t>(entry.n_bodies);
    if (entry.n_bodies < 1 || (step.kernel->has(kLoops) && entry.n_bodies > 1)) return "runs too few or many sub-plans";
    for (int32_t b = 0; b < entry.n_bodies; ++b) {
      const ProgramShape& body = *program.bodies[entry.first_body + b]->shape;
      if (body.sources.size() != body.leaves.size()) return "runs a program that is no sub-plan";
      for (size_t leaf = 0; leaf < body.leaves.size(); ++leaf) {
        const SlotSpec& slot = body.slots[body.leaves[leaf].slot];
        const int32_t source = body.sources[leaf];
        const bool there = source >= 0 && static_cast<size_t>(source) < inputs.size();
        if (!there || shape.slots[inputs[source]].kind != slot.kind ||
            shape.slots[inputs[source]].width != slot.width) {
          return "runs a sub-plan that reads a value which is not there, or of another type";
        }
      }
      const SlotSpec& made = body.slots[body.output];
      if (made.kind != ValueKind::kDense || made.width != shape.slots[step.output].width) {
        return "runs a sub-plan whose result has another type";
      }
    }
  }
  if (bodies != program.bodies.size()) return "has sub-plans that no step runs";
  return subplan_bytes(program, 1) > kMostBytes ? "has sub-plans that take too much memory" : "";
}

}  // namespace pretzel
