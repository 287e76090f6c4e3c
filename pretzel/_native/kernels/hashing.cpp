// hashing: signed counts of n-grams by hash, exactly as FeatureHasher; entries that cancel stay as zeros.
// Stop words are UTF-8 bytes and their offsets.
#include "text/murmur3.h"
#include "text/vocabulary_build.h"

namespace pretzel {
namespace {

constexpr Param kParams[] = {PRETZEL_TEXT_PARAMS, {"n_columns", i32, "", kBindOnly}, {"signed", u8, "", kBindOnly}};
constexpr int kText = index_of(kParams, "stop_words"), kMaxN = index_of(kParams, "max_n"),
              kColumns = index_of(kParams, "n_columns"), kSigned = index_of(kParams, "signed");

struct State {
  TextSettings settings;
  uint32_t columns;
  int32_t is_signed;
  int32_t has_stop_words;
  WordTable stop_words;
};

const char* bind(const BindCall& call) {
  State state;
  std::memset(&state, 0, sizeof state);  // padding, too: equal states are equal bytes
  const auto max_n = call.params[kMaxN].scalar<int32_t>();
  const bool spaces = max_n == 1 && call.params[kText].size == 0 && call.params[kText + 1].size == 1;
  if (const char* wrong = state.settings.read(call.params + kText, spaces)) return wrong;
  const auto columns = call.params[kColumns].scalar<int32_t>();
  if (columns < 1) return "'n_columns' is not positive";
  state.columns = static_cast<uint32_t>(columns);
  state.is_signed = call.params[kSigned].scalar<uint8_t>();
  append_block(call.state, sizeof state);
  WordBuilder words;
  each_stop_word(Strings(call.params + kText), [&](const char* word, uint64_t size) { words.add(word, size, 0); });
  state.has_stop_words = !words.words().empty();
  if (!words.build(call.state, &state.stop_words)) return "there are too many stop words";
  std::memcpy(call.state->data(), &state, sizeof state);
  return nullptr;
}

const char* check(const LoadCall& call) {
  const auto& state = *reinterpret_cast<const State*>(call.state);
  return int64_t{state.columns} == call.out->width ? nullptr : "has another number of columns than its result";
}

const char* check_state(const LoadCall& call) {
  const StateSpan bytes(call);
  if (!bytes.holds<State>(0, 1)) return kTruncated;
  const auto& state = *bytes.at<State>(0);
  const bool spaces = state.settings.max_n == 1 && state.has_stop_words == 0;
  if (const char* wrong = state.settings.check(call.params.data() + kText, spaces)) return wrong;
  if (state.columns < 1) return kUnknownForm;
  return state.stop_words.fits(bytes) ? nullptr : "has a state with a damaged table of stop words";
}

void count(AccumulatedRow* row, const State& s, const char* gram, uint32_t size) {
  const int32_t h = murmur3<true>(gram, size);
  row->add(column_of_hash(h, s.columns), h < 0 && s.is_signed != 0 ? -1.0 : 1.0);
}

/// Whether UTF-8 bytes, behind which a space stands, hold a surrogate.
bool holds_surrogate(const char* text, int64_t size) {
  uint8_t found = 0;
  for (int64_t i = 0; i < size; ++i)
    found |=
        static_cast<uint8_t>((static_cast<uint8_t>(text[i]) == 0xED) & (static_cast<uint8_t>(text[i + 1]) >= 0xA0));
  return found != 0;
}

template <class Split>
Status run_words(const State& s, AccumulatedRow* row, const char* text, const Token* tokens, Split split) {
  const Words stop_words(s.stop_words, reinterpret_cast<const uint8_t*>(&s));
  const int64_t n = split([&](Token token) {
    if (s.has_stop_words == 0) return true;
    const char* word = text + token.start;
    if (s.settings.by_pattern && std::find(word, word + token.size, ' ') != word + token.size) return true;
    return stop_words.find(word, token.size, hash_bytes(word, token.size)) == kNone;
  });
  if (!row->start(s.settings.count_grams(n))) return Status::kNoMemory;
  if (n >= s.settings.min_n && holds_surrogate(text, tokens[n - 1].start + tokens[n - 1].size))
    return Status::kLoneSurrogate;
  for (int64_t length = s.settings.min_n; length <= s.settings.max_n && length <= n; ++length) {
    for (int64_t i = 0; i + length <= n; ++i) {  // tokens stand one space apart: an n-gram is a slice
      const Token last = tokens[i + length - 1];
      count(row, s, text + tokens[i].start, last.start + last.size - tokens[i].start);
    }
  }
  return Status::kOk;
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
Status run_chars(const State& s, AccumulatedRow* row, const Unit* units, int64_t n, const int32_t* reach) {
  auto* at = row->arena()->alloc_n<uint32_t>(static_cast<size_t>(n + 1));
  auto* buffer = row->arena()->alloc_n<char>(static_cast<size_t>(n * utf8_bound<Unit>() + kTextPad));
  if (at == nullptr || buffer == nullptr) return Status::kNoMemory;
  char* end = buffer;
  bool surrogates = false;
  for (int64_t i = 0; i < n; ++i) {
    at[i] = static_cast<uint32_t>(end - buffer);
    end = put_utf8(end, units[i]);
    if constexpr (sizeof(Unit) > 1) surrogates |= units[i] >= 0xD800 && units[i] < 0xE000;
  }
  at[n] = static_cast<uint32_t>(end - buffer);
  if (surrogates && (reach != nullptr || n >= s.settings.min_n)) return Status::kLoneSurrogate;
  count_chars(s, row, buffer, at, reach, n);
  return Status::kOk;
}

Status run(const RunCall& call) noexcept {
  const auto& state = *reinterpret_cast<const State*>(call.state);
  return run_documents(
      call, state.settings, call.params + kText, state.columns, ' ',
      [&](AccumulatedRow* row, int64_t, const char* text, const Token* tokens, auto split) {
        return run_words(state, row, text, tokens, split);
      },
      [&](AccumulatedRow* row, const auto* units, int64_t n, const int32_t* reach) {
        return run_chars(state, row, units, n, reach);
      });
}

Cost cost(const CostCall& call) {
  const auto& s = *reinterpret_cast<const State*>(call.state);
  const double lengths = s.settings.max_n - s.settings.min_n + 1, columns = s.columns;
  if (s.settings.analyzer == Analyzer::kWord) {
    return Cost{}
        .rows({{"call", 150.0}})
        .payload({{"text", 3.0}, {"pattern", s.settings.by_pattern ? 3.0 : 0.0}, {"word_grams", 2.0 * lengths}})
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
               .check = check, .check_state = check_state, .run = run, .cost = cost, .state_version = 2,
               .flags = kHasState)
}  // namespace pretzel
