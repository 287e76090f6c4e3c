// Texts of cells in one canonical form, and constants packed by pretzel/oven/ir/_cells.py.
//
// The canonical form is Python's: code points of one, two or four bytes, whichever is the least that fits, so that two
// texts are equal exactly when width, size and bytes are.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/arena.h"
#include "core/kernel.h"
#include "core/view.h"

namespace pretzel {
namespace {

/// A text in canonical form. `width` 0: not a text that any constant could equal (malformed UTF-8), or no memory.
struct TextKey {
  const uint8_t* data;
  int64_t size;  // code points
  int32_t width;

  int64_t bytes() const { return size * width; }
};

/// Room for a converted text: short ones on the stack, long ones in the arena.
struct TextScratch {
  explicit TextScratch(Arena* arena) : arena(arena) {}
  uint32_t* take(int64_t n) { return n <= 64 ? local : arena->alloc_n<uint32_t>(static_cast<size_t>(n)); }

  Arena* arena;
  uint32_t local[64];
};

/// `n` units in the least width that fits; narrower ones are written to `room`, which may be where `from` lies.
template <class Wide>
TextKey narrow(const Wide* from, int64_t n, TextScratch& scratch, uint32_t* room = nullptr) {
  uint32_t bits = 0;
  for (int64_t i = 0; i < n; ++i) bits |= from[i];
  const int32_t width = bits <= 0xff ? 1 : bits <= 0xffff ? 2 : 4;
  if (width == static_cast<int32_t>(sizeof(Wide))) return {reinterpret_cast<const uint8_t*>(from), n, width};
  if (room == nullptr) room = scratch.take(n);
  if (room == nullptr) return {nullptr, 0, 0};
  auto* bytes = reinterpret_cast<uint8_t*>(room);
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t unit = from[i];
    std::memcpy(bytes + i * width, &unit, static_cast<size_t>(width));  // little-endian
  }
  return {bytes, n, width};
}

/// Code points of UTF-8 text into `out`; -1 when it is malformed.
inline int64_t decode_utf8(const uint8_t* p, int64_t n, uint32_t* out) {
  int64_t size = 0;
  for (int64_t i = 0; i < n; ++size) {
    const uint32_t lead = p[i];
    const int64_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || i + length > n) return -1;
    uint32_t point = length == 1 ? lead : lead & (0xffu >> (length + 1));
    for (int64_t k = 1; k < length; ++k) {
      if ((p[i + k] & 0xc0u) != 0x80u) return -1;
      point = (point << 6) | (p[i + k] & 0x3fu);
    }
    if ((length == 3 && point < 0x800) || (length == 4 && point < 0x10000)) return -1;  // overlong
    out[size] = point;
    i += length;
  }
  return size;
}

inline bool is_ascii(const uint8_t* p, int64_t n) {
  uint8_t bits = 0;
  for (int64_t i = 0; i < n; ++i) bits |= p[i];
  return bits < 0x80;
}

/// The text of a cell in canonical form, or width 0 when it has more than `max_size` code points.
inline TextKey text_key(const Cell& cell, int64_t max_size, TextScratch& scratch) {
  const auto* bytes = static_cast<const uint8_t*>(cell.text);
  const TextKey none{nullptr, 0, 0};
  if (cell.encoding == Encoding::kUtf8) {
    if (cell.size > 4 * max_size) return none;
    if (is_ascii(bytes, cell.size)) return cell.size > max_size ? none : TextKey{bytes, cell.size, 1};
    uint32_t* points = scratch.take(cell.size);
    const int64_t size = points == nullptr ? -1 : decode_utf8(bytes, cell.size, points);
    if (size < 0 || size > max_size) return none;
    return narrow(points, size, scratch, points);
  }
  if (cell.size > max_size) return none;
  if (cell.encoding == Encoding::kUcs2) return narrow(static_cast<const uint16_t*>(cell.text), cell.size, scratch);
  if (cell.encoding == Encoding::kUcs4) return narrow(static_cast<const uint32_t*>(cell.text), cell.size, scratch);
  return {bytes, cell.size, 1};
}

inline bool equal(const TextKey& a, const TextKey& b) {
  return a.width == b.width && a.size == b.size && a.width != 0 &&
         std::memcmp(a.data, b.data, static_cast<size_t>(a.bytes())) == 0;
}

/// Kinds of packed constants. Texts follow in the order of Encoding.
PRETZEL_ENUM(PackedKind, uint8_t, kNone, kNan, kNumber, kAscii, kLatin1, kUcs2, kUcs4);
constexpr auto kPackedNone = static_cast<uint8_t>(PackedKind::kNone),
               kPackedNaN = static_cast<uint8_t>(PackedKind::kNan),
               kPackedNumber = static_cast<uint8_t>(PackedKind::kNumber),
               kPackedText = static_cast<uint8_t>(PackedKind::kAscii);

