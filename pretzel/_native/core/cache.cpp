#include "core/cache.h"

#include <cstring>
#include <new>

#include "core/mix.h"

namespace pretzel {
namespace {

constexpr int64_t kOverhead = 96;  // of an entry and its place in the table, about

}  // namespace

uint64_t Cache::hash(Bytes key) noexcept {
  constexpr uint64_t kOther = 0xD1342543DE82EF95;
  uint64_t h = key.size * kGoldenRatio, word = 0;
  const uint8_t* p = key.data;
  size_t left = key.size;
  for (; left >= 8; p += 8, left -= 8) {
    std::memcpy(&word, p, 8);
    h = fold_product(h ^ word, kOther);
  }
  word = 0;
  std::memcpy(&word, p, left);
  return fold_product(h ^ word ^ kGoldenRatio, kOther);
}

int64_t Cache::size_of(const Entry& entry) noexcept {
  return static_cast<int64_t>(entry.key_size + entry.value_size) + kOverhead;
}

Bytes Cache::find(Bytes key, uint64_t hash, Arena* arena) noexcept {
  Shard& shard = shard_of(hash);
  std::lock_guard lock(shard.mutex);
  const auto found = shard.where.find(hash);
  if (found != shard.where.end()) {
    Entry& entry = shard.entries[found->second];
    if (entry.key_size == key.size && std::memcmp(entry.data.get(), key.data, key.size) == 0) {
      auto* copy = arena->alloc_n<uint8_t>(entry.value_size);
      if (copy == nullptr) return {};
      std::memcpy(copy, entry.data.get() + entry.key_size, entry.value_size);
      entry.asked_for = true;
      ++shard.hits;
      return {copy, entry.value_size};
    }
  }
  ++shard.misses;
  return {};
}

void Cache::insert(Bytes key, uint64_t hash, Bytes value) noexcept {
  Shard& shard = shard_of(hash);
  const int64_t budget = budget_ / static_cast<int64_t>(kShards);
  const auto need = static_cast<int64_t>(key.size + value.size) + kOverhead;
  if (need > budget) return;
  try {
    Entry entry;
    entry.data = std::make_unique_for_overwrite<uint8_t[]>(key.size + value.size);
    std::memcpy(entry.data.get(), key.data, key.size);
    std::memcpy(entry.data.get() + key.size, value.data, value.size);
    entry.key_size = key.size;
    entry.value_size = value.size;
    entry.hash = hash;
    std::lock_guard lock(shard.mutex);
    if (const auto old = shard.where.find(hash); old != shard.where.end()) evict(&shard, old->second);
    make_room(&shard, budget - need);
    if (shard.free.empty()) {
      shard.free.reserve(shard.entries.size() + 1);
      shard.entries.emplace_back();
      shard.free.push_back(shard.entries.size() - 1);
    }
    const size_t at = shard.free.back();
    shard.where.emplace(hash, at);
    shard.free.pop_back();
    shard.entries[at] = std::move(entry);
    shard.bytes += need;
  } catch (const std::bad_alloc&) {
    // then it is computed again
  }
}

void Cache::evict(Shard* shard, size_t at) noexcept {
  Entry& entry = shard->entries[at];
  shard->where.erase(entry.hash);
  shard->bytes -= size_of(entry);
  entry = Entry{};
  shard->free.push_back(at);  // has room: never more than there are entries
}

void Cache::make_room(Shard* shard, int64_t budget) noexcept {
  while (shard->bytes > budget) {
    shard->hand = shard->hand + 1 < shard->entries.size() ? shard->hand + 1 : 0;
    Entry& entry = shard->entries[shard->hand];
    if (entry.data == nullptr) continue;
    if (entry.asked_for) {
      entry.asked_for = false;
    } else {
      evict(shard, shard->hand);
      ++shard->evictions;
    }
  }
}

void Cache::clear() noexcept {
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    shard.where.clear();
    shard.entries.clear();
    shard.free.clear();
    shard.hand = 0;
    shard.bytes = 0;
  }
}

void Cache::restart() noexcept {
  for (Shard& shard : shards_) {
    if (shard.mutex.try_lock()) {
      shard.mutex.unlock();
    } else {
      new (&shard) Shard();
    }
  }
}

CacheCounts Cache::counts() noexcept {
  CacheCounts sum{};
  for (Shard& shard : shards_) {
    std::lock_guard lock(shard.mutex);
    sum.hits += shard.hits;
    sum.misses += shard.misses;
    sum.evictions += shard.evictions;
    sum.entries += static_cast<int64_t>(shard.where.size());
    sum.bytes += shard.bytes;
  }
  return sum;
}

bool CachedComputation::pays(uint64_t hash, double worth, double price) const noexcept {
  constexpr uint32_t kFew = 256;
  const uint32_t n = looks.load(std::memory_order_relaxed);
  if (n < kFew || hits.load(std::memory_order_relaxed) * worth > n * price) return true;
  return (hash & 15) == 0;  // a sample of inputs, the same for everybody, in case the times change
}

void CachedComputation::note(bool hit) noexcept {
  constexpr uint32_t kLately = 4096;
  if (hit) hits.fetch_add(1, std::memory_order_relaxed);
  if (looks.fetch_add(1, std::memory_order_relaxed) < kLately) return;
  looks.store(kLately / 2, std::memory_order_relaxed);
  hits.store(hits.load(std::memory_order_relaxed) / 2, std::memory_order_relaxed);
}

}  // namespace pretzel
