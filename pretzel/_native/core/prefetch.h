// Software prefetch: brings the memory that a request will read into the caches at once, not miss after miss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pretzel {

// GCC regards a function that only prefetches as one without effects, and drops calls of it that are not inlined early.
#define PRETZEL_PREFETCHES [[gnu::always_inline]] inline

/// A view of a list of cache lines: single ones, then runs of kRun neighbours, each given by its first.
struct PrefetchSpan {
  static constexpr size_t kLine = 64;
  static constexpr uint32_t kRun = 8;

  const char* const* lines = nullptr;  // single ones, then runs
  uint32_t singles = 0, runs = 0;

  /// Prefetches the list itself.
  PRETZEL_PREFETCHES void prefetch_addresses() const noexcept {
    for (uint32_t i = 0; i < singles + runs; i += kLine / sizeof *lines) __builtin_prefetch(lines + i);
  }
  /// Prefetches many lines, to the second-level cache. The first-level cache has few outstanding misses, so that
  /// hundreds of lines from memory would take more than twice as long.
  PRETZEL_PREFETCHES void prefetch() const noexcept { each<2>(); }
  /// Prefetches a few lines that will be read in a moment, to the first-level cache.
  PRETZEL_PREFETCHES void prefetch_l1() const noexcept { each<3>(); }

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

/// Cache lines that every request of a program reads. They are only prefetched, so the list may outlive the memory.
/// When hundreds of models are called in turn, a model has left the caches by its next call. Most of its lines hold
/// addresses of further lines, so loading them one after the other would take most of the time of a call.
class PrefetchList {
 public:
  static constexpr size_t kMost = 1024;

  /// Adds the lines of `bytes` bytes, in order, except those in the list.
  void add(const void* data, size_t bytes);
  /// Ends adding. Neighbours become runs, which take an eighth of the space.
  void finish();
  PrefetchSpan span() const noexcept {
    return {lines_.data(), singles_, static_cast<uint32_t>(lines_.size()) - singles_};
  }

 private:
  std::vector<const char*> lines_;  // each of them, until `finish`
  uint32_t singles_ = 0;
};

}  // namespace pretzel
