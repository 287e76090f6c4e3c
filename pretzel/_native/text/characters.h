// Classes of characters and their encodings, for one code unit at a time.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernel.h"

namespace pretzel {
namespace {

/// Flags of all code points: a page number for each 256, then a byte of flags. Foreigners are part of words but not of
/// tokens, joiners of tokens but not of words; both only where tokens begin and end at the borders of words.
struct CharClasses {
  static constexpr uint8_t kToken = 1, kSpace = 2, kForeign = 4, kJoiner = 8;
  static constexpr int64_t kPages = 0x110000 >> 8;
  const uint16_t* page;
  const uint8_t* flags;

  /// From two parameters in a row: class_pages and class_flags.
  explicit CharClasses(const Array* params) : page(params[0].as<uint16_t>()), flags(params[1].as<uint8_t>()) {}

  /// For `bind` and `check_state`: what is wrong with these parameters, or nullptr.
  static const char* check(const Array* params) {
    const auto* pages = params[0].as<uint16_t>();
    for (int64_t i = 0; i < params[0].size; ++i) {
      if ((int64_t{pages[i]} + 1) * 256 > params[1].size)
        return "'class_pages' names a page that 'class_flags' has not";
    }
    return params[0].size == kPages && pages[0] == 0 ? nullptr : "'class_pages' does not cover Unicode";
  }

  template <class Unit>
  uint8_t of(Unit c) const {
    if constexpr (sizeof(Unit) == 1) return flags[c];  // page 0 comes first
    return flags[(static_cast<size_t>(page[c >> 8]) << 8) | (c & 255)];
  }
  template <class Unit>
  bool in_token(Unit c) const {
    return (of(c) & kToken) != 0;
  }
  template <class Unit>
  bool is_space(Unit c) const {
    return (of(c) & kSpace) != 0;
  }
};

template <class Unit>
inline Unit lower_ascii(Unit c) {
  return static_cast<Unit>(c | ((static_cast<uint32_t>(c) - 'A' < 26u) << 5));
}

/// Appends a code point as UTF-8; surrogates are encoded like any other ("surrogatepass").
inline char* put_utf8(char* out, uint32_t c) {
  if (c < 0x80) {
    *out++ = static_cast<char>(c);
  } else if (c < 0x800) {
    *out++ = static_cast<char>(0xC0 | c >> 6);
    *out++ = static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    *out++ = static_cast<char>(0xE0 | c >> 12);
    *out++ = static_cast<char>(0x80 | (c >> 6 & 63));
    *out++ = static_cast<char>(0x80 | (c & 63));
  } else {
    *out++ = static_cast<char>(0xF0 | c >> 18);
    *out++ = static_cast<char>(0x80 | (c >> 12 & 63));
    *out++ = static_cast<char>(0x80 | (c >> 6 & 63));
    *out++ = static_cast<char>(0x80 | (c & 63));
  }
  return out;
}

/// Bytes that one unit can take as UTF-8 (a one-byte unit is at most U+00FF).
template <class Unit>
constexpr int64_t utf8_bound() {
  return sizeof(Unit) == 4 ? 4 : static_cast<int64_t>(sizeof(Unit)) + 1;
}

/// Decodes valid UTF-8 (surrogates included) to code points; returns how many.
inline int64_t decode_utf8(const uint8_t* in, int64_t size, uint32_t* out) {
  const uint32_t* start = out;
  for (int64_t i = 0; i < size;) {
    const uint32_t c = in[i];
    const int more = c < 0x80 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    uint32_t point = more == 0 ? c : c & (0x3Fu >> more);
    for (int k = 1; k <= more && i + k < size; ++k) point = point << 6 | (in[i + k] & 63u);
    *out++ = point > 0x10FFFFu ? 0xFFFDu : point;
    i += more + 1;
  }
  return out - start;
}

}  // namespace
}  // namespace pretzel
