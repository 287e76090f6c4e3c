// city_hash: the low 32 bits, as a signed number, of CityHash64 of each cell's text in UTF-8; whole numbers are hashed
// as their decimal digits. Version 1.0.2 of the hash (Pike and Alakuijala, 2011), by which CatBoost names categories.
#include <cstring>

#include "core/kernel.h"
#include "core/mix.h"
#include "text/text.h"

namespace pretzel {
namespace {

constexpr uint64_t kPrime0 = 0xc3a5c85c97cb3127u, kPrime1 = 0xb492b66fbe98f273u, kPrime2 = 0x9ae16a3b2f90404fu,
                   kPrime3 = 0xc949d7c7509e6557u, kMultiplier = 0x9ddfea08eb382d69u;

uint64_t fetch(const char* p) { return read<uint64_t>(p); }
uint64_t fetch32(const char* p) { return read<uint32_t>(p); }
uint64_t rotate(uint64_t x, uint64_t by) { return by % 64 == 0 ? x : x >> by % 64 | x << (64 - by % 64); }
uint64_t shift_mix(uint64_t x) { return x ^ x >> 47; }

uint64_t hash_pair(uint64_t low, uint64_t high) {
  const uint64_t a = shift_mix((low ^ high) * kMultiplier);
  return shift_mix((high ^ a) * kMultiplier) * kMultiplier;
}

struct Pair {
  uint64_t first, second;
};

Pair hash_32_bytes(const char* p, uint64_t a, uint64_t b) {
  const uint64_t w = fetch(p), x = fetch(p + 8), y = fetch(p + 16), z = fetch(p + 24);
  a += w;
  b = rotate(b + a + z, 21);
  const uint64_t c = a;
  a += x + y;
  b += rotate(a, 44);
  return {a + z, b + c};
}

uint64_t hash_to_16(const char* p, uint64_t n) {
  if (n > 8) {
    const uint64_t a = fetch(p), b = fetch(p + n - 8);
    return hash_pair(a, rotate(b + n, n)) ^ b;
  }
  if (n >= 4) return hash_pair(n + (fetch32(p) << 3), fetch32(p + n - 4));
  if (n == 0) return kPrime2;
  const auto at = [p](uint64_t i) { return static_cast<uint64_t>(static_cast<uint8_t>(p[i])); };
  return shift_mix((at(0) + (at(n >> 1) << 8)) * kPrime2 ^ (n + (at(n - 1) << 2)) * kPrime3) * kPrime2;
}

uint64_t hash_to_32(const char* p, uint64_t n) {
  const uint64_t a = fetch(p) * kPrime1, b = fetch(p + 8);
  const uint64_t c = fetch(p + n - 8) * kPrime2, d = fetch(p + n - 16) * kPrime0;
  return hash_pair(rotate(a - b, 43) + rotate(c, 30) + d, a + rotate(b ^ kPrime3, 20) - c + n);
}

Pair hash_half(uint64_t a, const char* p, uint64_t z) {
  uint64_t b = rotate(a + z, 52), c = rotate(a, 37);
  a += fetch(p);
  c += rotate(a, 7);
  a += fetch(p + 8);
  return {a + z, b + rotate(a, 31) + c};
}

uint64_t hash_to_64(const char* p, uint64_t n) {
  const Pair v = hash_half(fetch(p) + (n + fetch(p + n - 16)) * kPrime0, p + 8, fetch(p + 24));
  const Pair w = hash_half(fetch(p + 16) + fetch(p + n - 32), p + n - 24, fetch(p + n - 8));
  const uint64_t r = shift_mix((v.first + w.second) * kPrime2 + (w.first + v.second) * kPrime0);
  return shift_mix(r * kPrime0 + v.second) * kPrime2;
}

uint64_t city_hash(const char* p, uint64_t n) {
  if (n <= 16) return hash_to_16(p, n);
  if (n <= 32) return hash_to_32(p, n);
  if (n <= 64) return hash_to_64(p, n);
  uint64_t y = fetch(p + n - 16) ^ kPrime1, z = fetch(p + n - 56) ^ kPrime0;
  Pair v = hash_32_bytes(p + n - 64, n, y), w = hash_32_bytes(p + n - 32, n * kPrime1, kPrime0);
  z += shift_mix(v.second) * kPrime1;
  uint64_t x = rotate(z + fetch(p), 39) * kPrime1;
  y = rotate(y, 33) * kPrime1;
  for (const char* end = p + ((n - 1) & ~uint64_t{63}); p != end; p += 64) {
    x = rotate(x + y + v.first + fetch(p + 16), 37) * kPrime1;
    y = rotate(y + v.second + fetch(p + 48), 42) * kPrime1;
    x ^= w.second;
    y ^= v.first;
    z = rotate(z ^ w.first, 33);
    v = hash_32_bytes(p, v.second * kPrime1, x + w.first);
    w = hash_32_bytes(p + 32, z + w.second, y);
    const uint64_t last = z;
    z = x;
    x = last;
  }
  return hash_pair(hash_pair(v.first, w.first) + shift_mix(y) * kPrime1 + z, hash_pair(v.second, w.second) + x);
}

/// Hashes a number as its digits; false if it is not whole.
bool hash_number(double number, uint64_t* hash) {
  if (!(number > -9.2e18 && number < 9.2e18)) return false;
  const auto whole = static_cast<int64_t>(number);
  if (static_cast<double>(whole) != number) return false;
  char digits[24];
  char* begin = digits + sizeof digits;
  uint64_t rest = whole < 0 ? uint64_t{0} - static_cast<uint64_t>(whole) : static_cast<uint64_t>(whole);
  do {
    *--begin = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (whole < 0) *--begin = '-';
  *hash = city_hash(begin, static_cast<uint64_t>(digits + sizeof digits - begin));
  return true;
}

template <class Unit>
Status hash_units(const Cell& cell, Arena* arena, uint64_t* hash) {
  const auto* units = static_cast<const Unit*>(cell.text);
  const Arena::Mark mark = arena->mark();
  auto* buffer = arena->alloc_n<char>(static_cast<size_t>(cell.size * utf8_bound<Unit>() + kTextPad));
  if (buffer == nullptr) return Status::kNoMemory;
  char* end = buffer;
  for (int64_t i = 0; i < cell.size; ++i) {
    if (sizeof(Unit) > 1 && units[i] >= 0xD800 && units[i] < 0xE000) return Status::kLoneSurrogate;
    end = put_utf8(end, units[i]);
  }
  *hash = city_hash(buffer, static_cast<uint64_t>(end - buffer));
  arena->release(mark);
  return Status::kOk;
}

Status hash_cell(const Cell& cell, Arena* arena, uint64_t* hash) {
  if (cell.kind == CellKind::kNumber) return hash_number(cell.number, hash) ? Status::kOk : Status::kWrongType;
  if (cell.kind != CellKind::kText) return Status::kWrongType;
  switch (cell.encoding) {
    case Encoding::kLatin1:
      return hash_units<uint8_t>(cell, arena, hash);
    case Encoding::kUcs2:
      return hash_units<uint16_t>(cell, arena, hash);
    case Encoding::kUcs4:
      return hash_units<uint32_t>(cell, arena, hash);
    default:
      *hash = city_hash(static_cast<const char*>(cell.text), static_cast<uint64_t>(cell.size));
      return Status::kOk;
  }
}

Status run(const RunCall& call) noexcept {
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    for (int32_t j = 0; j < in.width; ++j) {
      uint64_t hash = 0;
      const Status status = hash_cell(in.cell(r, j), call.arena, &hash);
      if (status != Status::kOk) return call.reject(status, r, j);
      call.out->row(r)[j] = static_cast<int32_t>(static_cast<uint32_t>(hash));
    }
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) { return Cost{}.rows({{"call", 5.0}, {"columns", 12.0 * call.in_width}}); }

}  // namespace
PRETZEL_KERNEL(city_hash, .in = {kCells, "width"}, .run = run, .cost = cost)
}  // namespace pretzel
