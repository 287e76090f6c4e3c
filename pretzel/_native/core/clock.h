#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pretzel {

/// Nanoseconds on a clock that only goes forward.
inline int64_t now_ns() noexcept {
  using std::chrono::steady_clock;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

/// Nanoseconds that one reading of the clock takes, measured at the first call. Every interval contains one reading.
inline int64_t reading_ns() noexcept {
  static const int64_t least = [] {
    int64_t found = INT64_MAX;
    for (int i = 0; i < 20; ++i) {
      constexpr int kReadings = 100;
      const int64_t start = now_ns();
      for (int k = 1; k < kReadings; ++k) now_ns();
      found = std::min(found, (now_ns() - start) / kReadings);
    }
    return found;
  }();
  return least;
}

}  // namespace pretzel
