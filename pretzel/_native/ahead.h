// Fetching ahead: what a request is going to read comes from memory all at once, not miss after miss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pretzel {

/// Some cache lines, as whoever holds them sees them.
struct LineSpan {
  static constexpr size_t kLine = 64;

  const char* const* lines = nullptr;
  size_t size = 0;

  /// Asks for the addresses of the lines themselves.
  void announce() const noexcept {
    for (size_t i = 0; i < size; i += 64 / sizeof *lines) __builtin_prefetch(lines + i);
  }
  /// Asks for many lines. They go to the second-level cache: the first one waits for a few at a time, which takes more
  /// than twice as long where hundreds come from memory.
  void fetch() const noexcept {
#pragma GCC unroll 8
    for (size_t i = 0; i < size; ++i) __builtin_prefetch(lines[i], 0, 2);
  }
  /// Asks for a few lines that will be read in a moment.
  void fetch_near() const noexcept {
#pragma GCC unroll 8
    for (size_t i = 0; i < size; ++i) __builtin_prefetch(lines[i]);
  }
};

/// Cache lines that every request of a program reads. They are fetched, never read, so that they may outlive what lay
/// there. Where hundreds of models are called in turn, nothing of a model is left in the caches when its call comes,
/// and most of these lines hold the addresses of others: fetched one after the other they take most of the time.
class Lines {
 public:
  static constexpr size_t kMost = 1024;

  /// Adds the lines of `bytes` bytes, in order, without those that are here already.
  void add(const void* data, size_t bytes);
  /// Nothing will be added.
  void finish() { lines_.shrink_to_fit(); }
  LineSpan span() const noexcept { return {lines_.data(), lines_.size()}; }

 private:
  std::vector<const char*> lines_;
};

}  // namespace pretzel
