// Read-only tables that turn n-grams into term numbers, exactly: no look-up ever trusts a hash.
//
// An n-gram is a path in a trie whose symbols are code points (char analyzers) or words. Edges live in one flat hash
// table: the key (node, symbol) is mixed by a bijection, its high part gives the slot and what remains of it is stored
// there, so that eight bytes hold the whole key and the child. Words are compared byte by byte with a pool of strings.
// Built by vocabulary_build.h. Everything is offsets in one block of bytes.
#pragma once

#include <algorithm>

#include "core/mix.h"
#include "text/text.h"

namespace pretzel {
namespace {

/// The upper half of the 128-bit product.
inline uint64_t mul_high(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}

/// Edges of a trie: Robin Hood hashing with quotients. A slot holds, from the low bits up: child plus one, distance
/// from its home slot (3 bits), rest of the key; all zero when empty. No entry is further than a window from its home,
/// so that a look-up compares one window at once and does not branch.
struct EdgeTable {
  uint64_t offset;   // of the slots, from the start of the state
  uint64_t n_slots;  // homes; kWindow - 1 more follow
  uint64_t factor;   // odd; edges that crowd in one table spread in another that has another factor
  int32_t child_bits;
  int32_t symbol_bits;
  int32_t key_bits;
  int32_t rest_shift;

  static constexpr int kWindow = 8;
  static constexpr int kDistanceBits = 3;

  /// Bijection on `key_bits` bits; the result stands in the high bits of the word.
  uint64_t mixed(uint32_t node, uint32_t symbol) const {
    uint64_t key = static_cast<uint64_t>(node) << symbol_bits | symbol;
    key ^= key >> (key_bits / 2);
    return (key * factor) << (64 - key_bits);
  }
  uint64_t home(uint64_t mixed) const { return mul_high(mixed, n_slots); }
  uint64_t rest(uint64_t mixed) const { return (mixed * n_slots) >> rest_shift; }
  uint64_t distance(uint64_t slot) const { return (slot >> child_bits) % kWindow; }

  /// For `check_state`: whether a look-up of any key shifts by less than a word and reads inside the state.
  bool fits(const StateSpan& state) const {
    constexpr auto in_word = [](int32_t bits, int32_t least) { return bits >= least && bits < 64; };
    return in_word(child_bits, 0) && in_word(symbol_bits, 0) && in_word(key_bits, 1) && in_word(rest_shift, 0) &&
           n_slots >= 1 && n_slots <= state.size && state.holds<uint64_t>(offset, n_slots + kWindow - 1);
  }
};

/// A densely filled table, and a small one for the few edges that fit into no slot of their window.
struct EdgeTables {
  EdgeTable dense;
  EdgeTable spill;
};

/// The slots of a trie's edges, ready for look-ups.
class Edges {
 public:
  Edges(const EdgeTables& tables, const uint8_t* state)
      : tables_(tables),
        dense_(reinterpret_cast<const uint64_t*>(state + tables.dense.offset)),
        spill_(reinterpret_cast<const uint64_t*>(state + tables.spill.offset)) {}

  /// The first half of a look-up: prefetches the cache lines that `find` will read.
  uint64_t prepare(uint32_t node, uint32_t symbol) const {
    const uint64_t mixed = tables_.dense.mixed(node, symbol);
    const uint64_t* home = dense_ + tables_.dense.home(mixed);
    __builtin_prefetch(home);
    __builtin_prefetch(home + EdgeTable::kWindow - 1);
    return mixed;
  }
  uint32_t find(uint32_t node, uint32_t symbol, uint64_t mixed) const {
    const EdgeTable& table = tables_.dense;
    const uint64_t* home = dense_ + table.home(mixed);
    uint64_t child = child_in(table, home, mixed);
    // Only an entry at the full distance can have displaced the wanted one.
    const bool full = table.distance(home[EdgeTable::kWindow - 1]) == EdgeTable::kWindow - 1;
    if ((child == 0) & full) [[unlikely]] {
      const uint64_t other = tables_.spill.mixed(node, symbol);
      child = child_in(tables_.spill, spill_ + tables_.spill.home(other), other);
    }
    return static_cast<uint32_t>(child) - 1;
  }
  uint32_t find(uint32_t node, uint32_t symbol) const { return find(node, symbol, tables_.dense.mixed(node, symbol)); }

 private:
  typedef uint64_t u64x8 __attribute__((vector_size(64)));

  /// Child plus one; 0 when the window does not hold the key (an empty slot may look equal, but its child is 0).
  static uint64_t child_in(const EdgeTable& table, const uint64_t* home, uint64_t mixed) {
    const auto window = read<u64x8>(home);
    const u64x8 wanted = u64x8{0, 1, 2, 3, 4, 5, 6, 7} + (table.rest(mixed) << EdgeTable::kDistanceBits);
    const u64x8 child_mask = u64x8{} + ((uint64_t{1} << table.child_bits) - 1);
    const u64x8 c = window & child_mask & ((window >> table.child_bits) == wanted);
    return ((c[0] | c[4]) | (c[1] | c[5])) | ((c[2] | c[6]) | (c[3] | c[7]));
  }

  EdgeTables tables_;
  const uint64_t* dense_;
  const uint64_t* spill_;
};

/// The n-grams of one length that are in the trie: where each starts, and its node.
struct Frontier {
  static constexpr int64_t kBlock = 16;

  uint32_t* at;
  uint32_t* nodes;
  int64_t size = 0;

