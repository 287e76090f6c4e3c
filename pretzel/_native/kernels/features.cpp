// features: named numbers as sparse rows. Rows may have any number of them.
//
// A row arrives as one cell of bytes, which the reader of items (bindings/item_reader.pxi) has written: for each
// feature the number of bytes of its name (uint32), its value (float64) and its name as UTF-8. `dict_features` looks
// the names up in a vocabulary, as DictVectorizer does, `hashed_features` hashes them, as FeatureHasher does. Both
// write the columns of a row in ascending order, and add up what falls into one column in the order of the features.
// `label_sets` looks labels up, as MultiLabelBinarizer does: a label counts once, and one that is no class ends the
// run.
#include <algorithm>

#include "core/kernel.h"
#include "core/mix.h"
#include "core/state_check.h"
#include "text/murmur3.h"

namespace pretzel {
namespace {

constexpr int64_t kHead = sizeof(uint32_t) + sizeof(double);  // bytes of a feature in front of its name

struct Feature {
  const char* name;
  uint32_t size;
  double value;
};

/// Calls `use(feature)` for each feature of a cell; false if its bytes are none.
template <class Use>
bool each_feature(const Cell& cell, Use use) {
  if (cell.kind != CellKind::kText || cell.encoding != Encoding::kAscii) return false;
  const auto* at = static_cast<const char*>(cell.text);
  for (const char* end = at + cell.size; at != end;) {
    if (end - at < kHead) return false;
    const Feature feature{at + kHead, read<uint32_t>(at), read<double>(at + sizeof(uint32_t))};
    at += kHead;
    if (end - at < int64_t{feature.size}) return false;
    use(feature);
    at += feature.size;
  }
  return true;
}

struct Entry {
  int32_t column;
  double value;
};

/// Sorts by column; entries of one column keep their order. Returns where they are: `entries`, or `other`, which has as
/// much room.
Entry* sort_entries(Entry* entries, Entry* other, int64_t n) {
  constexpr int64_t kRun = 16;
  for (int64_t start = 0; start < n; start += kRun) {
    const int64_t end = std::min(n, start + kRun);
    for (int64_t i = start + 1; i < end; ++i) {
      const Entry entry = entries[i];
      int64_t k = i;
      for (; k > start && entries[k - 1].column > entry.column; --k) entries[k] = entries[k - 1];
      entries[k] = entry;
    }
  }
  for (int64_t width = kRun; width < n; width *= 2) {
    for (int64_t start = 0; start < n; start += 2 * width) {
      const int64_t middle = std::min(n, start + width), end = std::min(n, start + 2 * width);
      int64_t a = start, b = middle;
      for (int64_t k = start; k < end; ++k) {
        const bool first = a < middle && (b == end || entries[a].column <= entries[b].column);
        other[k] = entries[first ? a++ : b++];
      }
    }
    Entry* sorted = other;
    other = entries;
    entries = sorted;
  }
  return entries;
}

/// What becomes of two entries in one column.
enum class Repeated { kRejected, kAddedUp, kOne };

/// Writes a sparse row for each cell. `place(feature, &entry)` says whether a feature has a column, and which; where
/// `unknown` is an error, a row with a feature that has none is rejected.
template <class Place>
Status run_items(const RunCall& call, Repeated repeated, Place place, Status unknown = Status::kOk) {
  Arena* arena = call.arena;
  for (int32_t r = 0; r < call.rows; ++r) {
    const Cell& cell = call.in[0].cell(r, 0);
    const int64_t most = cell.kind == CellKind::kText ? cell.size / kHead : 0;
    auto* index = arena->alloc_n<int32_t>(static_cast<size_t>(most) + 1);
    auto* value = arena->alloc_n<double>(static_cast<size_t>(most) + 1);
    const Arena::Mark mark = arena->mark();
    auto* entries = arena->alloc_n<Entry>(2 * static_cast<size_t>(most) + 1);
    if (index == nullptr || value == nullptr || entries == nullptr) return call.reject(Status::kNoMemory, r);
    int64_t n = 0, size = 0;
    bool all_known = true;
    const bool is_read = each_feature(cell, [&](const Feature& feature) {
      const bool is_known = place(feature, entries + n);
      all_known &= is_known;
      n += is_known;
    });
    if (!is_read) return call.reject(Status::kWrongType, r, 0);
    if (!all_known && unknown != Status::kOk) return call.reject(unknown, r, 0);
    const Entry* sorted = sort_entries(entries, entries + most, n);
    for (int64_t i = 0; i < n; ++i) {
      if (size != 0 && index[size - 1] == sorted[i].column) {
        if (repeated == Repeated::kRejected) return call.reject(Status::kRepeated, r);
        if (repeated == Repeated::kAddedUp) value[size - 1] += sorted[i].value;
        continue;
      }
      index[size] = sorted[i].column;
      value[size++] = sorted[i].value;
    }
    arena->release(mark);
    call.out->sparse[r] = SparseRow{index, value, size};
  }
  return Status::kOk;
}

// ---- dict_features -------------------------------------------------------------------------------------------------

constexpr Param kDictParams[] = {{"names", u8, "name_bytes"},
                                 {"name_offsets", i32, "n_names+1", kHoldsOffsets, "", "name_bytes"},
                                 {"adds_up", u8, ""}};
constexpr int kNames = index_of(kDictParams, "names"), kOffsets = index_of(kDictParams, "name_offsets"),
              kAddsUp = index_of(kDictParams, "adds_up");

/// A ring of slots, half of which at least are empty. A slot is the number of a name plus one, and in front of it 32
/// bits of the hash of that name.
struct DictState {
  uint64_t n_slots;  // a power of two
  uint64_t slots_offset;
};

/// No byte behind the name is read.
uint64_t hash_name(const char* p, uint64_t n) {
  uint64_t h = n;
  const auto fold = [&h](uint64_t v) { h = fold_product(h ^ v ^ 0x2D358DCCAA6C78A5u, 0x8BB84B93962EACC9u); };
  for (; n > 8; n -= 8, p += 8) fold(read<uint64_t>(p));
  uint64_t tail = 0;
  std::memcpy(&tail, p, n);
  fold(tail);
  return mix(h);
}

class Names {
 public:
  Names(const Array* params, const uint8_t* state)
      : bytes_(params[kNames].as<char>()), offsets_(params[kOffsets].as<int32_t>()) {
    const auto& head = *reinterpret_cast<const DictState*>(state);
    slots_ = reinterpret_cast<const uint64_t*>(state + head.slots_offset);
    mask_ = head.n_slots - 1;
  }

