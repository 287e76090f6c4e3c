#include "core/multi_model_batch.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "core/mix.h"
#include "core/tile_state.h"

namespace pretzel {
namespace {

constexpr int64_t kNone = -1;
constexpr int64_t kParameterDistance = 2;  // items between the prefetch of parameters and their use
constexpr int64_t kAddressDistance = 6;    // ... and between that of their addresses and the use

/// The items of one shape, as a linked list in their order.
struct Group {
  const ProgramShape* shape;
  int64_t first, last;
};

/// Hash table of groups by shape; the size of `table` is a power of two and exceeds the number of groups.
struct Groups {
  Group* groups;
  int64_t* table;
  uint64_t mask;
  int64_t size = 0;

  Group& of(const ProgramShape* shape, int64_t item) {
    // Objects of one class lie at multiples of 16; multiplying spreads the higher bits, in which they differ.
    uint64_t at = (reinterpret_cast<uintptr_t>(shape) * kGoldenRatio) >> 32 & mask;
    while (table[at] != kNone) {
      if (groups[table[at]].shape == shape) return groups[table[at]];
      at = (at + 1) & mask;
    }
    table[at] = size;
    groups[size] = {shape, kNone, item};
    return groups[size++];
  }
};

/// Runs items of one shape one after the other. If every slot is dense and every step reads one of them, calls differ
/// between items only in parameters, states, row and result.
class GroupRunner {
 public:
  GroupRunner(const Program& program, Arena& arena) noexcept : shape_(*program.shape), arena_(arena) {
    reserved_ = tile_.reserve(program, 1, arena);
    if (!reserved_ || !shape_.dense || !tile_.lay_out(0, 1)) return;
    laid_out_ = true;
    if (shape_.unary && shape_.writes_result && shape_.leaves.size() == 1) prepare();
  }

  void run(BatchItem* item) noexcept {
    const Arena::Mark mark = arena_.mark();
    if (calls_ != nullptr && item->leaves->form == LeafForm::kRows) {
      run_calls(item);
    } else {
      item->result = run_request(*item);
    }
    arena_.release(mark);
  }

 private:
  /// Prepares the calls, if the row is the input of a single leaf and the result lies in one slot.
  void prepare() noexcept {
    in_ = &tile_.slot(shape_.leaves[0].slot);
    out_ = &tile_.slot(shape_.output);
    calls_ = arena_.alloc_n<RunCall>(shape_.steps.size());
    for (size_t s = 0; calls_ != nullptr && s < shape_.steps.size(); ++s) {
      const Step& step = shape_.steps[s];
      const View* in = &tile_.slot(shape_.inputs_of(step)[0]);
      View* out = step.output >= 0 ? &tile_.slot(step.output) : nullptr;
      calls_[s] = {nullptr, nullptr, in, 1, out, 1, &arena_, &error_};
    }
  }

  void run_calls(BatchItem* item) noexcept {
    in_->dense = const_cast<double*>(item->leaves->rows);  // inputs are read-only
    out_->dense = item->answer;
    const Program& program = *item->program;
    RunCall* call = calls_;
    const State* state = program.states.data();
    for (const Step& step : shape_.steps) {
      call->params = program.params.data() + step.first_param;
      call->state = state->data;
      const Status status = step.kernel->run(*call);
      if (status != Status::kOk) {
        const ErrorLocation error = std::exchange(error_, {});
        item->result = {status, static_cast<int32_t>(call - calls_), std::max(error.row, 0), error.column};
        return;
      }
      ++call;
      ++state;
    }
  }

  RunResult run_request(const BatchItem& item) noexcept {
    if (!reserved_) return {Status::kNoMemory, -1, 0, -1};
    const Request request{item.leaves, 0, 1, item.answer, nullptr, nullptr};
    tile_.rebind(*item.program);
    RunResult result = laid_out_ ? tile_.reopen(request) : tile_.open(request, 0, 1);
    if (result.status == Status::kOk) result = tile_.run(request, 0, static_cast<int32_t>(shape_.steps.size()));
    return result.status == Status::kOk ? tile_.close(request) : result;
  }

  const ProgramShape& shape_;
  Arena& arena_;
  TileState tile_;
  ErrorLocation error_;
  View *in_ = nullptr, *out_ = nullptr;
  RunCall* calls_ = nullptr;
  bool reserved_ = false, laid_out_ = false;
};

void run_group(BatchItem* items, const int64_t* next, int64_t first, Arena& arena) {
  const Arena::Mark start = arena.mark();
  GroupRunner runner(*items[first].program, arena);
  const auto after = [&](int64_t i) { return i == kNone ? kNone : next[i]; };
  int64_t next_parameters = first, next_addresses = first;
  for (int64_t k = 0; k < kParameterDistance; ++k) next_parameters = after(next_parameters);
  for (int64_t k = 0; k < kAddressDistance; ++k) next_addresses = after(next_addresses);
  for (int64_t i = first; i != kNone; i = next[i]) {
    if (next_addresses != kNone) items[next_addresses].program->heads.span().prefetch_addresses();
    if (next_parameters != kNone) items[next_parameters].program->heads.span().prefetch_l1();
    runner.run(&items[i]);
    next_parameters = after(next_parameters);
    next_addresses = after(next_addresses);
  }
  arena.release(start);
}

}  // namespace

void run_multi_model_batch(BatchItem* items, int64_t n, Arena& arena) noexcept {
  const Arena::Mark start = arena.mark();
  const auto places = std::bit_ceil(static_cast<uint64_t>(n) * 2 + 1);
  auto* next = arena.alloc_n<int64_t>(static_cast<size_t>(n) + 1);
  Groups groups{arena.alloc_n<Group>(static_cast<size_t>(n) + 1), arena.alloc_n<int64_t>(places), places - 1};
  if (next == nullptr || groups.groups == nullptr || groups.table == nullptr) {
    for (int64_t i = 0; i < n; ++i) items[i].result = {Status::kNoMemory, -1, 0, -1};
    arena.release(start);
    return;
  }
  std::fill_n(groups.table, places, kNone);
  Group* group = nullptr;
  for (int64_t i = 0; i < n; ++i) {
    if (items[i].program == nullptr) continue;
    const ProgramShape* shape = items[i].program->shape;
    if (group == nullptr || group->shape != shape) group = &groups.of(shape, i);
    next[i] = kNone;
    if (group->first == kNone) {
      group->first = i;
    } else {
      next[group->last] = i;
    }
    group->last = i;
  }
  for (int64_t g = 0; g < groups.size; ++g) run_group(items, next, groups.groups[g].first, arena);
  arena.release(start);
}

}  // namespace pretzel
