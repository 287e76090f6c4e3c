// category_codes: the number that belongs to each cell's category, through one hash table for each column. The
// categories of column j are starts[j] .. starts[j + 1] - 1 of those that are packed as cells.h says.
// one_hot: a 1 at offsets[j] + code for each code that is not negative.
// whole_codes: the whole part of each number, which is a code below counts[j].
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "core/cells.h"
#include "core/codes.h"
#include "core/kernel.h"
#include "core/mix.h"
#include "core/reject.h"
#include "core/state_check.h"

namespace pretzel {
namespace {

/// One category. Texts of up to eight bytes and numbers are told apart by `key` alone; `tag` 0 is an empty slot.
struct Slot {
  uint64_t key;
  double code;
  uint32_t offset;  // text: first byte, from Table::text
  uint32_t size;    // text: code points
  uint8_t tag;      // width of a text, or kNumberTag
  uint8_t pad[7];
};

constexpr uint8_t kNumberTag = 8;

/// One column. Missing values have no slot: their codes stand here.
struct Column {
  int64_t slots;  // index of the first one
  uint64_t mask;
  double none, nan, unknown;
  int64_t max_size;  // code points of the longest text
  uint8_t has_none, has_nan, reject, pad[5];
};

/// The state: Column[width], Slot[n_slots], text.
struct Table {
  explicit Table(const uint8_t* state)
      : width(reinterpret_cast<const int64_t*>(state)[0]),
        columns(reinterpret_cast<const Column*>(state + 64)),
        slots(reinterpret_cast<const Slot*>(state + reinterpret_cast<const int64_t*>(state)[1])),
        text(state + reinterpret_cast<const int64_t*>(state)[2]) {}

