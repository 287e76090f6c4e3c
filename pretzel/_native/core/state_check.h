// What the `check_state` functions of kernels need: a state is read as bytes of which nothing but the length is known.
#pragma once

#include <cstdint>
#include <cstring>

#include "core/kernel.h"

namespace pretzel {
namespace {

constexpr const char* kTruncated = "has a state that ends too early";
constexpr const char* kUnknownForm = "has a state of an unknown form";

/// The bytes of a state, which begin at a cache line.
struct StateSpan {
  const uint8_t* data;
  uint64_t size;

  explicit StateSpan(const LoadCall& call) : data(call.state), size(static_cast<uint64_t>(call.state_bytes)) {}

  /// Whether `count` objects of a type lie inside the state at byte `offset`, as aligned as the type has to be.
  template <class T>
  bool holds(uint64_t offset, uint64_t count) const {
    return offset % alignof(T) == 0 && offset <= size && count <= (size - offset) / sizeof(T);
  }
  template <class T>
  const T* at(uint64_t offset) const {
    return reinterpret_cast<const T*>(data + offset);
  }
};

/// Whether the byte of a bool has one of its two values; reading another one as a bool is undefined.
inline bool is_bool(const bool& value) {
  uint8_t byte;
  std::memcpy(&byte, &value, 1);
  return byte <= 1;
}

/// Whether probing a ring of `n` slots always meets an empty one, and soon. `is_empty` is asked for each slot in order.
template <class IsEmpty>
bool ends_probing(uint64_t n, IsEmpty is_empty) {
  constexpr uint64_t kLongest = 4096;
  uint64_t run = 0, longest = 0, first = n;  // of occupied slots: so far, at most, and in front of the first empty one
  for (uint64_t i = 0; i < n; ++i) {
    run = is_empty(i) ? 0 : run + 1;
    longest = run > longest ? run : longest;
    if (run == 0 && first == n) first = i;
  }
  return first != n && longest <= kLongest && first + run <= kLongest;
}

}  // namespace
}  // namespace pretzel
