// Room `text`: what the kernels of n-grams share. `ngrams.cpp` (a vocabulary) and `hashing.cpp` (none) call
// `run_documents` here, which hands each document to their loops as code units of one fixed width; `vocabulary.h` holds
// the tables that turn n-grams into term numbers and `vocabulary_build.h` builds them when a kernel is bound.
//
// Python strings store code points in units of one, two or four bytes, so every loop here is a template over the unit;
// only UTF-8 from Arrow is decoded first. Included by kernels: everything is in an anonymous namespace.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/kernel.h"
#include "core/sparse_accumulator.h"
#include "core/state_check.h"
#include "text/patterns.h"
#include "text/tokens.h"

namespace pretzel {
namespace {

constexpr uint32_t kNone = 0xFFFFFFFFu;  // no such word or n-gram
constexpr int64_t kTextPad = 16;         // bytes that may be read past the end of a working buffer
constexpr int64_t kMaxUnits = int64_t{1} << 29;

PRETZEL_ENUM(Analyzer, uint8_t, kWord, kChar, kCharWb);

/// Calls `work(units, size, lower)` with the document in fixed-width units; `lower`: ASCII capitals must be lowered.
template <class Work>
inline Status with_units(const Cell& cell, bool lower, Arena* arena, Work work) {
  if (cell.kind != CellKind::kText) return Status::kWrongType;
  if (cell.size > kMaxUnits) return Status::kNoMemory;
  lower = lower && !cell.normalized;
  if (cell.encoding == Encoding::kUcs2) return work(static_cast<const uint16_t*>(cell.text), cell.size, lower);
  if (cell.encoding == Encoding::kUcs4) return work(static_cast<const uint32_t*>(cell.text), cell.size, lower);
  const auto* bytes = static_cast<const uint8_t*>(cell.text);
  uint8_t all = 0;
  for (int64_t i = 0; cell.encoding == Encoding::kUtf8 && i < cell.size; ++i) all |= bytes[i];
  if (all < 0x80) return work(bytes, cell.size, lower);
  auto* points = arena->alloc_n<uint32_t>(static_cast<size_t>(cell.size));
  if (points == nullptr) return Status::kNoMemory;
  return work(static_cast<const uint32_t*>(points), decode_utf8(bytes, cell.size, points), lower);
}

/// Whether two white-space characters stand side by side; one pass without branches for one-byte units.
template <class Unit>
inline bool has_double_space(const Unit* in, int64_t size, const CharClasses& classes) {
  if constexpr (sizeof(Unit) == 1) {
    uint8_t found = 0;  // the white space of Latin-1: \t-\r, \x1c-\x1f, space, \x85, \xa0
    const auto space = [](uint8_t c) {
      return static_cast<uint8_t>((c == 32) | (static_cast<uint8_t>(c - 9) < 5) | (static_cast<uint8_t>(c - 28) < 4) |
                                  (c == 0x85) | (c == 0xA0));
    };
    for (int64_t i = 0; i + 1 < size; ++i) found |= space(in[i]) & space(in[i + 1]);
    return found != 0;
  } else {
    for (int64_t i = 0; i + 1 < size; ++i) {
      if (classes.is_space(in[i]) && classes.is_space(in[i + 1])) return true;
    }
    return false;
  }
}

/// The text of the "char" analyzer: runs of two or more white-space characters become one space.
template <class Unit>
inline int64_t collapse_spaces(const Unit* in, int64_t size, bool lower, const CharClasses& classes, Unit* out) {
  if (!has_double_space(in, size, classes)) {
    if (lower) {
      for (int64_t i = 0; i < size; ++i) out[i] = lower_ascii(in[i]);
    } else {
      std::memcpy(out, in, static_cast<size_t>(size) * sizeof(Unit));
    }
    return size;
  }
  int64_t n = 0;
  for (int64_t i = 0; i < size;) {
    int64_t end = i;
    while (end < size && classes.is_space(in[end])) ++end;
    if (end - i >= 2) {
      out[n++] = ' ';
      i = end;
    } else {
      out[n++] = lower ? lower_ascii(in[i]) : in[i];
      ++i;
    }
  }
  return n;
}

/// The text of the "char_wb" analyzer: words (str.split) with one space before, between and behind; at most size + 2
/// units. `reach[i]` is the length of the longest n-gram from i that stays in its word.
template <class Unit>
inline int64_t pad_words(const Unit* in, int64_t size, bool lower, const CharClasses& classes, Unit* out,
                         int32_t* reach) {
  int64_t n = 0;
  for (int64_t i = 0; i < size;) {
    if (classes.is_space(in[i])) {
      ++i;
      continue;
    }
    if (n == 0) out[n++] = ' ';
    const int64_t first = n - 1;
    for (; i < size && !classes.is_space(in[i]); ++i) out[n++] = lower ? lower_ascii(in[i]) : in[i];
    out[n++] = ' ';
    for (int64_t k = first; k < n - 1; ++k) reach[k] = static_cast<int32_t>(n - k);
  }
  if (n > 0) reach[n - 1] = 1;
  return n;
}

// The parameters that analyzers share, as part of a declaration.
#define PRETZEL_TEXT_PARAMS                                                                               \
  {"stop_words", u8, "stop_bytes", kBindOnly},                                                            \
      {"stop_offsets", i32, "n_stop_words+1", kBindOnly | kHoldsOffsets, "", "stop_bytes"},               \
      {"class_pages", u16, "n_pages"}, {"class_flags", u8, "n_flags"},                                    \
      {"pattern", u16, "n_rows n_entries", kMayBeEmpty}, {"analyzer", u8, "", kBindOnly, kAnalyzerNames}, \
      {"min_n", i32, "", kBindOnly}, {"max_n", i32, "", kBindOnly}, {"lower", u8, "", kBindOnly}, {       \
    "shortest", i32, "", kBindOnly                                                                        \
  }
constexpr int kClasses = 2, kPattern = 4, kSettings = 5;  // where these begin among them

/// How a document is taken apart: the first part of the state of every kernel that reads text.
struct TextSettings {
  int32_t min_n, max_n;
  int32_t shortest;  // characters of a token, at least
  Analyzer analyzer;
  bool lower;
  bool by_pattern;  // the flags of characters are columns of a `Pattern`

