// Tokens that a regular expression finds, by a table that pretzel/oven/ir/_patterns.py makes of it.
//
// A pass from the end of a text notes for each position the row of the table that says how the rest can go on. A second
// one takes, from each position where a match begins, the first way that the pattern has and the row leaves open. Both
// passes take the same time for each character, whatever pattern and text are.
#pragma once

#include "text/tokens.h"

namespace pretzel {
namespace {

/// Columns of a row: which of the next three the position behind it has; where a match begins at the front of the text,
/// behind a character of no word, or behind one of a word; then the steps of the pattern, and kinds of characters. An
/// entry of a kind is the offset of the row one character further to the front. Others are the number of a step, with
/// marks.
class Pattern {
 public:
  static constexpr uint32_t kBefore = 0, kAtBegin = 1, kAfterWord = 3;
  static constexpr uint32_t kNone = 0, kEnd = 1;  // in place of a step: there is no match, or the match is complete
  static constexpr uint32_t kStep = 255, kOpens = 256, kCloses = 512;
  static constexpr int64_t kMostEntries = int64_t{1} << 16;

  explicit Pattern(const Array& table) : entries_(table.as<uint16_t>()) {}

  /// For `bind` and `check_state`: what is wrong with a table, of which `kinds` are the columns of all characters.
  static const char* check(const Array& table, const Array& kinds) {
    constexpr const char* kWrong = "'pattern' is no table of a pattern";
    const int64_t width = table.shape[1];
    const auto* entries = table.as<uint16_t>();
    if (width <= kAfterWord || width > kStep + 1 || table.size > kMostEntries) return kWrong;
    bool is_kind[kStep + 1] = {};
    for (int64_t i = 0; i < kinds.size; ++i) is_kind[kinds.as<uint8_t>()[i]] = true;
    for (int64_t c = 0; c <= kStep; ++c) {
      if (is_kind[c] && (c <= kAfterWord || c >= width)) return kWrong;
    }
    for (int64_t i = 0; i < table.size; ++i) {
      const uint32_t entry = entries[i], step = entry & kStep;
      const bool fits = is_kind[i % width]     ? entry % width == 0 && entry < table.size
                        : i % width == kBefore ? entry > kBefore && entry <= kAfterWord
                                               : step < width && !is_kind[step];
      if (!fits) return kWrong;
    }
    return nullptr;
  }

  /// Notes the row of each position; `rows` has room for one more than the units.
  template <class Unit>
  void read_backwards(const Unit* in, int64_t size, CharClasses kinds, uint16_t* rows) const {
    uint32_t row = 0;
    rows[size] = 0;
    for (int64_t i = size; i-- > 0;) {
      row = entries_[row + kinds.of(in[i])];
      rows[i] = static_cast<uint16_t>(row);
    }
  }
  /// What a match that begins at a position begins with, kNone where none does.
  uint32_t begin(const uint16_t* rows, int64_t i) const {
    return entries_[rows[i] + (i == 0 ? kAtBegin : entries_[rows[i - 1] + kBefore])];
  }
  uint32_t next(uint32_t row, uint32_t step) const { return entries_[row + (step & kStep)]; }

 private:
  const uint16_t* entries_;
};

/// Copies the tokens of a pattern that `keep` accepts to `out` as UTF-8, each followed by a space; returns how many.
/// Spaces in a token become `space`. `out` has room for utf8_bound + 1 bytes for each unit, `tokens` for size, and
/// `rows` for size + 1.
template <class Unit, class Keep>
inline int64_t match_tokens(const Unit* in, int64_t size, bool lower, CharClasses kinds, Pattern pattern, char space,
                            char* out, Token* tokens, uint16_t* rows, Keep keep) {
  pattern.read_backwards(in, size, kinds, rows);
  int64_t n = 0;
  char* end = out;
  for (int64_t i = 0; i < size;) {
    uint32_t step = pattern.begin(rows, i);
    if (step == Pattern::kNone) {
      ++i;
      continue;
    }
    int64_t first = i, last = i, at = i;
    for (;;) {
      if ((step & Pattern::kOpens) != 0) first = at;
      if ((step & Pattern::kCloses) != 0) last = at;
      if ((step & Pattern::kStep) <= Pattern::kEnd || at == size) break;
      step = pattern.next(rows[++at], step);
    }
    i = at == i ? i + 1 : at;
    char* p = end;
    for (int64_t k = first; k < last; ++k) {
      p = put_unit(p, in[k], lower);
      if (in[k] == ' ') p[-1] = space;
    }
    const Token token{static_cast<uint32_t>(end - out), static_cast<uint32_t>(p - end)};
    if (token.size == 0 || !keep(token)) continue;
    *p++ = ' ';
    tokens[n++] = token;
    end = p;
  }
  return n;
}

}  // namespace
}  // namespace pretzel
