// Cache of results. The key is the bytes of the input; memory is bounded.
//
// Keys are compared byte by byte, because hashes can collide. Eviction follows CLOCK (F. J. Corbato, "A paging
// experiment with the Multics system", 1968): an entry goes if it was not found since the clock hand last passed it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/arena.h"

namespace pretzel {

/// Flat bytes; not owned.
struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;
};

struct CacheCounts {
  int64_t hits, misses, evictions, entries, bytes;
};

/// Safe to use from many threads.
class Cache {
 public:
  explicit Cache(int64_t budget) noexcept : budget_(budget) {}

  static uint64_t hash(Bytes key) noexcept;
  /// A copy of the value in the arena; no data if the cache does not hold it or memory is short.
  Bytes find(Bytes key, uint64_t hash, Arena* arena) noexcept;
  /// Stores a copy of key and value, unless they exceed a shard's budget or memory is short.
  void insert(Bytes key, uint64_t hash, Bytes value) noexcept;
  void clear() noexcept;
  /// After a fork, in the child: empties every shard that another thread was changing at that moment.
  void restart() noexcept;
  CacheCounts counts() noexcept;
  int64_t budget() const noexcept { return budget_; }

 private:
  static constexpr size_t kShards = 16;

  struct Entry {
    std::unique_ptr<uint8_t[]> data;  // key, then value
    size_t key_size = 0, value_size = 0;
    uint64_t hash = 0;
    bool asked_for = false;
  };
  struct Shard {
    std::mutex mutex;
    std::unordered_map<uint64_t, size_t> where;  // hash -> entry
    std::vector<Entry> entries;
    std::vector<size_t> free;
    size_t hand = 0;
    int64_t bytes = 0, hits = 0, misses = 0, evictions = 0;
  };

  static int64_t size_of(const Entry& entry) noexcept;
  static void evict(Shard* shard, size_t at) noexcept;
  static void make_room(Shard* shard, int64_t budget) noexcept;
  Shard& shard_of(uint64_t hash) noexcept { return shards_[hash >> 60]; }

  const int64_t budget_;
  std::array<Shard, kShards> shards_;
};

/// A computation whose results are cached: steps that several programs have in common, or a whole program.
struct CachedComputation {
  CachedComputation(Cache* cache, uint64_t id) noexcept : cache(cache), id(id) {}

  /// Whether lookups cost less than they have saved recently. `worth`: nanoseconds that a hit saves; `price`:
  /// nanoseconds of a lookup.
  bool pays(uint64_t hash, double worth, double price) const noexcept;
  void note(bool hit) noexcept;

  Cache* const cache;
  const uint64_t id;  // part of every key
  std::atomic<int32_t> users{0};
  std::atomic<uint32_t> looks{0}, hits{0};  // recent ones
};

}  // namespace pretzel