  /// Reads PRETZEL_TEXT_PARAMS; returns what is wrong with them, or nullptr. With `spaces`, tokens may hold spaces if
  /// they are never joined or looked up: an n-gram is one token, and there are no stop words.
  const char* read(const Array* params, bool spaces = false) {
    if (const char* wrong = check_classes(params, spaces)) return wrong;
    by_pattern = params[kPattern].size != 0;
    params += kSettings;
    analyzer = params[0].scalar<Analyzer>();
    min_n = params[1].scalar<int32_t>();
    max_n = params[2].scalar<int32_t>();
    lower = params[3].scalar<uint8_t>() != 0;
    shortest = params[4].scalar<int32_t>();
    return check_lengths();
  }
  /// For `check_state`: what is wrong with settings that come from a file, or with PRETZEL_TEXT_PARAMS; or nullptr.
  const char* check(const Array* params, bool spaces = false) const {
    if (const char* wrong = check_classes(params, spaces)) return wrong;
    const bool known = analyzer <= Analyzer::kCharWb && is_bool(lower) && is_bool(by_pattern);
    return known && by_pattern == (params[kPattern].size != 0) ? check_lengths() : kUnknownForm;
  }
  static const char* check_classes(const Array* params, bool spaces) {
    if (const char* wrong = CharClasses::check(params + kClasses)) return wrong;
    if (params[kPattern].size != 0) return Pattern::check(params[kPattern], params[kClasses + 1]);
    const bool holds = CharClasses(params + kClasses).in_token(uint8_t{' '});
    return holds && !spaces ? "'class_flags' makes the space a part of tokens" : nullptr;
  }
  const char* check_lengths() const {
    return min_n >= 1 && max_n >= min_n ? nullptr : "'min_n' and 'max_n' are no range of lengths";
  }

  /// How many n-grams a sequence of `size` symbols has.
  int64_t count_grams(int64_t size) const {
    const int64_t most = max_n > size ? size : max_n;
    return most < min_n ? 0 : (most - min_n + 1) * (size + 1) - (min_n + most) * (most - min_n + 1) / 2;
  }
};

/// Expected numbers of character n-grams for each code unit of an ordinary text, for cost estimates.
struct CharGrams {
  double extended = 0;     // n-grams of three characters and more, found by extending shorter ones
  double counted = 0;      // n-grams of all lengths that are counted; single characters take less
  double entries = 0;      // distinct n-grams
  double row_entries = 0;  // distinct n-grams for each text, whatever its length

