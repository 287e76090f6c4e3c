// ngrams: counts of the n-grams of a vocabulary in each document, in order of first occurrence (shorter n-grams first).
// Terms and stop words are UTF-8 bytes and their offsets.
#include "text/vocabulary_build.h"

namespace pretzel {
namespace {

constexpr uint32_t kStop = 0xFFFFFFFEu;  // number of a stop word
constexpr char kSpace = '\xFF';          // a space in a token that a pattern finds: a byte that no text has
constexpr int32_t kCodePointBits = 21;

constexpr Param kParams[] = {{"terms", u8, "term_bytes", kBindOnly},
                             {"term_offsets", i32, "n_terms+1", kBindOnly | kHoldsOffsets, "", "term_bytes"},
                             PRETZEL_TEXT_PARAMS};
constexpr int kTerms = index_of(kParams, "terms"), kText = index_of(kParams, "stop_words");

struct State {
  TextSettings settings;
  uint32_t n_terms;  // nodes below are terms
  uint32_t root;
  uint32_t n_codes;  // char analyzers: ASCII characters in the vocabulary have codes 1 .. n_codes - 1
  EdgeTables edges;
  WordTable words;        // word analyzer
  uint64_t pairs_offset;  // char analyzers: node of two ASCII characters, uint32[n_codes][n_codes]
  uint8_t code[128];
  uint32_t first[128];  // node of one ASCII character
};

// ---- bind ----------------------------------------------------------------------------------------------------------

struct Byte {
  char value;
};

/// Strings with `kSpace` in place of spaces.
std::vector<Byte> without_spaces(Strings* strings) {
  std::vector<Byte> bytes(static_cast<size_t>(strings->offsets[strings->size]) + 1);
  for (int64_t i = 0; i < strings->offsets[strings->size]; ++i) {
    const char c = strings->bytes[i];
    bytes[static_cast<size_t>(i)].value = c == ' ' ? kSpace : c;
  }
  strings->bytes = &bytes[0].value;
  return bytes;
}

void build_ascii_tables(const TrieBuilder& trie, StateBytes* bytes, State* state) {
  std::fill_n(state->first, 128, kNone);
  for (const auto& edge : trie.edges()) {
    if (edge.symbol < 128) state->code[edge.symbol] = 1;
    if (edge.symbol < 128 && edge.parent == 0) state->first[edge.symbol] = trie.final_node(edge.child);
  }
  state->n_codes = 1;
  for (uint8_t& code : state->code) {
    if (code != 0) code = static_cast<uint8_t>(state->n_codes++);
  }
  const uint64_t n = state->n_codes;
  state->pairs_offset = append_block(bytes, n * n * sizeof(uint32_t));
  auto* pairs = reinterpret_cast<uint32_t*>(bytes->data() + state->pairs_offset);
  std::fill_n(pairs, n * n, kNone);
  std::vector<Number> first_code(trie.edges().size() + 1);  // by node: code of its only symbol
  for (const auto& edge : trie.edges()) {
    if (edge.symbol >= 128) continue;
    if (edge.parent == 0) {
      first_code[edge.child].value = state->code[edge.symbol];
    } else if (first_code[edge.parent].value != 0) {
      pairs[first_code[edge.parent].value * n + state->code[edge.symbol]] = trie.final_node(edge.child);
    }
  }
}

bool bind_chars(const Strings& terms, StateBytes* bytes, State* state) {
  TrieBuilder trie;
  std::vector<Number> points;
  for (int64_t t = 0; t < terms.size; ++t) {
    points.resize(static_cast<size_t>(terms.end(t) - terms.begin(t)) + 1);
    const int64_t n =
        decode_utf8(reinterpret_cast<const uint8_t*>(terms.begin(t)), terms.end(t) - terms.begin(t), &points[0].value);
    if (n < 1 || n > state->settings.max_n) continue;  // no document contains it
    uint32_t node = 0;
    for (int64_t i = 0; i < n; ++i) node = trie.child(node, points[static_cast<size_t>(i)].value);
    trie.set_term(node, static_cast<uint32_t>(t));
  }
  const uint32_t n_nodes = trie.number(state->n_terms);
  state->root = trie.final_node(0);
  build_ascii_tables(trie, bytes, state);
  auto edges = trie.edges();
  for (auto& edge : edges) {
    edge.parent = trie.final_node(edge.parent);
    edge.child = trie.final_node(edge.child);
  }
  return build_edges(edges, n_nodes, kCodePointBits, bytes, &state->edges);
}

/// Adds the words of one term; false when no document can contain it (empty or stop word in it, too many words).
bool split_term(const char* p, const char* end, int32_t max_n, WordBuilder* words, TrieBuilder* trie,
                std::vector<Number>* symbols) {
  symbols->clear();
  for (;;) {
    const char* stop = std::find(p, end, ' ');
    if (stop == p || static_cast<int32_t>(symbols->size()) == max_n) return false;
    auto& word = words->add(p, static_cast<uint64_t>(stop - p), kNone);
    if (word.number == kStop) return false;
    if (word.number == kNone) word.number = trie->child(0, static_cast<uint32_t>(words->words().size()));
    symbols->push_back(Number{word.number});
    if (stop == end) return true;
    p = stop + 1;
  }
}

bool bind_words(Strings terms, Strings stop_words, StateBytes* bytes, State* state) {
  std::vector<Byte> spaceless_terms, spaceless_stop_words;  // where a pattern finds tokens that are n-grams alone
  if (state->settings.by_pattern && state->settings.max_n == 1) {
    spaceless_terms = without_spaces(&terms);
    spaceless_stop_words = without_spaces(&stop_words);
  }
  TrieBuilder trie;
  WordBuilder words;
  each_stop_word(stop_words, [&](const char* word, uint64_t size) { words.add(word, size, kStop); });
  std::vector<Number> symbols;  // the node of each word by itself
  for (int64_t t = 0; t < terms.size; ++t) {
    if (!split_term(terms.begin(t), terms.end(t), state->settings.max_n, &words, &trie, &symbols)) continue;
    uint32_t node = symbols[0].value;
    for (size_t i = 1; i < symbols.size(); ++i) node = trie.child(node, symbols[i].value);
    trie.set_term(node, static_cast<uint32_t>(t));
  }
  const uint32_t n_nodes = trie.number(state->n_terms);
  for (auto& word : words.words()) {
    if (word.number != kStop) word.number = trie.final_node(word.number);
  }
  std::vector<TrieBuilder::Edge> edges;  // those of the root are in the table of words
  for (const auto& e : trie.edges()) {
    if (e.parent == 0) continue;
    edges.push_back({trie.final_node(e.parent), trie.final_node(e.symbol), trie.final_node(e.child)});
  }
  return words.build(bytes, &state->words) && build_edges(edges, n_nodes, bit_width(n_nodes), bytes, &state->edges);
}

const char* bind(const BindCall& call) {
  const Strings terms(call.params + kTerms), stop_words(call.params + kText);
  State state;
  std::memset(&state, 0, sizeof state);  // padding, too: equal states are equal bytes
  if (const char* wrong = state.settings.read(call.params + kText)) return wrong;
  state.n_terms = static_cast<uint32_t>(terms.size);
  append_block(call.state, sizeof state);
  const bool built = terms.size <= (int64_t{1} << 30) &&
                     (state.settings.analyzer == Analyzer::kWord ? bind_words(terms, stop_words, call.state, &state)
                                                                 : bind_chars(terms, call.state, &state));
  if (!built) return "the vocabulary is too large";
  std::memcpy(call.state->data(), &state, sizeof state);
  return nullptr;
}

const char* check(const LoadCall& call) {
  const auto& state = *reinterpret_cast<const State*>(call.state);
  return int64_t{state.n_terms} == call.out->width ? nullptr : "has another number of terms than its result columns";
}

/// Whether the codes of characters are inside the table of their pairs, and the table inside the state.
bool pairs_fit(const State& state, const StateSpan& bytes) {
  const uint64_t n = state.n_codes;
  const bool inside = std::all_of(state.code, state.code + 128, [n](uint8_t code) { return code < n; });
  return inside && n <= 129 && bytes.holds<uint32_t>(state.pairs_offset, n * n);
}

const char* check_state(const LoadCall& call) {
  const StateSpan bytes(call);
  if (!bytes.holds<State>(0, 1)) return kTruncated;
  const auto& state = *bytes.at<State>(0);
  if (const char* wrong = state.settings.check(call.params.data() + kText)) return wrong;
  const bool by_word = state.settings.analyzer == Analyzer::kWord;
  const bool fits = state.edges.dense.fits(bytes) && state.edges.spill.fits(bytes) &&
                    (by_word ? state.words.fits(bytes) : pairs_fit(state, bytes));
  return fits ? nullptr : "has a state with a damaged vocabulary";
}

// ---- run -----------------------------------------------------------------------------------------------------------

/// Counts those of `n` nodes that are terms.
void count(AccumulatedRow* row, uint32_t n_terms, const uint32_t* nodes, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if (nodes[i] < n_terms) row->add(nodes[i], 1.0);
  }
}

template <class Split>
Status run_words(const State& s, AccumulatedRow* row, int64_t most, const char* text, const Token* tokens,
                 Split split) {
  Arena* arena = row->arena();
  auto* hashes = arena->alloc_n<uint64_t>(static_cast<size_t>(most));
  auto* words = arena->alloc_n<uint32_t>(static_cast<size_t>(most) + 1);
  Frontier frontier;
  if (hashes == nullptr || words == nullptr || !frontier.init(arena, most)) return Status::kNoMemory;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&s);
  const Words table(s.words, bytes);
  int64_t n_tokens = 0;
  split([&](Token token) {
    hashes[n_tokens] = hash_bytes(text + token.start, token.size);
    table.prefetch(hashes[n_tokens++]);
    return true;
  });
  int64_t n = 0;
  for (int64_t i = 0; i < n_tokens; ++i) {
    words[n] = table.find(text + tokens[i].start, tokens[i].size, hashes[i]);
    n += words[n] != kStop;
  }
  if (!row->start(s.settings.count_grams(n))) return Status::kNoMemory;
  if (s.settings.min_n == 1) count(row, s.n_terms, words, n);
  const Edges edges(s.edges, bytes);
  for (int64_t i = 0; i < n; ++i) frontier.at[i] = static_cast<uint32_t>(i);
  std::memcpy(frontier.nodes, words, static_cast<size_t>(n) * sizeof(uint32_t));
  frontier.size = n;
  words[n] = kNone;  // ends every n-gram
  for (int64_t length = 2; length <= s.settings.max_n && frontier.size != 0; ++length) {
    frontier.keep([&](uint32_t at) { return words[at + length - 1] != kNone; });
    frontier.step(edges, words, length - 1);
    if (length >= s.settings.min_n) count(row, s.n_terms, frontier.nodes, frontier.size);
  }
  return Status::kOk;
}