  bool init(Arena* arena, int64_t most) {
    at = arena->alloc_n<uint32_t>(static_cast<size_t>(most));
    nodes = arena->alloc_n<uint32_t>(static_cast<size_t>(most));
    return at != nullptr && nodes != nullptr;
  }
  /// Drops the n-grams that have no node or cannot be extended; keeps the order, without branches.
  template <class Predicate>
  void keep(Predicate extends) {
    int64_t kept = 0;
    for (int64_t i = 0; i < size; ++i) {
      const uint32_t where = at[i], node = nodes[i];
      at[kept] = where;
      nodes[kept] = node;
      kept += static_cast<int64_t>(node != kNone) & static_cast<int64_t>(extends(where));
    }
    size = kept;
  }
  /// Every n-gram becomes the one longer by the symbol `ahead` of its start, or kNone.
  template <class Symbol>
  void step(const Edges& edges, const Symbol* symbols, int64_t ahead) {
    uint64_t mixed[kBlock];  // look-ups whose cache misses overlap
    uint32_t symbol[kBlock];
    for (int64_t start = 0; start < size; start += kBlock) {
      const int64_t n = std::min(kBlock, size - start);
      uint32_t* part = nodes + start;
      for (int64_t i = 0; i < n; ++i) {
        symbol[i] = symbols[at[start + i] + ahead];
        mixed[i] = edges.prepare(part[i], symbol[i]);
      }
      for (int64_t i = 0; i < n; ++i) part[i] = edges.find(part[i], symbol[i], mixed[i]);
    }
  }
};

/// The lowest `n` bytes, n in 1 .. 8.
inline uint64_t low_bytes(uint64_t v, uint64_t n) { return v & (~uint64_t{0} >> (64 - 8 * n)); }

/// Hash of 1 or more bytes; may read up to 7 bytes behind them.
inline uint64_t hash_bytes(const char* p, uint64_t n) {
  uint64_t h = n;
  const auto fold = [&h](uint64_t v) { h = fold_product(h ^ v ^ 0x2D358DCCAA6C78A5u, 0x8BB84B93962EACC9u); };
  for (; n > 8; n -= 8, p += 8) fold(read<uint64_t>(p));
  fold(low_bytes(read<uint64_t>(p), n));
  return h;
}

/// Words to numbers. A slot holds the record of a word in units of four bytes (low bits, 0: empty) and some bits of the
/// hash; a record is the number, the bytes of the word and a space, which no token contains.
struct WordTable {
  uint64_t slots_offset;
  uint64_t n_slots;
  uint64_t pool_offset;
  int32_t record_bits;

  /// For `check_state`: whether a look-up of any word ends and reads inside the state.
  bool fits(const StateSpan& state) const;
};

struct Words {
  const uint32_t* slots;
  const char* pool;
  uint64_t n_slots;
  int32_t record_bits;

  Words(const WordTable& t, const uint8_t* state)
      : slots(reinterpret_cast<const uint32_t*>(state + t.slots_offset)),
        pool(reinterpret_cast<const char*>(state + t.pool_offset)),
        n_slots(t.n_slots),
        record_bits(t.record_bits) {}

  static uint32_t tag(uint64_t hash, int32_t record_bits) {
    return static_cast<uint32_t>(hash) >> record_bits << record_bits;
  }

  void prefetch(uint64_t hash) const { __builtin_prefetch(slots + mul_high(hash, n_slots)); }

  /// `word` has at least 8 readable bytes behind it.
  uint32_t find(const char* word, uint64_t size, uint64_t hash) const {
    const uint32_t record_mask = (1u << record_bits) - 1;
    for (uint64_t slot = mul_high(hash, n_slots);; slot = slot + 1 == n_slots ? 0 : slot + 1) {
      const uint32_t held = slots[slot];
      if (held == 0) return kNone;
      if ((held & ~record_mask) != tag(hash, record_bits)) continue;
      const char* record = pool + static_cast<uint64_t>(held & record_mask) * 4;
      if (!same(record + 4, word, size)) continue;
      return read<uint32_t>(record);
    }
  }

 private:
  /// Stops at the first difference, at the latest at the record's closing space.
  static bool same(const char* record, const char* word, uint64_t size) {
    for (; size > 8; size -= 8, record += 8, word += 8) {
      if (read<uint64_t>(record) != read<uint64_t>(word)) return false;
    }
    if (low_bytes(read<uint64_t>(record) ^ read<uint64_t>(word), size) != 0) return false;
    return record[size] == ' ';
  }
};

inline bool WordTable::fits(const StateSpan& state) const {
  constexpr uint64_t kReach = 8;  // bytes that are compared at once
  if (record_bits < 1 || record_bits > 30) return false;
  if (!state.holds<uint32_t>(slots_offset, n_slots) || !state.holds<char>(pool_offset, 0)) return false;
  const uint32_t record_mask = (1u << record_bits) - 1;
  uint64_t end = state.size < kReach ? 0 : state.size - kReach;  // behind the last space that has these bytes behind it
  while (end > pool_offset && state.data[end - 1] != ' ') --end;
  const auto* slots = state.at<uint32_t>(slots_offset);
  for (uint64_t i = 0; i < n_slots; ++i) {
    const uint64_t text = 4 * (uint64_t{slots[i] & record_mask} + 1);  // behind the number of the record
    if (slots[i] != 0 && (end <= pool_offset || text >= end - pool_offset)) return false;
  }
  return ends_probing(n_slots, [slots](uint64_t i) { return slots[i] == 0; });
}

}  // namespace
}  // namespace pretzel