  CharGrams(int64_t min_n, int64_t max_n, bool bounded) {
    constexpr int64_t kLongest = 1000;  // most texts have no longer ones
    for (int64_t n = 1; n <= std::min(max_n, kLongest); ++n) {
      // Words have about five characters, and with a space on either side 8 - n n-grams in six units.
      const double share = !bounded || n == 1 ? 1.0 : n < 7 ? static_cast<double>(8 - n) / 6.0 : 0.15;
      if (n >= 3) extended += share;
      if (n < min_n) continue;
      counted += n == 1 ? 0.4 : share;
      entries += share * (n == 1 ? 0.0 : n == 2 ? 0.35 : n == 3 ? 0.6 : 0.75);
      if (n == 1) row_entries += 15.0;
    }
  }
};

/// Counts the n-grams of each document. `params` are PRETZEL_TEXT_PARAMS; `space` stands for spaces in tokens.
///
/// `words(row, most, text, tokens, split)` counts a document of at most `most` tokens. `split(keep)` writes those that
/// `keep` accepts to `text` and `tokens` and returns their number (see tokenize, match_tokens).
/// `chars(row, units, size, reach)` counts a text of code units; `reach` is as in pad_words, nullptr for "char".
template <class Words, class Chars>
inline Status run_documents(const RunCall& call, const TextSettings& settings, const Array* params, int64_t columns,
                            char space, Words words, Chars chars) {
  const CharClasses classes(params + kClasses);
  const bool by_word = settings.analyzer == Analyzer::kWord, bounded = settings.analyzer == Analyzer::kCharWb;
  Arena* arena = call.arena;
  for (int32_t r = 0; r < call.rows; ++r) {
    AccumulatedRow row(arena, call.out->sparse + r, columns);
    const auto work = [&](const auto* text, int64_t size, bool lower) {
      using Unit = std::remove_cvref_t<decltype(*text)>;
      // Runs have something between them. char_wb pads the ends, and may count each word once more, whole.
      const int64_t most = by_word && !settings.by_pattern ? size / 2 + 1 : bounded ? size + 2 : size;
      const int64_t grams = settings.count_grams(most) + (bounded ? most : 0);
      if (!row.reserve(grams)) return Status::kNoMemory;
      const Arena::Mark mark = arena->mark();
      Status status;
      if (by_word) {
        const int64_t spaces = settings.by_pattern ? size : 1;
        auto* buffer = arena->alloc_n<char>(static_cast<size_t>(size * utf8_bound<Unit>() + spaces + kTextPad));
        auto* tokens = arena->alloc_n<Token>(static_cast<size_t>(most));
        auto* rows = settings.by_pattern ? arena->alloc_n<uint16_t>(static_cast<size_t>(size + 1)) : nullptr;
        if (buffer == nullptr || tokens == nullptr || (settings.by_pattern && rows == nullptr))
          return Status::kNoMemory;
        status = words(&row, most, buffer, tokens, [&](auto keep) {
          if (settings.by_pattern) {
            const Pattern pattern(params[kPattern]);
            return match_tokens(text, size, lower, classes, pattern, space, buffer, tokens, rows, keep);
          }
          return tokenize(text, size, lower, settings.shortest, classes, buffer, tokens, keep);
        });
      } else {
        auto* units = arena->alloc_n<Unit>(static_cast<size_t>(size + 2));
        auto* reach = bounded ? arena->alloc_n<int32_t>(static_cast<size_t>(size + 2)) : nullptr;
        if (units == nullptr || (bounded && reach == nullptr)) return Status::kNoMemory;
        const int64_t n = bounded ? pad_words(text, size, lower, classes, units, reach)
                                  : collapse_spaces(text, size, lower, classes, units);
        if (!row.start(grams)) return Status::kNoMemory;
        status = chars(&row, units, n, reach);
      }
      arena->release(mark);
      return status == Status::kOk ? row.finish() : status;
    };
    const Status status = with_units(call.in[0].cell(r, 0), settings.lower, arena, work);
    if (status != Status::kOk) return call.reject(status, r, 0);
  }
  return Status::kOk;
}

}  // namespace
}  // namespace pretzel
