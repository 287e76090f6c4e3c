// hashing: signed counts of n-grams by hash, exactly as FeatureHasher; entries that cancel stay as zeros.
// Stop words are UTF-8 bytes and their offsets.
#include "text/vocabulary_build.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {PRETZEL_TEXT_PARAMS, {"n_columns", i32, "", kBindOnly}, {"signed", u8, "", kBindOnly}};
constexpr int kStopWords = index_of(kParams, "stop_words"), kClasses = index_of(kParams, "class_pages"),
              kAnalyzer = index_of(kParams, "analyzer"), kColumns = index_of(kParams, "n_columns"),
              kSigned = index_of(kParams, "signed");

struct State {
  TextSettings settings;
  uint32_t columns;
  int32_t is_signed;
  int32_t has_stop_words;
  WordTable stop_words;
};

const char* bind(const BindCall& call) {
  const Strings stop_words(call.params + kStopWords);
  if (!stop_words.fit(call.params[kStopWords].size)) return "'stop_offsets' does not ascend to the end of 'stop_words'";
  if (const char* wrong = CharClasses::check(call.params + kClasses)) return wrong;
  State state;
  std::memset(&state, 0, sizeof state);  // padding, too: equal states are equal bytes
  if (const char* wrong = state.settings.read(call.params + kAnalyzer)) return wrong;
  const auto columns = call.params[kColumns].scalar<int32_t>();
  if (columns < 1) return "'n_columns' is not positive";
  state.columns = static_cast<uint32_t>(columns);
  state.is_signed = call.params[kSigned].scalar<uint8_t>();
  append_block(call.state, sizeof state);
  WordBuilder words;
  each_stop_word(stop_words, [&](const char* word, uint64_t size) { words.add(word, size, 0); });
  state.has_stop_words = !words.words().empty();
  if (!words.build(call.state, &state.stop_words)) return "there are too many stop words";
  std::memcpy(call.state->data(), &state, sizeof state);
  return nullptr;
}

const char* check(const LoadCall& call) {
  const auto& state = *reinterpret_cast<const State*>(call.state);
  return int64_t{state.columns} == call.out->width ? nullptr : "has another number of columns than its result";
}

inline uint32_t rotate(uint32_t v, int by) { return v << by | v >> (32 - by); }

/// MurmurHash3 (x86, 32 bits), seed 0.
inline int32_t murmur3(const char* p, uint32_t size) {
  const auto mixed = [](uint32_t k) { return rotate(k * 0xCC9E2D51u, 15) * 0x1B873593u; };
  uint32_t h = 0;
  uint32_t left = size;
  for (; left >= 4; left -= 4, p += 4) {
    uint32_t block;
    std::memcpy(&block, p, sizeof block);
    h = rotate(h ^ mixed(block), 13) * 5 + 0xE6546B64u;
  }
  if (left != 0) {
    uint32_t tail;  // the buffer goes on behind the n-gram
    std::memcpy(&tail, p, sizeof tail);
    h ^= mixed(tail & ~uint32_t{0} >> (32 - 8 * left));
  }
  h ^= size;
  h = (h ^ h >> 16) * 0x85EBCA6Bu;
  h = (h ^ h >> 13) * 0xC2B2AE35u;
  return static_cast<int32_t>(h ^ h >> 16);
}

void count(AccumulatedRow* row, const State& s, const char* gram, uint32_t size) {
  const int32_t h = murmur3(gram, size);
  // 2**31 is what |INT32_MIN| would be; scikit-learn's formula for it gives the same remainder
  const uint32_t magnitude = h < 0 ? 0u - static_cast<uint32_t>(h) : static_cast<uint32_t>(h);
  row->add(magnitude % s.columns, h < 0 && s.is_signed != 0 ? -1.0 : 1.0);
}

template <class Unit>
Status run_words(const State& s, const CharClasses& classes, AccumulatedRow* row, const Unit* text, int64_t size,
                 bool lower) {
  Arena* arena = row->arena();
  const int64_t most = size / 2 + 1;
  if (!row->reserve(count_grams(most, s.settings.min_n, s.settings.max_n))) return Status::kNoMemory;
  const Arena::Mark mark = arena->mark();
  auto* buffer = arena->alloc_n<char>(static_cast<size_t>(size * utf8_bound<Unit>() + 1 + kTextPad));
  auto* tokens = arena->alloc_n<Token>(static_cast<size_t>(most));
  if (buffer == nullptr || tokens == nullptr) return Status::kNoMemory;
  const Words stop_words(s.stop_words, reinterpret_cast<const uint8_t*>(&s));
  const int64_t n = tokenize(text, size, lower, s.settings.shortest, classes, buffer, tokens, [&](Token token) {
    if (s.has_stop_words == 0) return true;
    const char* word = buffer + token.start;
    return stop_words.find(word, token.size, hash_bytes(word, token.size)) == kNone;
  });
  if (!row->start(count_grams(n, s.settings.min_n, s.settings.max_n))) return Status::kNoMemory;
  for (int64_t length = s.settings.min_n; length <= s.settings.max_n && length <= n; ++length) {
    for (int64_t i = 0; i + length <= n; ++i) {  // tokens stand one space apart: an n-gram is a slice
      const Token last = tokens[i + length - 1];
      count(row, s, buffer + tokens[i].start, last.start + last.size - tokens[i].start);
    }
  }
  arena->release(mark);
  return row->finish();
}

