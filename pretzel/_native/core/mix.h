// Spreading the bits of hash keys. Multiplying by 2^64 divided by the golden ratio (Knuth, The Art of Computer
// Programming 6.4) sends neighbouring keys far apart; the high bits of the product depend on all bits of the key.
#pragma once

#include <cstdint>
#include <cstring>

namespace pretzel {
namespace {

/// A number at any address.
template <class T>
T read(const void* p) {
  T value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

constexpr uint64_t kGoldenRatio = 0x9E3779B97F4A7C15u;
constexpr uint32_t kGoldenRatio32 = 0x9E3779B1u;

/// Every bit of the result depends on every bit of `x`. A bijection.
constexpr uint64_t mix(uint64_t x) {
  x *= kGoldenRatio;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93u;
  return x ^ (x >> 32);
}

/// Both halves of the 128-bit product in one word: absorbs eight bytes at a time.
constexpr uint64_t fold_product(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace
}  // namespace pretzel