template <class Unit>
uint32_t first_node(const State& s, const Edges& edges, Unit c) {
  return c < 128 ? s.first[c] : edges.find(s.root, c);
}

/// The n-grams of two characters: no hashing for ASCII.
template <class Unit>
void start_with_pairs(const State& s, const Edges& edges, const Unit* text, const int32_t* reach, int64_t size,
                      Frontier* frontier) {
  const auto* pairs = reinterpret_cast<const uint32_t*>(reinterpret_cast<const uint8_t*>(&s) + s.pairs_offset);
  for (int64_t i = 0; i + 1 < size; ++i) {
    const Unit a = text[i], b = text[i + 1];
    uint32_t node;
    if ((a | b) < 128) {
      node = pairs[s.code[a] * s.n_codes + s.code[b]];
    } else {
      node = first_node(s, edges, a);
      if (node != kNone) node = edges.find(node, b);
    }
    frontier->at[i] = static_cast<uint32_t>(i);
    frontier->nodes[i] = reach[i] < 2 ? kNone : node;
  }
  frontier->size = std::max<int64_t>(size - 1, 0);
}

/// Counts what char_wb counts in addition: each padded word shorter than `min_n` once as a whole; for single
/// characters, a second time each space that closes one word and opens the next.
template <class Unit>
void count_at_borders(const State& s, AccumulatedRow* row, const Edges& edges, const Unit* text, const int32_t* reach,
                      int64_t size) {
  for (int64_t i = 0; i + 1 < size; i += reach[i] - 1) {  // from the space before a word to the next
    const int64_t length = reach[i] < s.settings.min_n ? reach[i] : s.settings.min_n == 1 && i > 0 ? 1 : 0;
    uint32_t node = length == 0 ? kNone : s.root;
    for (int64_t k = 0; k < length && node != kNone; ++k) node = edges.find(node, text[i + k]);
    count(row, s.n_terms, &node, 1);
  }
}

