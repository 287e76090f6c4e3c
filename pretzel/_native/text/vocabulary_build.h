// Builds the tables of vocabulary.h while a kernel is bound. Vectors hold types of the anonymous namespace only: their
// code is then private to each instruction-set level.
#pragma once

#include <algorithm>
#include <vector>

#include "text/vocabulary.h"

namespace pretzel {
namespace {

/// Strings of two parameters in a row: UTF-8 bytes, and offsets int32[n + 1].
struct Strings {
  const char* bytes;
  const int32_t* offsets;
  int64_t size;

  explicit Strings(const Array* params)
      : bytes(params[0].as<char>()), offsets(params[1].as<int32_t>()), size(params[1].size - 1) {}
  const char* begin(int64_t i) const { return bytes + offsets[i]; }
  const char* end(int64_t i) const { return bytes + offsets[i + 1]; }
};

inline int32_t bit_width(uint64_t v) { return v == 0 ? 0 : 64 - __builtin_clzll(v); }

/// Reserves `bytes` at the next cache line of the state, zeroed; returns their offset.
inline uint64_t append_block(StateBytes* state, uint64_t bytes) {
  const uint64_t offset = (state->size() + 63) & ~uint64_t{63};
  state->resize(offset + bytes);
  return offset;
}

struct Number {
  uint32_t value;
};

/// Distinct entries in the order of their first occurrence, found through a hash table.
template <class Entry>
class DistinctEntries {
 public:
  DistinctEntries() : index_(256) {}

  /// The entry that is the same as `entry`, which is added if there is none.
  Entry& add(const Entry& entry) {
    if (2 * (entries.size() + 1) > index_.size()) grow();
    Number* slot = locate(entry);
    if (slot->value == 0) {
      entries.push_back(entry);
      slot->value = static_cast<uint32_t>(entries.size());
    }
    return entries[slot->value - 1];
  }

  std::vector<Entry> entries;

 private:
  Number* locate(const Entry& entry) {
    const size_t mask = index_.size() - 1;
    for (size_t i = entry.hash() & mask;; i = (i + 1) & mask) {
      if (index_[i].value == 0 || entries[index_[i].value - 1].is_same(entry)) return &index_[i];
    }
  }
  void grow() {
    const size_t size = index_.size() * 2;
    index_.assign(size, Number{0});
    for (size_t i = 0; i < entries.size(); ++i) locate(entries[i])->value = static_cast<uint32_t>(i + 1);
  }

  std::vector<Number> index_;  // number of the entry + 1
};

/// The trie while it grows: nodes are numbered as they appear, node 0 is the root.
class TrieBuilder {
 public:
  struct Edge {
    uint32_t parent, symbol, child;

    uint64_t hash() const { return mix(static_cast<uint64_t>(parent) << 32 | symbol); }
    bool is_same(const Edge& other) const { return parent == other.parent && symbol == other.symbol; }
  };

  TrieBuilder() : term_(1, Number{kNone}) {}

  /// The child of `node` by `symbol`, made if there is none.
  uint32_t child(uint32_t node, uint32_t symbol) {
    const Edge& edge = edges_.add({node, symbol, static_cast<uint32_t>(term_.size())});
    if (edge.child == term_.size()) term_.push_back(Number{kNone});
    return edge.child;
  }
  void set_term(uint32_t node, uint32_t term) { term_[node].value = term; }

  /// Renumbers: the node of a term gets the term's number, the others follow from `n_terms` up; returns how many.
  uint32_t number(uint32_t n_terms) {
    uint32_t next = n_terms;
    for (Number& n : term_) {
      if (n.value == kNone) n.value = next++;
    }
    return next;
  }
  uint32_t final_node(uint32_t node) const { return term_[node].value; }
  const std::vector<Edge>& edges() const { return edges_.entries; }

