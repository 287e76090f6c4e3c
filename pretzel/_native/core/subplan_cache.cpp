#include "core/subplan_cache.h"

#include <bit>
#include <cstring>

#include "core/cache.h"
#include "core/cells.h"

namespace pretzel {
namespace {

constexpr double kLookNs = 60.0, kLookNsPerByte = 0.25;  // to hash, find and copy, about

template <class T>
uint8_t* put(uint8_t* to, const T* from, size_t n) {
  if (n > 0) std::memcpy(to, from, n * sizeof(T));
  return to + n * sizeof(T);
}

/// What a cell is, in front of its text: numbers and the length of a text in one word.
struct CellHead {
  uint8_t kind, encoding, normalized, pad[5];
  int64_t size_or_bits;
};

CellHead head_of(const Cell& cell) {
  CellHead head{};
  head.kind = static_cast<uint8_t>(cell.kind);
  if (cell.kind == CellKind::kText) {
    head.encoding = static_cast<uint8_t>(cell.encoding);
    head.normalized = cell.normalized ? 1 : 0;
    head.size_or_bits = cell.size;
  } else if (cell.kind == CellKind::kNumber) {
    head.size_or_bits = std::bit_cast<int64_t>(cell.number);
  }
  return head;
}

size_t text_bytes(const Cell& cell) {
  return cell.kind == CellKind::kText ? static_cast<size_t>(cell.size * unit_width(cell.encoding)) : 0;
}

/// Bytes that the row of a slot takes; `units` counts text code units and sparse entries.
size_t measure(const View& view, int64_t* units) {
  switch (view.kind) {
    case ValueKind::kDense:
      return sizeof(double) * static_cast<size_t>(view.width);
    case ValueKind::kSparse:
      *units += view.sparse->size;
      return sizeof(int64_t) + (sizeof(double) + sizeof(int32_t)) * static_cast<size_t>(view.sparse->size);
    case ValueKind::kCells: {
      size_t bytes = 0;
      for (int32_t c = 0; c < view.width; ++c) {
        bytes += sizeof(CellHead) + text_bytes(view.cells[c]);
        if (view.cells[c].kind == CellKind::kText) *units += view.cells[c].size;
      }
      return bytes;
    }
  }
  return 0;
}

uint8_t* write(const View& view, uint8_t* to) {
  switch (view.kind) {
    case ValueKind::kDense:
      return put(to, view.dense, static_cast<size_t>(view.width));
    case ValueKind::kSparse: {
      const SparseRow& row = *view.sparse;
      to = put(to, &row.size, 1);
      to = put(to, row.value, static_cast<size_t>(row.size));
      return put(to, row.index, static_cast<size_t>(row.size));
    }
    case ValueKind::kCells:
      for (int32_t c = 0; c < view.width; ++c) {
        const CellHead head = head_of(view.cells[c]);
        to = put(to, &head, 1);
        to = put(to, static_cast<const uint8_t*>(view.cells[c].text), text_bytes(view.cells[c]));
      }
  }
  return to;
}

/// The reverse of `write` for computed values; sparse arrays stay where they are.
void read(Bytes from, View* view) {
  if (view->kind == ValueKind::kDense) {
    std::memcpy(view->dense, from.data, from.size);
    return;
  }
  SparseRow& row = *view->sparse;
  std::memcpy(&row.size, from.data, sizeof row.size);
  const uint8_t* values = from.data + sizeof row.size;
  row.value = reinterpret_cast<const double*>(values);
  row.index = reinterpret_cast<const int32_t*>(values + sizeof(double) * static_cast<size_t>(row.size));
}

/// One cache lookup. After a hit the value is in its slot; after a miss `keep` stores the value once it is computed.
class Lookup {
 public:
  Lookup(const CachedRange& range, TileState* tile) noexcept : range_(range), tile_(tile) {
    if (range.computation->cache->budget() == 0) return;
    int64_t units = 0;
    size_t size = sizeof range.computation->id;
    for (int32_t slot : range.inputs) size += measure(tile->slot(slot), &units);
    const double worth = range.cost.first_row + range.cost.payload * static_cast<double>(units);
    const double price = kLookNs + kLookNsPerByte * static_cast<double>(size);
    if (worth < 2 * price) return;
    auto* key = tile->arena().alloc_n<uint8_t>(size);
    if (key == nullptr) return;
    uint8_t* at = put(key, &range.computation->id, 1);
    for (int32_t slot : range.inputs) at = write(tile->slot(slot), at);
    key_ = {key, size};
    hash_ = Cache::hash(key_);
    looking_ = range.computation->pays(hash_, worth, price);
    if (!looking_) return;
    const Bytes found = range.computation->cache->find(key_, hash_, &tile->arena());
    hit_ = found.data != nullptr;
    range.computation->note(hit_);
    if (hit_) read(found, &tile->slot(range.output));
  }

  bool hit() const noexcept { return hit_; }

  void keep() noexcept {
    if (!looking_) return;
    const View& view = tile_->slot(range_.output);
    int64_t units = 0;
    const size_t size = measure(view, &units);
    auto* value = tile_->arena().alloc_n<uint8_t>(size);
    if (value == nullptr) return;
    write(view, value);
    range_.computation->cache->insert(key_, hash_, {value, size});
  }

 private:
  const CachedRange& range_;
  TileState* tile_;
  Bytes key_;
  uint64_t hash_ = 0;
  bool looking_ = false, hit_ = false;
};

RunResult run_parts(const Program& program, const Request& request, TileState* tile) noexcept {
  int32_t at = 0;
  for (const CachedRange& range : program.cached_ranges) {
    if (range.begin < at || range.computation->users.load(std::memory_order_relaxed) < 2) continue;
    RunResult result = tile->run(request, at, range.begin);
    if (result.status != Status::kOk) return result;
    Lookup look(range, tile);
    if (!look.hit()) {
      result = tile->run(request, range.begin, range.end);
      if (result.status != Status::kOk) return result;
      look.keep();
    }
    at = range.end;
  }
  return tile->run(request, at, static_cast<int32_t>(program.shape->steps.size()));
}

}  // namespace

RunResult run_cached(const Program& program, const Request& request, TileState* tile) noexcept {
  if (program.whole.empty()) return run_parts(program, request, tile);
  Lookup look(program.whole.front(), tile);
  if (look.hit()) return {};
  const RunResult result = run_parts(program, request, tile);
  if (result.status == Status::kOk) look.keep();
  return result;
}

}  // namespace pretzel
