// ngrams: counts of the n-grams of a vocabulary in each document, in order of first occurrence (shorter n-grams first).
// in: one text column. out: sparse.
// params: terms uint8[bytes] and int64[n_terms + 1] (UTF-8, offsets), stop words likewise, character classes
// uint16[pages] and uint8[flags], settings int32[5] {analyzer, min_n, max_n, lower, shortest token}
#include "vocabulary_build.h"

namespace pretzel {
namespace {

constexpr uint32_t kStop = 0xFFFFFFFEu;  // number of a stop word
constexpr int64_t kBlock = 16;           // look-ups whose cache misses overlap
constexpr int32_t kCodePointBits = 21;

struct State {
  Analyzer analyzer;
  int32_t min_n, max_n;
  int32_t lower;
  int32_t shortest;
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
  std::vector<TrieBuilder::Number> first_code(trie.edges().size() + 1);  // by node: code of its only symbol
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
  std::vector<TrieBuilder::Number> points;
  for (int64_t t = 0; t < terms.size; ++t) {
    points.resize(static_cast<size_t>(terms.end(t) - terms.begin(t)) + 1);
    const int64_t n =
        decode_utf8(reinterpret_cast<const uint8_t*>(terms.begin(t)), terms.end(t) - terms.begin(t), &points[0].value);
    if (n < 1 || n > state->max_n) continue;  // no document contains it
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
                std::vector<TrieBuilder::Number>* symbols) {
  symbols->clear();
  for (;;) {
    const char* stop = std::find(p, end, ' ');
    if (stop == p || static_cast<int32_t>(symbols->size()) == max_n) return false;
    auto& word = words->add(p, static_cast<uint64_t>(stop - p), kNone);
    if (word.number == kStop) return false;
    if (word.number == kNone) word.number = trie->child(0, static_cast<uint32_t>(words->words().size()));
    symbols->push_back(TrieBuilder::Number{word.number});
    if (stop == end) return true;
    p = stop + 1;
  }
}

bool bind_words(const Strings& terms, const Strings& stop_words, StateBytes* bytes, State* state) {
  TrieBuilder trie;
  WordBuilder words;
  for (int64_t i = 0; i < stop_words.size; ++i) {
    const char* end = stop_words.end(i);
    if (stop_words.begin(i) == end || std::find(stop_words.begin(i), end, ' ') != end) continue;
    words.add(stop_words.begin(i), static_cast<uint64_t>(end - stop_words.begin(i)), kStop);
  }
  std::vector<TrieBuilder::Number> symbols;  // the node of each word by itself
  for (int64_t t = 0; t < terms.size; ++t) {
    if (!split_term(terms.begin(t), terms.end(t), state->max_n, &words, &trie, &symbols)) continue;
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

Status bind(const BindCall& call) {
  const Array* p = call.params;
  if (call.n_params != 7 || !Strings::valid(p[0], p[1]) || !Strings::valid(p[2], p[3]) || p[6].size != 5 ||
      p[6].dtype != DType::kInt32 || p[4].dtype != DType::kUint16 || p[5].dtype != DType::kUint8) {
    call.fault->what = "ngrams: terms, stop words, classes, settings int32[5]";
    return Status::kBadParameter;
  }
  const Strings terms(p[0], p[1]), stop_words(p[2], p[3]);
  const auto* settings = p[6].as<int32_t>();
  State state{};
  state.analyzer = static_cast<Analyzer>(settings[0]);
  state.min_n = settings[1];
  state.max_n = settings[2];
  state.lower = settings[3];
  state.shortest = settings[4];
  state.n_terms = static_cast<uint32_t>(terms.size);
  append_block(call.state, sizeof state);
  const bool built = state.analyzer == Analyzer::kWord ? bind_words(terms, stop_words, call.state, &state)
                                                       : bind_chars(terms, call.state, &state);
  if (!built || terms.size > (int64_t{1} << 30)) {
    call.fault->what = "ngrams: the vocabulary is too large";
    return Status::kBadParameter;
  }
  std::memcpy(call.state->data(), &state, sizeof state);
  return Status::kOk;
}

// ---- run -----------------------------------------------------------------------------------------------------------

/// One document's way to its sparse row.
struct Document {
  const State& state;
  const CharClasses& classes;
  Arena* arena;
  SparseRow* out;
  int32_t* index = nullptr;
  double* value = nullptr;
  Tally tally{};

  /// Room for the entries of at most `grams` n-grams.
  bool reserve(int64_t grams) {
    const int64_t n = std::min<int64_t>(grams, state.n_terms);
    index = arena->alloc_n<int32_t>(static_cast<size_t>(n) + 1);
    value = arena->alloc_n<double>(static_cast<size_t>(n) + 1);
    return index != nullptr && value != nullptr;
  }
  bool start_counting(int64_t grams) {
    return tally.init(arena, index, value, std::min<int64_t>(grams, state.n_terms));
  }
  void count(const uint32_t* nodes, int64_t n) {
    for (int64_t i = 0; i < n; ++i) {
      if (nodes[i] < state.n_terms) tally.add(nodes[i], 1.0);
    }
  }
  Status finish() {
    *out = SparseRow{index, value, tally.size()};
    return Status::kOk;
  }
};

/// nodes[i] = child of nodes[i] by symbols[i], for i < n; kNone stays and leads to kNone.
template <class Symbol>
void step(const Edges& edges, uint32_t* nodes, const Symbol* symbols, int64_t n) {
  for (int64_t start = 0; start < n; start += kBlock) {
    const int64_t size = std::min(kBlock, n - start);
    uint64_t mixed[kBlock];
    for (int64_t i = 0; i < size; ++i) mixed[i] = edges.prepare(nodes[start + i], symbols[start + i]);
    for (int64_t i = 0; i < size; ++i) {
      const bool alive = nodes[start + i] != kNone && static_cast<uint32_t>(symbols[start + i]) != kNone;
      nodes[start + i] = alive ? edges.find(nodes[start + i], symbols[start + i], mixed[i]) : kNone;
    }
  }
}

template <class Unit>
Status run_words(Document* doc, const Unit* text, int64_t size, bool lower) {
  const State& s = doc->state;
  const int64_t most = size / 2 + 1;
  if (!doc->reserve(count_grams(most, s.min_n, s.max_n))) return Status::kNoMemory;
  const Arena::Mark mark = doc->arena->mark();
  auto* buffer = doc->arena->alloc_n<char>(static_cast<size_t>(size * utf8_bound<Unit>() + 1 + kTextPad));
  auto* tokens = doc->arena->alloc_n<Token>(static_cast<size_t>(most));
  auto* hashes = doc->arena->alloc_n<uint64_t>(static_cast<size_t>(most));
  auto* words = doc->arena->alloc_n<uint32_t>(static_cast<size_t>(most));
  auto* nodes = doc->arena->alloc_n<uint32_t>(static_cast<size_t>(most));
  if (buffer == nullptr || tokens == nullptr || hashes == nullptr || words == nullptr || nodes == nullptr) {
    return Status::kNoMemory;
  }
  const auto* bytes = reinterpret_cast<const uint8_t*>(&s);
  const Words table(s.words, bytes);
  int64_t n_tokens = 0;
  tokenize(text, size, lower, s.shortest, doc->classes, buffer, tokens, [&](Token token) {
    hashes[n_tokens] = hash_bytes(buffer + token.start, token.size);
    table.prefetch(hashes[n_tokens++]);
    return true;
  });
  int64_t n = 0;
  for (int64_t i = 0; i < n_tokens; ++i) {
    words[n] = table.find(buffer + tokens[i].start, tokens[i].size, hashes[i]);
    n += words[n] != kStop;
  }
  if (!doc->start_counting(count_grams(n, s.min_n, s.max_n))) return Status::kNoMemory;
  if (s.min_n == 1) doc->count(words, n);
  const Edges edges(s.edges, bytes);
  std::memcpy(nodes, words, static_cast<size_t>(n) * sizeof(uint32_t));
  for (int64_t length = 2; length <= s.max_n && length <= n; ++length) {
    step(edges, nodes, words + length - 1, n - length + 1);
    if (length >= s.min_n) doc->count(nodes, n - length + 1);
  }
  doc->arena->release(mark);
  return doc->finish();
}

template <class Unit>
uint32_t first_node(const State& s, const Edges& edges, Unit c) {
  return c < 128 ? s.first[c] : edges.find(s.root, c);
}

/// nodes[i] = node of the two characters at i, for i < n.
template <class Unit>
void start_with_pairs(const State& s, const Edges& edges, const Unit* text, int64_t n, uint32_t* nodes) {
  const auto* pairs = reinterpret_cast<const uint32_t*>(reinterpret_cast<const uint8_t*>(&s) + s.pairs_offset);
  for (int64_t i = 0; i < n; ++i) {
    const Unit a = text[i], b = text[i + 1];
    if ((a | b) < 128) {
      nodes[i] = pairs[s.code[a] * s.n_codes + s.code[b]];
    } else {
      const uint32_t node = first_node(s, edges, a);
      nodes[i] = node == kNone ? kNone : edges.find(node, b);
    }
  }
}

/// char_wb counts a padded word shorter than `min_n` once, whole.
template <class Unit>
void count_short_words(Document* doc, const Edges& edges, const Unit* text, const int32_t* reach, int64_t size) {
  const State& s = doc->state;
  for (int64_t i = 0; i + 1 < size; i += reach[i] - 1) {  // from the space before a word to the next
    if (reach[i] >= s.min_n) continue;
    uint32_t node = s.root;
    for (int64_t k = 0; k < reach[i] && node != kNone; ++k) node = edges.find(node, text[i + k]);
    doc->count(&node, 1);
  }
}

template <class Unit>
void walk_chars(Document* doc, const Unit* text, const int32_t* reach, int64_t size, uint32_t* nodes) {
  const State& s = doc->state;
  const Edges edges(s.edges, reinterpret_cast<const uint8_t*>(&s));
  if (reach != nullptr) count_short_words(doc, edges, text, reach, size);
  if (s.min_n == 1 && size > 0) {
    for (int64_t i = 0; i < size; ++i) nodes[i] = first_node(s, edges, text[i]);
    doc->count(nodes, size);
    for (int64_t i = 1; reach != nullptr && i + 1 < size; ++i) {
      if (text[i] == ' ') doc->count(nodes, 1);  // closes one word and opens the next
    }
  }
  for (int64_t length = 2; length <= s.max_n && length <= size; ++length) {
    const int64_t n = size - length + 1;
    if (length == 2) {
      start_with_pairs(s, edges, text, n, nodes);
    } else {
      step(edges, nodes, text + length - 1, n);
    }
    for (int64_t i = 0; reach != nullptr && i < n; ++i) nodes[i] = reach[i] < length ? kNone : nodes[i];
    if (length >= s.min_n) doc->count(nodes, n);
  }
}

template <class Unit>
Status run_chars(Document* doc, const Unit* text, int64_t size, bool lower) {
  const State& s = doc->state;
  const bool bounded = s.analyzer == Analyzer::kCharWb;
  const int64_t most = bounded ? size + 2 : size;  // char_wb pads the ends, and may count each word once more, whole
  const int64_t grams = count_grams(most, s.min_n, s.max_n) + (bounded ? most : 0);
  if (!doc->reserve(grams)) return Status::kNoMemory;
  const Arena::Mark mark = doc->arena->mark();
  auto* units = doc->arena->alloc_n<Unit>(static_cast<size_t>(size + 2));
  auto* nodes = doc->arena->alloc_n<uint32_t>(static_cast<size_t>(size + 2));
  auto* reach = bounded ? doc->arena->alloc_n<int32_t>(static_cast<size_t>(size + 2)) : nullptr;
  if (units == nullptr || nodes == nullptr || (bounded && reach == nullptr)) return Status::kNoMemory;
  const int64_t n = bounded ? pad_words(text, size, lower, doc->classes, units, reach)
                            : collapse_spaces(text, size, lower, doc->classes, units);
  if (!doc->start_counting(grams)) return Status::kNoMemory;
  walk_chars(doc, units, reach, n, nodes);
  doc->arena->release(mark);
  return doc->finish();
}

Status run(const RunCall& call) noexcept {
  const auto& state = *reinterpret_cast<const State*>(call.state);
  const CharClasses classes(call.params + 4);
  for (int32_t r = 0; r < call.rows; ++r) {
    Document doc{state, classes, call.arena, call.out->sparse + r};
    const auto work = [&doc](const auto* text, int64_t size, bool lower) {
      return doc.state.analyzer == Analyzer::kWord ? run_words(&doc, text, size, lower)
                                                   : run_chars(&doc, text, size, lower);
    };
    const Status status = with_units(call.in[0].cell(r, 0), state.lower != 0, call.arena, work);
    if (status != Status::kOk) {
      call.fault->row = r;
      call.fault->column = 0;
      return status;
    }
  }
  return Status::kOk;
}

/// Characters walk through every length up to the longest; words are an order fewer.
Cost cost(const Array*, int32_t, const uint8_t* state) {
  const auto& s = *reinterpret_cast<const State*>(state);
  return {300.0, 2.0 + (s.analyzer == Analyzer::kWord ? 2.0 : 4.0) * s.max_n};
}

}  // namespace
PRETZEL_KERNEL(ngrams, bind, run, cost, uint64_t{0b0110000})
}  // namespace pretzel
