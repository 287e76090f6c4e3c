// Fetching ahead: what a request is going to read comes from memory all at once, not miss after miss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pretzel {

// A function that does nothing but prefetch has no effect in the eyes of GCC, which drops calls of it unless they have
// been inlined before it looks.
#define PRETZEL_PREFETCHES [[gnu::always_inline]] inline

/// Some cache lines, as whoever holds them sees them: single ones, and runs of neighbours of which the first is named.
struct PrefetchSpan {
  static constexpr size_t kLine = 64;
  static constexpr uint32_t kRun = 8;

  const char* const* lines = nullptr;  // single ones, then runs
  uint32_t singles = 0, runs = 0;

  /// Asks for the addresses of the lines themselves.
  PRETZEL_PREFETCHES void announce() const noexcept {
    for (uint32_t i = 0; i < singles + runs; i += kLine / sizeof *lines) __builtin_prefetch(lines + i);
  }
  /// Asks for many lines. They go to the second-level cache: the first one waits for a few at a time, which takes more
  /// than twice as long where hundreds come from memory.
  PRETZEL_PREFETCHES void fetch() const noexcept { each<2>(); }
  /// Asks for a few lines that will be read in a moment.
  PRETZEL_PREFETCHES void fetch_near() const noexcept { each<3>(); }

 private:
  template <int kLocality>
  PRETZEL_PREFETCHES void each() const noexcept {
#pragma GCC unroll 8
    for (uint32_t i = 0; i < singles; ++i) __builtin_prefetch(lines[i], 0, kLocality);
    for (uint32_t i = singles; i < singles + runs; ++i) {
#pragma GCC unroll 8
      for (uint32_t k = 0; k < kRun; ++k) __builtin_prefetch(lines[i] + k * kLine, 0, kLocality);
    }
  }
};

/// Cache lines that every request of a program reads. They are fetched, never read, so that they may outlive what lay
/// there. Where hundreds of models are called in turn, nothing of a model is left in the caches when its call comes,
/// and most of these lines hold the addresses of others: fetched one after the other they take most of the time.
class PrefetchList {
 public:
  static constexpr size_t kMost = 1024;

  /// Adds the lines of `bytes` bytes, in order, without those that are here already.
  void add(const void* data, size_t bytes);
  /// Nothing will be added: neighbours become runs, which take an eighth of the room.
  void finish();
  PrefetchSpan span() const noexcept {
    return {lines_.data(), singles_, static_cast<uint32_t>(lines_.size()) - singles_};
  }

 private:
  std::vector<const char*> lines_;  // each of them, until `finish`
  uint32_t singles_ = 0;
};

}  // namespace pretzel
