// Tokens that are runs of characters of one class.
#pragma once

#include "text/characters.h"

namespace pretzel {
namespace {

/// A token of the working buffer.
struct Token {
  uint32_t start;
  uint32_t size;
};

/// Appends a unit, of which `lower` makes a small letter, as UTF-8.
template <class Unit>
inline char* put_unit(char* p, Unit unit, bool lower) {
  const uint32_t c = lower ? lower_ascii(unit) : unit;
  if (c >= 0x80) return put_utf8(p, c);
  *p = static_cast<char>(c);
  return p + 1;
}

/// Cuts a maximal run of token characters at the borders of words (`\b`): from its first border to its last.
template <class Unit>
inline void cut_at_borders(const Unit* in, int64_t size, CharClasses classes, int64_t* first, int64_t* end) {
  const auto in_word = [&](int64_t i) {
    const uint8_t flags = i < 0 || i >= size ? uint8_t{0} : classes.of(in[i]);
    return (flags & (CharClasses::kToken | CharClasses::kJoiner)) == CharClasses::kToken ||
           (flags & CharClasses::kForeign) != 0;
  };
  const auto is_border = [&](int64_t i) { return in_word(i - 1) != in_word(i); };
  while (*first < *end && !is_border(*first)) ++*first;
  while (*first < *end && !is_border(*end)) --*end;
}

/// Copies the tokens (maximal runs of at least `shortest` characters that `keep` accepts) to `out` as UTF-8, each
/// followed by a space; returns how many. `out` has room for utf8_bound units + 1, `tokens` for size / 2 + 1.
template <class Unit, class Keep>
inline int64_t tokenize(const Unit* in, int64_t size, bool lower, int64_t shortest, CharClasses classes, char* out,
                        Token* tokens, Keep keep) {
  constexpr uint8_t kBordering = CharClasses::kForeign | CharClasses::kJoiner;
  int64_t n = 0;
  char* end = out;
  uint8_t flags = 0, before = 0;  // of this character, and of the one before the run
  for (int64_t i = 0; i < size;) {
    before = flags;
    flags = classes.of(in[i]);
    if ((flags & CharClasses::kToken) == 0) {
      ++i;
      continue;
    }
    int64_t first = i;
    char* p = end;
    uint8_t all = before;
    do {
      all |= flags;
      p = put_unit(p, in[i], lower);
      flags = ++i < size ? classes.of(in[i]) : uint8_t{0};
    } while ((flags & CharClasses::kToken) != 0);
    int64_t length = i - first;
    if (((all | flags) & kBordering) != 0) {
      int64_t last = i;
      cut_at_borders(in, size, classes, &first, &last);
      length = last - first;
      p = end;
      for (int64_t k = first; k < last; ++k) p = put_unit(p, in[k], lower);
    }
    if (length < shortest || length == 0) continue;
    const Token token{static_cast<uint32_t>(end - out), static_cast<uint32_t>(p - end)};
    if (!keep(token)) continue;
    *p++ = ' ';
    tokens[n++] = token;
    end = p;
  }
  return n;
}

}  // namespace
}  // namespace pretzel