constexpr int32_t unit_width(Encoding encoding) {
  return encoding == Encoding::kUcs2 ? 2 : encoding == Encoding::kUcs4 ? 4 : 1;
}

// The five parameters of PackedCells as part of a declaration: names with a prefix, constants of shape SIZE.
#define PRETZEL_PACKED_CELLS(PREFIX, SIZE, FLAGS)                                            \
  {PREFIX "kinds", u8, SIZE, FLAGS, kPackedKindNames}, {PREFIX "numbers", f64, SIZE, FLAGS}, \
      {PREFIX "offsets", i64, SIZE, FLAGS}, {PREFIX "sizes", i64, SIZE, FLAGS}, {            \
    PREFIX "text", u8, PREFIX "text_bytes", FLAGS                                            \
  }

/// Constants in five parameters in a row.
struct PackedCells {
  explicit PackedCells(const Array* params)
      : size(params[0].size),
        text_bytes(params[4].size),
        kinds(params[0].as<uint8_t>()),
        numbers(params[1].as<double>()),
        offsets(params[2].as<int64_t>()),
        sizes(params[3].as<int64_t>()),
        text(params[4].as<uint8_t>()) {}

  Encoding encoding(int64_t i) const { return static_cast<Encoding>(kinds[i] - kPackedText); }
  TextKey key(int64_t i) const { return {text + offsets[i], sizes[i], unit_width(encoding(i))}; }
  Cell cell(int64_t i) const {
    if (kinds[i] == kPackedNone) return {nullptr, 0.0, 0, CellKind::kNone, Encoding::kAscii, false};
    if (kinds[i] == kPackedNaN) return {nullptr, 0.0, 0, CellKind::kNaN, Encoding::kAscii, false};
    if (kinds[i] == kPackedNumber) return {nullptr, numbers[i], 0, CellKind::kNumber, Encoding::kAscii, false};
    return {text + offsets[i], 0.0, sizes[i], CellKind::kText, encoding(i), false};
  }
  /// For `bind` and `check`: whether every text lies inside `text` and is one; returns what is wrong, or nullptr.
  static const char* check(const Array* params);

  int64_t size;
  int64_t text_bytes;
  const uint8_t* kinds;
  const double* numbers;
  const int64_t* offsets;
  const int64_t* sizes;
  const uint8_t* text;
};

inline const char* PackedCells::check(const Array* params) {
  const PackedCells packed(params);
  for (int64_t i = 0; i < packed.size; ++i) {
    if (packed.kinds[i] < kPackedText) continue;
    const int64_t unit = unit_width(packed.encoding(i)), offset = packed.offsets[i], size = packed.sizes[i];
    if (offset < 0 || offset > packed.text_bytes || size < 0 || size > (packed.text_bytes - offset) / unit) {
      return "a packed text lies outside 'text'";
    }
    const uint8_t* begin = packed.text + offset;
    if (reinterpret_cast<uintptr_t>(begin) % static_cast<uintptr_t>(unit) != 0) return "a packed text is not aligned";
    for (int64_t k = 0; packed.encoding(i) == Encoding::kUcs4 && k < size; ++k) {
      if (reinterpret_cast<const uint32_t*>(begin)[k] > 0x10ffff) return "a packed text holds what is no character";
    }
  }
  return nullptr;
}

inline bool is_nan(const Cell& cell) {
  return cell.kind == CellKind::kNaN || (cell.kind == CellKind::kNumber && cell.number != cell.number);
}

/// Whether `cell` differs from itself, as the missing values of columns of objects do.
inline bool is_nan_or_nat(const Cell& cell) { return is_nan(cell) || cell.kind == CellKind::kNaT; }

/// Whether `cell` is one of `constants`.
inline bool is_one_of(const Cell& cell, const PackedCells& constants, TextScratch& scratch) {
  const bool nan = is_nan_or_nat(cell);
  for (int64_t i = 0; i < constants.size; ++i) {
    const uint8_t kind = constants.kinds[i];
    if (nan ? kind == kPackedNaN : cell.kind == CellKind::kNone && kind == kPackedNone) return true;
    if (kind == kPackedNumber && cell.kind == CellKind::kNumber && cell.number == constants.numbers[i]) return true;
    if (kind >= kPackedText && cell.kind == CellKind::kText) {
      if (equal(text_key(cell, constants.sizes[i], scratch), constants.key(i))) return true;
    }
  }
  return false;
}

}  // namespace
}  // namespace pretzel
