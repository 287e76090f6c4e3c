// MurmurHash3 as scikit-learn's FeatureHasher calls it: x86, 32 bits, seed 0.
#pragma once

#include <cstdint>
#include <cstring>

namespace pretzel {
namespace {

inline uint32_t rotate(uint32_t v, int by) { return v << by | v >> (32 - by); }

/// With `kPadded` up to three bytes behind the text are read, which saves a loop.
template <bool kPadded>
inline int32_t murmur3(const char* p, uint32_t size) {
  const auto mixed = [](uint32_t k) { return rotate(k * 0xCC9E2D51u, 15) * 0x1B873593u; };
  uint32_t h = 0;
  uint32_t left = size;
  for (; left >= 4; left -= 4, p += 4) {
    uint32_t block;
    std::memcpy(&block, p, sizeof block);
    h = rotate(h ^ mixed(block), 13) * 5 + 0xE6546B64u;
  }
  if (left != 0) {
    uint32_t tail = 0;
    if constexpr (kPadded) {
      std::memcpy(&tail, p, sizeof tail);
      tail &= ~uint32_t{0} >> (32 - 8 * left);
    } else {
      for (uint32_t i = 0; i < left; ++i) tail |= static_cast<uint32_t>(static_cast<uint8_t>(p[i])) << (8 * i);
    }
    h ^= mixed(tail);
  }
  h ^= size;
  h = (h ^ h >> 16) * 0x85EBCA6Bu;
  h = (h ^ h >> 13) * 0xC2B2AE35u;
  return static_cast<int32_t>(h ^ h >> 16);
}

/// The column of a hash: the remainder of its absolute value. scikit-learn has a formula for INT32_MIN, whose absolute
/// value 2**31 is no int32; the formula gives the remainder of 2**31, too.
inline uint32_t column_of_hash(int32_t h, uint32_t columns) {
  return (h < 0 ? 0u - static_cast<uint32_t>(h) : static_cast<uint32_t>(h)) % columns;
}

}  // namespace
}  // namespace pretzel
