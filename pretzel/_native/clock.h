#pragma once

#include <chrono>
#include <cstdint>

namespace pretzel {

/// Nanoseconds on a clock that only goes forward.
inline int64_t now_ns() noexcept {
  using std::chrono::steady_clock;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace pretzel