/// Counts the n-grams of a prepared text; `reach` as in pad_words.
template <class Unit>
void walk_chars(const State& s, AccumulatedRow* row, const Edges& edges, const Unit* text, const int32_t* reach,
                int64_t size, Frontier frontier) {
  if (s.settings.min_n == 1) {
    for (int64_t i = 0; i < size; ++i) frontier.nodes[i] = first_node(s, edges, text[i]);
    count(row, s.n_terms, frontier.nodes, size);
  }
  if (s.settings.max_n == 1) return;
  start_with_pairs(s, edges, text, reach, size, &frontier);
  if (s.settings.min_n <= 2) count(row, s.n_terms, frontier.nodes, frontier.size);
  for (int64_t length = 3; length <= s.settings.max_n && frontier.size != 0; ++length) {
    frontier.keep([&](uint32_t at) { return reach[at] >= length; });
    frontier.step(edges, text, length - 1);
    if (length >= s.settings.min_n) count(row, s.n_terms, frontier.nodes, frontier.size);
  }
}

template <class Unit>
Status run_chars(const State& s, AccumulatedRow* row, const Unit* units, int64_t n, const int32_t* reach) {
  Arena* arena = row->arena();
  Frontier frontier;
  if (!frontier.init(arena, n)) return Status::kNoMemory;
  const Edges edges(s.edges, reinterpret_cast<const uint8_t*>(&s));
  if (reach != nullptr) {
    count_at_borders(s, row, edges, units, reach, n);
    walk_chars(s, row, edges, units, reach, n, frontier);
    return Status::kOk;
  }
  auto* to_end = arena->alloc_n<int32_t>(static_cast<size_t>(n));
  if (to_end == nullptr) return Status::kNoMemory;
  for (int64_t i = 0; i < n; ++i) to_end[i] = static_cast<int32_t>(n - i);
  walk_chars(s, row, edges, units, to_end, n, frontier);
  return Status::kOk;
}

