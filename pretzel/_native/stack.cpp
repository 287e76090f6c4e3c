#include "stack.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "frame.h"

namespace pretzel {
namespace {

constexpr int64_t kNone = -1;
constexpr int64_t kAhead = 2;  // items between the prefetch of parameters and their use

/// Items of one shape, as a chain in their order.
struct Group {
  const void* shape;
  int64_t first, last;
};

/// Finds the group of a shape; `table` has a power of two of places, more than there are groups.
struct Groups {
  Group* groups;
  int64_t* table;
  uint64_t mask;
  int64_t size = 0;

  Group& of(const void* shape, int64_t item) {
    // Objects of one class lie at multiples of 16; multiplying spreads what differs above.
    uint64_t at = (reinterpret_cast<uintptr_t>(shape) * 0x9E3779B97F4A7C15u) >> 32 & mask;
    while (table[at] != kNone) {
      if (groups[table[at]].shape == shape) return groups[table[at]];
      at = (at + 1) & mask;
    }
    table[at] = size;
    groups[size] = {shape, kNone, item};
    return groups[size++];
  }
};

void prefetch_parameters(const Program& program) {
  for (const Step& step : program.steps) {
    if (step.state != nullptr) __builtin_prefetch(step.state);
    for (const Array& array : step.params) {
      if (array.data == nullptr) continue;
      const auto* bytes = static_cast<const char*>(array.data);
      __builtin_prefetch(bytes);
      if (array.size > 8) __builtin_prefetch(bytes + 64);
      if (array.size > 16) __builtin_prefetch(bytes + 128);
    }
  }
}

void run_group(StackItem* items, const int64_t* next, int64_t first, Arena& arena) {
  const Program& program = *items[first].program;
  const auto steps = static_cast<int32_t>(program.steps.size());
  const Arena::Mark start = arena.mark();
  Frame frame;
  const bool reserved = frame.reserve(program, 1, arena);
  const bool laid_out = reserved && program.dense && frame.lay_out(0, 1);
  const Arena::Mark mark = arena.mark();
  int64_t ahead = first;
  for (int64_t k = 0; k < kAhead && ahead != kNone; ++k) ahead = next[ahead];
  for (int64_t i = first; i != kNone; i = next[i]) {
    StackItem& item = items[i];
    if (ahead != kNone) {
      prefetch_parameters(*items[ahead].program);
      ahead = next[ahead];
    }
    if (!reserved) {
      item.stop = {Status::kNoMemory, -1, 0, -1};
      continue;
    }
    const Request request{item.leaves, 0, 1, item.answer, nullptr, nullptr};
    frame.rebind(*item.program);
    Stop stop = laid_out ? frame.reopen(request) : frame.open(request, 0, 1);
    if (stop.status == Status::kOk) stop = frame.run(request, 0, steps);
    if (stop.status == Status::kOk) stop = frame.close(request);
    if (stop.status != Status::kOk) item.stop = stop;
    arena.release(mark);
  }
  arena.release(start);
}

}  // namespace

void run_stacked(StackItem* items, int64_t n, Arena& arena) noexcept {
  const Arena::Mark start = arena.mark();
  const auto places = std::bit_ceil(static_cast<uint64_t>(n) * 2 + 1);
  auto* next = arena.alloc_n<int64_t>(static_cast<size_t>(n) + 1);
  Groups groups{arena.alloc_n<Group>(static_cast<size_t>(n) + 1), arena.alloc_n<int64_t>(places), places - 1};
  if (next == nullptr || groups.groups == nullptr || groups.table == nullptr) {
    for (int64_t i = 0; i < n; ++i) items[i].stop = {Status::kNoMemory, -1, 0, -1};
    arena.release(start);
    return;
  }
  std::fill_n(groups.table, places, kNone);
  Group* group = nullptr;
  for (int64_t i = 0; i < n; ++i) {
    if (items[i].program == nullptr) continue;
    const void* shape = items[i].program->shape;
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
