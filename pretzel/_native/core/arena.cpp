#include "core/arena.h"

#include <atomic>
#include <cstdlib>

namespace pretzel {
namespace {

std::atomic<int64_t> total_bytes{0};  // held by all arenas
std::atomic<uint32_t> growths{0};     // of all arenas

}  // namespace

struct Arena::Block {
  Block* previous;
  size_t size;         // usable bytes after the header
  size_t used_before;  // bytes in use in `previous` when this block was opened
  char pad[64 - 3 * sizeof(size_t)];
  char* data() { return reinterpret_cast<char*>(this) + sizeof(Block); }
};

Arena::~Arena() { reset(0); }

void Arena::drop(Block* block) noexcept {
  total_bytes.fetch_sub(static_cast<int64_t>(block->size), std::memory_order_relaxed);
  std::free(block);
}

void* Arena::grow(size_t need) noexcept {
  size_t size = limit_ * 2 > (size_t{64} << 10) ? limit_ * 2 : (size_t{64} << 10);
  if (size < need) size = need;
  if (size > SIZE_MAX - 2 * sizeof(Block)) return nullptr;
  auto* block = static_cast<Block*>(std::aligned_alloc(64, (sizeof(Block) + size + 63) & ~size_t{63}));
  if (block == nullptr) return nullptr;
  block->previous = static_cast<Block*>(block_);
  block->size = size;
  total_bytes.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
  stop_waiting();
  block->used_before = used_;
  block_ = block;
  base_ = block->data();
  limit_ = size;
  used_ = need;
  return base_;
}

void Arena::drop_since(Mark mark) noexcept {
  // The newest block stays because it is the largest. `reset` merges the blocks that are left, so a loop over tiles
  // does not allocate once per tile.
  auto* newest = static_cast<Block*>(block_);
  while (newest->previous != mark.block) {
    Block* dead = newest->previous;
    newest->previous = dead->previous;
    newest->used_before = dead->used_before;
    drop(dead);
  }
  used_ = 0;
}

void Arena::reset(size_t keep) noexcept {
  size_t total = 0;
  bool many = false;
  for (auto* b = static_cast<Block*>(block_); b != nullptr; b = b->previous) {
    total += b->size;
    many = many || b->previous != nullptr;
  }
  used_ = 0;
  if (!many && total <= keep) return;
  for (auto* b = static_cast<Block*>(block_); b != nullptr;) {
    Block* previous = b->previous;
    drop(b);
    b = previous;
  }
  block_ = nullptr;
  base_ = nullptr;
  limit_ = 0;
  if (total <= keep && total > 0) {
    limit_ = 0;
    if (grow(total) != nullptr) used_ = 0;
  }
}

int64_t arena_bytes() noexcept { return total_bytes.load(std::memory_order_relaxed); }

uint32_t wait_for_growth(uint32_t seen) noexcept {
  growths.wait(seen);
  return growths.load();
}

void stop_waiting() noexcept {
  growths.fetch_add(1);
  growths.notify_all();
}

}  // namespace pretzel