Status run(const RunCall& call) noexcept {
  const auto& state = *reinterpret_cast<const State*>(call.state);
  return run_documents(
      call, state.settings, call.params + kText, state.n_terms, kSpace,
      [&](AccumulatedRow* row, int64_t most, const char* text, const Token* tokens, auto split) {
        return run_words(state, row, most, text, tokens, split);
      },
      [&](AccumulatedRow* row, const auto* units, int64_t n, const int32_t* reach) {
        return run_chars(state, row, units, n, reach);
      });
}

Cost cost(const CostCall& call) {
  const auto& s = *reinterpret_cast<const State*>(call.state);
  const double misses = doublings(static_cast<double>(call.state_bytes), 1e6);
  const double lengths = s.settings.max_n - s.settings.min_n + 1;
  if (s.settings.analyzer == Analyzer::kWord) {
    return Cost{}
        .rows({{"word_call", 150.0}})
        .payload({{"word_text", 2.0},
                  {"pattern", s.settings.by_pattern ? 3.0 : 0.0},
                  {"word_grams", 1.0 * s.settings.max_n},
                  {"word_misses", 0.3 * misses * s.settings.max_n}})
        .produces_nnz(0.13 * lengths, 0.0)
        .scratch(1024.0, 48.0 + 20.0 * lengths);
  }
  const CharGrams grams(s.settings.min_n, s.settings.max_n, s.settings.analyzer == Analyzer::kCharWb);
  return Cost{}
      .rows({{"char_call", 250.0}})
      .payload({{"char_text", 0.5},
                {"extended", 3.0 * grams.extended},
                {"counted", 3.0 * grams.counted},
                {"char_misses", 0.3 * misses * grams.extended}})
      .produces_nnz(grams.entries, grams.row_entries)
      .scratch(1024.0, 40.0 + 36.0 * (lengths + 1.0));
}

}  // namespace
PRETZEL_KERNEL(ngrams, .params = kParams, .in = {kCells, "1"}, .out = {kSparse, "n_terms"}, .bind = bind,
               .check = check, .check_state = check_state, .run = run, .cost = cost, .state_version = 3,
               .flags = kHasState)
}  // namespace pretzel