void count_chars(const State& s, AccumulatedRow* row, const char* bytes, const uint32_t* at, const int32_t* reach,
                 int64_t size) {
  const auto add = [&](int64_t i, int64_t length) { count(row, s, bytes + at[i], at[i + length] - at[i]); };
  for (int64_t i = 0; reach != nullptr && i + 1 < size; i += reach[i] - 1) {
    if (reach[i] < s.settings.min_n) add(i, reach[i]);  // char_wb counts a short padded word once, whole
    if (s.settings.min_n == 1 && i > 0) add(i, 1);      // this space closes one word and opens the next
  }
  for (int64_t length = s.settings.min_n; length <= s.settings.max_n && length <= size; ++length) {
    for (int64_t i = 0; i + length <= size; ++i) {
      if (reach == nullptr || reach[i] >= length) add(i, length);
    }
  }
}

template <class Unit>
Status run_chars(const State& s, const CharClasses& classes, AccumulatedRow* row, const Unit* text, int64_t size,
                 bool lower) {
  Arena* arena = row->arena();
  const bool bounded = s.settings.analyzer == Analyzer::kCharWb;
  const int64_t most = bounded ? size + 2 : size;  // char_wb pads the ends, and may count each word once more, whole
  const int64_t grams = count_grams(most, s.settings.min_n, s.settings.max_n) + (bounded ? most : 0);
  if (!row->reserve(grams)) return Status::kNoMemory;
  const Arena::Mark mark = arena->mark();
  auto* units = arena->alloc_n<Unit>(static_cast<size_t>(size + 2));
  auto* at = arena->alloc_n<uint32_t>(static_cast<size_t>(size + 3));
  auto* reach = bounded ? arena->alloc_n<int32_t>(static_cast<size_t>(size + 2)) : nullptr;
  auto* buffer = arena->alloc_n<char>(static_cast<size_t>((size + 2) * utf8_bound<Unit>() + kTextPad));
  if (units == nullptr || at == nullptr || buffer == nullptr || (bounded && reach == nullptr)) {
    return Status::kNoMemory;
  }
  const int64_t n = bounded ? pad_words(text, size, lower, classes, units, reach)
                            : collapse_spaces(text, size, lower, classes, units);
  if (!row->start(grams)) return Status::kNoMemory;
  char* end = buffer;
  bool surrogates = false;
  for (int64_t i = 0; i < n; ++i) {
    at[i] = static_cast<uint32_t>(end - buffer);
    end = put_utf8(end, units[i]);
    if constexpr (sizeof(Unit) > 1) surrogates |= units[i] >= 0xD800 && units[i] < 0xE000;
  }
  at[n] = static_cast<uint32_t>(end - buffer);
  if (surrogates && (bounded || n >= s.settings.min_n)) return Status::kLoneSurrogate;
  count_chars(s, row, buffer, at, reach, n);
  arena->release(mark);
  return row->finish();
}

Status run(const RunCall& call) noexcept {
  const auto& state = *reinterpret_cast<const State*>(call.state);
  return run_documents(
      call, state, call.params + kClasses, state.columns, [](const auto&... args) { return run_words(args...); },
      [](const auto&... args) { return run_chars(args...); });
}

Cost cost(const CostCall& call) {
  const auto& s = *reinterpret_cast<const State*>(call.state);
  const double lengths = s.settings.max_n - s.settings.min_n + 1, columns = s.columns;
  if (s.settings.analyzer == Analyzer::kWord) {
    return Cost{}
        .rows({{"call", 150.0}})
        .payload({{"text", 3.0}, {"word_grams", 2.0 * lengths}})
        .produces_nnz(0.15 * lengths, 0.0)
        .scratch(1024.0, 48.0 + 20.0 * lengths);
  }
  const CharGrams grams(s.settings.min_n, s.settings.max_n, s.settings.analyzer == Analyzer::kCharWb);
  return Cost{}
      .rows({{"call", 150.0}})
      .payload(
          {{"text", 3.0}, {"char_grams", 7.0 * lengths}, {"misses", 0.5 * lengths * doublings(8.0 * columns, 1e6)}})
      .produces_nnz(grams.entries, grams.row_entries)
      .scratch(1024.0, 40.0 + 36.0 * (lengths + 1.0));
}

}  // namespace
PRETZEL_KERNEL(hashing, .params = kParams, .in = {kCells, "1"}, .out = {kSparse, "n_features"}, .bind = bind,
               .check = check, .run = run, .cost = cost, .state_version = 2, .flags = kHasState)
}  // namespace pretzel