  int64_t width;
  const Column* columns;
  const Slot* slots;
  const uint8_t* text;
};

/// Up to eight bytes as a number that, together with their count, identifies them; a hash of more bytes.
uint64_t pack_bytes(const uint8_t* p, int64_t n) {
  if (n > 8) {
    uint64_t h = static_cast<uint64_t>(n);
    for (int64_t i = 0; i + 8 < n; i += 8) h = mix(h ^ read<uint64_t>(p + i));
    return mix(h ^ read<uint64_t>(p + n - 8));
  }
  if (n >= 4) return read<uint32_t>(p) | static_cast<uint64_t>(read<uint32_t>(p + n - 4)) << 32;
  return n == 0 ? 0 : p[0] | static_cast<uint64_t>(p[n / 2]) << 8 | static_cast<uint64_t>(p[n - 1]) << 16;
}

/// -0 equals 0.
uint64_t number_key(double x) { return std::bit_cast<uint64_t>(x + 0.0); }

uint64_t hash(uint64_t key, uint32_t size, uint8_t tag) { return mix(key ^ static_cast<uint64_t>(size) << 48 ^ tag); }

bool rejects(const Column& column, Reject what) { return (column.reject >> static_cast<int>(what) & 1) != 0; }

const double* find_number(const Table& table, const Column& column, double x) {
  const uint64_t key = number_key(x);
  for (uint64_t i = hash(key, 0, kNumberTag);; ++i) {
    const Slot& slot = table.slots[column.slots + static_cast<int64_t>(i & column.mask)];
    if (slot.tag == 0) return nullptr;
    if (slot.key == key && slot.tag == kNumberTag) return &slot.code;
  }
}

const double* find_text(const Table& table, const Column& column, const TextKey& text) {
  if (text.width == 0) return nullptr;
  const int64_t bytes = text.bytes();
  const uint64_t key = pack_bytes(text.data, bytes);
  const auto size = static_cast<uint32_t>(text.size);
  const auto tag = static_cast<uint8_t>(text.width);
  for (uint64_t i = hash(key, size, tag);; ++i) {
    const Slot& slot = table.slots[column.slots + static_cast<int64_t>(i & column.mask)];
    if (slot.tag == 0) return nullptr;
    if (slot.key != key || slot.size != size || slot.tag != tag) continue;
    if (bytes <= 8 || std::memcmp(table.text + slot.offset, text.data, static_cast<size_t>(bytes)) == 0) {
      return &slot.code;
    }
  }
}

const double* find(const Table& table, const Column& column, double x) {
  if (x == x) return find_number(table, column, x);
  return column.has_nan ? &column.nan : nullptr;
}

const double* find(const Table& table, const Column& column, const Cell& cell, TextScratch& scratch) {
  if (cell.kind == CellKind::kText) return find_text(table, column, text_key(cell, column.max_size, scratch));
  if (cell.kind == CellKind::kNumber) return find(table, column, cell.number);
  if (cell.kind == CellKind::kNaN) return column.has_nan ? &column.nan : nullptr;
  if (cell.kind == CellKind::kNaT && rejects(column, Reject::kNa)) return column.has_nan ? &column.nan : nullptr;
  return cell.kind == CellKind::kNone && column.has_none ? &column.none : nullptr;
}

/// Writes the code of a cell that is no category, or rejects it.
Status no_category(const RunCall& call, const Column& column, int32_t r, int32_t j) {
  const View& in = call.in[0];
  const bool is_cell = in.kind == ValueKind::kCells;
  const CellKind kind = is_cell ? in.cell(r, j).kind : CellKind::kNumber;
  const bool nan = is_cell ? is_nan_or_nat(in.cell(r, j)) : in.row(r)[j] != in.row(r)[j];
  call.out->row(r)[j] = column.unknown;
  const bool number = kind == CellKind::kNumber && !nan, object = kind == CellKind::kText || kind == CellKind::kOther;
  if (rejects(column, Reject::kNumbersToNan) && (number || kind == CellKind::kInfinite || kind == CellKind::kOther)) {
    call.out->row(r)[j] = std::numeric_limits<double>::quiet_NaN();
    return Status::kOk;
  }
  if (object && rejects(column, Reject::kObject)) return call.reject(Status::kWrongType, r, j);
  if (kind == CellKind::kNone && rejects(column, Reject::kNone)) return call.reject(Status::kUnknownCategory, r, j);
  if (kind == CellKind::kInfinite && !rejects(column, Reject::kNa)) return call.reject(Status::kInfinite, r, j);
  if (kind == CellKind::kNA && rejects(column, Reject::kNa)) return call.reject(Status::kPandasNA, r, j);
  if (nan && rejects(column, Reject::kNan)) return call.reject(Status::kNotANumber, r, j);
  return rejects(column, Reject::kUnknown) ? call.reject(Status::kUnknownCategory, r, j) : Status::kOk;
}

Status run_codes(const RunCall& call) noexcept {
  const Table table(call.state);
  const View& in = call.in[0];
  const Arena::Mark mark = call.arena->mark();
  TextScratch scratch(call.arena);
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    for (int32_t j = 0; j < in.width; ++j) {
      const Column& column = table.columns[j];
      const double* code = in.kind == ValueKind::kCells ? find(table, column, in.cell(r, j), scratch)
                                                        : find(table, column, in.row(r)[j]);
      if (code != nullptr) {
        out[j] = *code;
      } else if (const Status status = no_category(call, column, r, j); status != Status::kOk) {
        return status;
      }
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

uint64_t slot_count(int64_t entries) {
  uint64_t n = 2;
  while (n < static_cast<uint64_t>(entries) * 2) n *= 2;
  return n;
}

void insert(Slot* slots, uint64_t mask, const Slot& entry) {
  uint64_t i = hash(entry.key, entry.size, entry.tag) & mask;
  while (slots[i].tag != 0) i = (i + 1) & mask;
  slots[i] = entry;
}

void fill_column(Column& column, Slot* slots, const PackedCells& cells, const double* codes, int32_t first,
                 int32_t last) {
  for (int32_t i = first; i < last; ++i) {
    const uint8_t kind = cells.kinds[i];
    if (kind == kPackedNone) {
      column.has_none = 1;
      column.none = codes[i];
    } else if (kind == kPackedNaN) {
      column.has_nan = 1;
      column.nan = codes[i];
    } else if (kind == kPackedNumber) {
      insert(slots, column.mask, {number_key(cells.numbers[i]), codes[i], 0, 0, kNumberTag, {}});
    } else {
      const TextKey text = cells.key(i);
      if (text.size > column.max_size) column.max_size = text.size;
      insert(slots, column.mask,
             {pack_bytes(text.data, text.bytes()),
              codes[i],
              static_cast<uint32_t>(cells.offsets[i]),
              static_cast<uint32_t>(text.size),
              static_cast<uint8_t>(text.width),
              {}});
    }
  }
}

constexpr Param kCodeParams[] = {{"starts", i32, "width+1", kBindOnly | kHoldsOffsets, "", "n"},
                                 PRETZEL_PACKED_CELLS("", "n", kBindOnly),
                                 {"codes", f64, "n", kBindOnly},
                                 {"unknown", f64, "width", kBindOnly},
                                 {"reject", u8, "width", kBindOnly}};
constexpr int kStarts = index_of(kCodeParams, "starts"), kCategories = index_of(kCodeParams, "kinds"),
              kCodes = index_of(kCodeParams, "codes"), kUnknown = index_of(kCodeParams, "unknown"),
              kReject = index_of(kCodeParams, "reject");
constexpr Param kOneHotParams[] = {{"offsets", i32, "width+1", kHoldsOffsets, "", "n_columns"}};

const char* bind_codes(const BindCall& call) {
  const Array &starts = call.params[kStarts], &codes = call.params[kCodes];
  if (const char* wrong = PackedCells::check(call.params + kCategories)) return wrong;
  const PackedCells cells(call.params + kCategories);
  if (cells.text_bytes > INT64_C(0xffffffff)) return "'text' is too long";
  const int32_t* start = starts.as<int32_t>();
  const int64_t width = starts.size - 1;
  const auto* reject = call.params[kReject].as<uint8_t>();
  if (std::any_of(reject, reject + width, [](uint8_t bits) { return bits > kAllRejects; })) {
    return "'reject' has bits that mean nothing";
  }
  int64_t n_slots = 0;
  for (int64_t j = 0; j < width; ++j) n_slots += static_cast<int64_t>(slot_count(start[j + 1] - start[j]));
  const int64_t slots_at = (64 + width * static_cast<int64_t>(sizeof(Column)) + 63) / 64 * 64;
  const int64_t text_at = slots_at + n_slots * static_cast<int64_t>(sizeof(Slot));
  call.state->assign(static_cast<size_t>(text_at + cells.text_bytes), 0);
  uint8_t* state = call.state->data();
  const int64_t head[3] = {width, slots_at, text_at};
  std::memcpy(state, head, sizeof head);
  if (cells.text_bytes > 0) std::memcpy(state + text_at, cells.text, static_cast<size_t>(cells.text_bytes));
  auto* columns = reinterpret_cast<Column*>(state + 64);
  auto* slots = reinterpret_cast<Slot*>(state + slots_at);
  int64_t first = 0;
  for (int64_t j = 0; j < width; ++j) {
    const uint64_t count = slot_count(start[j + 1] - start[j]);
    const double unknown = call.params[kUnknown].as<double>()[j];
    columns[j] = {first, count - 1, 0.0, 0.0, unknown, 0, 0, 0, reject[j], {}};
    fill_column(columns[j], slots + first, cells, codes.as<double>(), start[j], start[j + 1]);
    first += static_cast<int64_t>(count);
  }
  return nullptr;
}

const char* check_codes(const LoadCall& call) {
  return Table(call.state).width == call.in[0].width ? nullptr : "has categories of another number of columns";
}

/// Whether a slot is empty, a number, or a text that lies inside `text_bytes` where it is read.
bool slot_fits(const Slot& slot, int64_t text_bytes) {
  if (slot.tag == 0 || slot.tag == kNumberTag) return true;
  if (slot.tag != 1 && slot.tag != 2 && slot.tag != 4) return false;
  const int64_t bytes = int64_t{slot.size} * slot.tag;
  return bytes <= 8 || int64_t{slot.offset} + bytes <= text_bytes;
}

/// Columns have their slots one behind the other. Each has an empty one, where a look-up ends.
bool columns_fit(const Table& table, int64_t n_slots, int64_t text_bytes) {
  int64_t first = 0;
  for (int64_t j = 0; j < table.width; ++j) {
    const Column& column = table.columns[j];
    const uint64_t count = column.mask + 1;
    if (column.slots != first || !std::has_single_bit(count) || count > static_cast<uint64_t>(n_slots - first))
      return false;
    if (column.max_size < 0 || column.max_size > text_bytes || column.reject > kAllRejects) return false;
    const Slot* slots = table.slots + first;
    for (uint64_t i = 0; i < count; ++i) {
      if (!slot_fits(slots[i], text_bytes)) return false;
    }
    if (!ends_probing(count, [slots](uint64_t i) { return slots[i].tag == 0; })) return false;
    first += static_cast<int64_t>(count);
  }
  return true;
}

const char* check_codes_state(const LoadCall& call) {
  const StateSpan bytes(call);
  if (!bytes.holds<int64_t>(0, 3)) return kTruncated;
  const auto* head = bytes.at<int64_t>(0);
  const auto width = static_cast<uint64_t>(head[0]), slots_at = static_cast<uint64_t>(head[1]),
             text_at = static_cast<uint64_t>(head[2]);
  const bool inside = bytes.holds<Column>(64, width) && slots_at <= text_at && text_at <= bytes.size &&
                      bytes.holds<Slot>(slots_at, (text_at - slots_at) / sizeof(Slot));
  if (!inside) return kTruncated;
  const auto n_slots = static_cast<int64_t>((text_at - slots_at) / sizeof(Slot));
  const auto text_bytes = static_cast<int64_t>(bytes.size - text_at);
  return columns_fit(Table(call.state), n_slots, text_bytes) ? nullptr
                                                             : "has a state with a damaged table of categories";
}

Status run_one_hot(const RunCall& call) noexcept {
  const int32_t* offsets = call.params[0].as<int32_t>();
  const View& in = call.in[0];
  const bool dense = call.out->kind == ValueKind::kDense;
  const auto cells = static_cast<size_t>(call.rows) * in.width;
  auto* index = dense ? nullptr : call.arena->alloc_n<int32_t>(cells);
  auto* value = dense ? nullptr : call.arena->alloc_n<double>(cells);
  if (!dense && (index == nullptr || value == nullptr)) return Status::kNoMemory;
  for (size_t i = 0; !dense && i < cells; ++i) value[i] = 1.0;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* code = in.row(r);
    if (dense) {
      double* out = call.out->row(r);
      std::memset(out, 0, sizeof(double) * static_cast<size_t>(call.out->width));
      for (int32_t j = 0; j < in.width; ++j) {
        if (!(code[j] >= 0.0)) continue;
        const int32_t at = place_of_code(code[j], offsets + j);
        if (at < 0) return call.reject(Status::kOutOfRange, r, j);
        out[at] = 1.0;
      }
      continue;
    }
    int64_t size = 0;
    for (int32_t j = 0; j < in.width; ++j) {
      if (!(code[j] >= 0.0)) continue;
      index[size] = place_of_code(code[j], offsets + j);
      if (index[size++] < 0) return call.reject(Status::kOutOfRange, r, j);
    }
    call.out->sparse[r] = {index, value, size};
    index += size;
  }
  return Status::kOk;
}

constexpr Param kWholeParams[] = {{"counts", i32, "width"}};

Status run_whole(const RunCall& call) noexcept {
  const auto* counts = call.params[0].as<int32_t>();
  const int32_t width = call.in[0].width;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) {
      if (!(in[j] > -1.0 && in[j] < counts[j])) return call.reject(Status::kUnknownCategory, r, j);
      out[j] = static_cast<int32_t>(in[j]);
    }
  }
  return Status::kOk;
}

Cost cost_whole(const CostCall& call) { return Cost{}.rows({{"call", 3.0}, {"columns", 0.7 * call.in_width}}); }

Cost cost_codes(const CostCall& call) {
  const double width = call.out_width, misses = doublings(static_cast<double>(call.state_bytes), 32e3);
  return Cost{}
      .rows({{"call", 3.0}, {"columns", 7.0 * width}, {"misses", 2.0 * width * misses}})
      .payload({{"text", 0.2}});
}

Cost cost_one_hot(const CostCall& call) {
  const double width = call.in_width;
  if (!call.sparse_out) {
    return Cost{}.rows({{"call", 5.0}, {"columns", 1.5 * width}, {"zeros", 0.05 * call.out_width}});
  }
  return Cost{}
      .rows({{"call", 5.0}, {"entries", 2.0 * width}})
      .produces_nnz(0.0, width)
      .scratch(128.0 + 12.0 * width, 0.0);
}

}  // namespace
PRETZEL_KERNEL(category_codes, .params = kCodeParams, .in = {kDense | kCells, "width"}, .bind = bind_codes,
               .check = check_codes, .check_state = check_codes_state, .run = run_codes, .cost = cost_codes,
               .flags = kHasState)
PRETZEL_KERNEL(whole_codes, .params = kWholeParams, .run = run_whole, .cost = cost_whole)
PRETZEL_KERNEL(one_hot, .params = kOneHotParams, .out = {kDense | kSparse, "n_columns"}, .run = run_one_hot,
               .cost = cost_one_hot)
}  // namespace pretzel