 private:
  DistinctEntries<Edge> edges_;
  std::vector<Number> term_;  // by node
};

/// Lays edges out in `n_slots` homes at the end of the state. Edges that fit into no slot of their window go to `left`.
/// False when the numbers do not fit into 64 bits.
inline bool fill_edges(const std::vector<TrieBuilder::Edge>& edges, uint64_t n_slots, StateBytes* state,
                       EdgeTable* table, std::vector<TrieBuilder::Edge>* left) {
  const int32_t slot_bits = bit_width(n_slots) - 1;
  table->n_slots = n_slots;
  table->key_bits = std::max(table->child_bits + table->symbol_bits, slot_bits + 1);
  table->rest_shift = 64 - table->key_bits + slot_bits;
  const int32_t rest_bits = table->key_bits - slot_bits;
  if (table->key_bits > 63 || rest_bits + EdgeTable::kDistanceBits + table->child_bits > 64) return false;
  table->offset = append_block(state, (n_slots + EdgeTable::kWindow - 1) * sizeof(uint64_t));
  auto* slots = reinterpret_cast<uint64_t*>(state->data() + table->offset);
  std::vector<Number> owners(n_slots + EdgeTable::kWindow - 1);  // edge number of each slot
  const uint64_t step = uint64_t{1} << table->child_bits;
  for (uint32_t i = 0; i < edges.size(); ++i) {
    const uint64_t mixed = table->mixed(edges[i].parent, edges[i].symbol);
    uint64_t entry = (table->rest(mixed) << EdgeTable::kDistanceBits) << table->child_bits | (edges[i].child + 1);
    Number owner{i};
    uint64_t slot = table->home(mixed);
    for (;; ++slot, entry += step) {  // entries far from home displace those near theirs (Robin Hood hashing)
      if (slots[slot] == 0 || table->distance(slots[slot]) < table->distance(entry)) {
        std::swap(slots[slot], entry);
        std::swap(owners[slot], owner);
      }
      if (entry == 0) break;
      if (table->distance(entry) == EdgeTable::kWindow - 1) {
        left->push_back(edges[owner.value]);
        break;
      }
    }
  }
  return true;
}

/// The tables of edges with symbols below `2 ** symbol_bits`; false when the numbers do not fit into 64 bits.
inline bool build_edges(const std::vector<TrieBuilder::Edge>& edges, uint32_t n_nodes, int32_t symbol_bits,
                        StateBytes* state, EdgeTables* tables) {
  tables->dense = EdgeTable{0, 0, kGoldenRatio, bit_width(n_nodes), symbol_bits, 0, 0};
  tables->spill = EdgeTable{0, 0, 0xD1342543DE82EF95u, bit_width(n_nodes), symbol_bits, 0, 0};
  std::vector<TrieBuilder::Edge> spilled;
  if (!fill_edges(edges, edges.size() * 9 / 8 + 8, state, &tables->dense, &spilled)) return false;
  for (uint64_t n_slots = spilled.size() * 3 / 2 + 8;; n_slots += n_slots / 4) {
    std::vector<TrieBuilder::Edge> left;
    if (!fill_edges(spilled, n_slots, state, &tables->spill, &left)) return false;
    if (left.empty()) return true;
    state->resize(tables->spill.offset);
  }
}

/// Collects distinct words and lays them out as a WordTable.
class WordBuilder {
 public:
  struct Word {
    const char* text;
    uint64_t size;
    uint64_t hashed;
    uint32_t number;

    uint64_t hash() const { return hashed; }
    bool is_same(const Word& other) const {
      return hashed == other.hashed && size == other.size && std::memcmp(text, other.text, size) == 0;
    }
  };

  /// The entry of a word, made with `number` if it is new. The text must outlive the builder.
  Word& add(const char* text, uint64_t size, uint32_t number) {
    return words_.add({text, size, safe_hash(text, size), number});
  }
  std::vector<Word>& words() { return words_.entries; }

  bool build(StateBytes* state, WordTable* table) const {
    uint64_t units = 1;
    for (const Word& word : words_.entries) units += record_units(word);
    table->record_bits = bit_width(units);
    if (table->record_bits > 30) return false;
    table->n_slots = words_.entries.size() * 3 / 2 + 4;
    table->slots_offset = append_block(state, table->n_slots * sizeof(uint32_t));
    table->pool_offset = append_block(state, units * 4 + static_cast<uint64_t>(kTextPad));
    auto* slots = reinterpret_cast<uint32_t*>(state->data() + table->slots_offset);
    uint8_t* pool = state->data() + table->pool_offset;
    uint64_t record = 1;
    for (const Word& word : words_.entries) {
      std::memcpy(pool + record * 4, &word.number, 4);
      std::memcpy(pool + record * 4 + 4, word.text, word.size);
      pool[record * 4 + 4 + word.size] = ' ';
      uint64_t slot = mul_high(word.hashed, table->n_slots);
      while (slots[slot] != 0) slot = slot + 1 == table->n_slots ? 0 : slot + 1;
      slots[slot] = Words::tag(word.hashed, table->record_bits) | static_cast<uint32_t>(record);
      record += record_units(word);
    }
    return true;
  }

 private:
  static uint64_t record_units(const Word& word) { return (4 + word.size + 1 + 3) / 4; }

  /// `hash_bytes` of text that may end where readable memory ends.
  static uint64_t safe_hash(const char* text, uint64_t size) {
    std::vector<Number> copy(size / sizeof(Number) + 4);
    std::memcpy(copy.data(), text, size);
    return hash_bytes(reinterpret_cast<const char*>(copy.data()), size);
  }

  DistinctEntries<Word> words_;
};

/// Calls `use(text, size)` for each stop word that can be a token.
template <class Use>
inline void each_stop_word(const Strings& stop_words, Use use) {
  for (int64_t i = 0; i < stop_words.size; ++i) {
    const char *begin = stop_words.begin(i), *end = stop_words.end(i);
    if (begin != end && std::find(begin, end, ' ') == end) use(begin, static_cast<uint64_t>(end - begin));
  }
}

}  // namespace
}  // namespace pretzel