  /// The number of a name; -1: it is none of the vocabulary.
  int32_t find(const char* name, uint32_t size) const {
    const uint64_t hash = hash_name(name, size);
    for (uint64_t slot = hash & mask_; slots_[slot] != 0; slot = (slot + 1) & mask_) {
      if (slots_[slot] >> 32 != hash >> 32) continue;
      const auto number = static_cast<int32_t>(static_cast<uint32_t>(slots_[slot]) - 1);
      const int32_t start = offsets_[number];
      if (static_cast<uint32_t>(offsets_[number + 1] - start) != size) continue;
      if (std::memcmp(bytes_ + start, name, size) == 0) return number;
    }
    return -1;
  }

 private:
  const char* bytes_;
  const int32_t* offsets_;
  const uint64_t* slots_;
  uint64_t mask_;
};

const char* bind_dict(const BindCall& call) {
  const Array& offsets = call.params[kOffsets];
  const auto n = static_cast<uint64_t>(offsets.size - 1);
  DictState state{4, 64};
  while (state.n_slots < 2 * n) state.n_slots *= 2;
  call.state->resize(state.slots_offset + state.n_slots * sizeof(uint64_t));
  std::memcpy(call.state->data(), &state, sizeof state);
  auto* slots = reinterpret_cast<uint64_t*>(call.state->data() + state.slots_offset);
  const Names names(call.params, call.state->data());
  for (uint64_t i = 0; i < n; ++i) {
    const int32_t start = offsets.as<int32_t>()[i], end = offsets.as<int32_t>()[i + 1];
    const char* name = call.params[kNames].as<char>() + start;
    const auto size = static_cast<uint32_t>(end - start);
    if (names.find(name, size) >= 0) return "'names' holds a name twice";
    const uint64_t hash = hash_name(name, size);
    uint64_t slot = hash & (state.n_slots - 1);
    while (slots[slot] != 0) slot = (slot + 1) & (state.n_slots - 1);
    slots[slot] = hash >> 32 << 32 | (i + 1);
  }
  return nullptr;
}

const char* check_dict_state(const LoadCall& call) {
  const StateSpan bytes(call);
  if (!bytes.holds<DictState>(0, 1)) return kTruncated;
  const auto& state = *bytes.at<DictState>(0);
  if (state.n_slots == 0 || (state.n_slots & (state.n_slots - 1)) != 0) return kUnknownForm;
  if (!bytes.holds<uint64_t>(state.slots_offset, state.n_slots)) return kTruncated;
  const auto* slots = bytes.at<uint64_t>(state.slots_offset);
  const auto n = static_cast<uint64_t>(call.params[kOffsets].size - 1);
  for (uint64_t i = 0; i < state.n_slots; ++i) {
    const uint64_t number = slots[i] & 0xFFFFFFFFu;
    if (slots[i] != 0 && (number == 0 || number > n)) return "has a state that names a feature beyond the last";
  }
  return ends_probing(state.n_slots, [slots](uint64_t i) { return slots[i] == 0; }) ? nullptr : kUnknownForm;
}

Status run_dict(const RunCall& call) noexcept {
  const Names names(call.params, call.state);
  const bool adds_up = call.params[kAddsUp].scalar<uint8_t>() != 0;
  return run_items(call, adds_up ? Repeated::kAddedUp : Repeated::kRejected, [&](const Feature& feature, Entry* entry) {
    *entry = {names.find(feature.name, feature.size), feature.value};
    return entry->column >= 0;
  });
}

Cost cost_dict(const CostCall& call) {
  const double misses = doublings(static_cast<double>(call.state_bytes + call.params[kNames].bytes()), 1e6);
  return Cost{}
      .rows({{"call", 50.0}})
      .payload({{"bytes", 1.0}, {"misses", 0.2 * misses}})
      .produces_nnz(0.04, 0.0)
      .scratch(64.0, 44.0 / kHead);
}

// ---- label_sets ----------------------------------------------------------------------------------------------------

constexpr Param kLabelParams[] = {{"names", u8, "name_bytes"},
                                  {"name_offsets", i32, "n_names+1", kHoldsOffsets, "", "name_bytes"}};
static_assert(index_of(kLabelParams, "names") == kNames && index_of(kLabelParams, "name_offsets") == kOffsets);

Status run_labels(const RunCall& call) noexcept {
  const Names names(call.params, call.state);
  const auto place = [&](const Feature& feature, Entry* entry) {
    *entry = {names.find(feature.name, feature.size), 1.0};
    return entry->column >= 0;
  };
  return run_items(call, Repeated::kOne, place, Status::kUnknownLabel);
}

// ---- hashed_features -----------------------------------------------------------------------------------------------

constexpr Param kHashedParams[] = {{"n_columns", i32, ""}, {"signed", u8, ""}};
constexpr int kColumns = index_of(kHashedParams, "n_columns"), kSigned = index_of(kHashedParams, "signed");

const char* check_columns(const Array& columns) {
  return columns.scalar<int32_t>() < 1 ? "'n_columns' is not positive" : nullptr;
}

const char* bind_hashed(const BindCall& call) { return check_columns(call.params[kColumns]); }

const char* check_hashed(const LoadCall& call) {
  const Array& columns = call.params[kColumns];
  if (const char* wrong = check_columns(columns)) return wrong;
  return columns.scalar<int32_t>() == call.out->width ? nullptr : "has another number of columns than its result";
}

Status run_hashed(const RunCall& call) noexcept {
  const auto columns = static_cast<uint32_t>(call.params[kColumns].scalar<int32_t>());
  const bool is_signed = call.params[kSigned].scalar<uint8_t>() != 0;
  return run_items(call, Repeated::kAddedUp, [=](const Feature& feature, Entry* entry) {
    const int32_t hash = murmur3<false>(feature.name, feature.size);
    const double sign = is_signed && hash < 0 ? -1.0 : 1.0;
    *entry = {static_cast<int32_t>(column_of_hash(hash, columns)), sign * feature.value};
    return true;
  });
}

Cost cost_hashed(const CostCall&) {
  return Cost{}.rows({{"call", 50.0}}).payload({{"bytes", 1.0}}).produces_nnz(0.04, 0.0).scratch(64.0, 44.0 / kHead);
}

}  // namespace
PRETZEL_KERNEL(dict_features, .params = kDictParams, .in = {kCells, "1"}, .out = {kSparse, "n_names"},
               .bind = bind_dict, .check_state = check_dict_state, .run = run_dict, .cost = cost_dict,
               .flags = kHasState)
PRETZEL_KERNEL(label_sets, .params = kLabelParams, .in = {kCells, "1"}, .out = {kSparse, "n_names"}, .bind = bind_dict,
               .check_state = check_dict_state, .run = run_labels, .cost = cost_dict, .flags = kHasState)
PRETZEL_KERNEL(hashed_features, .params = kHashedParams, .in = {kCells, "1"}, .out = {kSparse, "n_columns"},
               .bind = bind_hashed, .check = check_hashed, .run = run_hashed, .cost = cost_hashed)
}  // namespace pretzel
