// The first stage of a tree ensemble: rows of values to rows of keys (see tree_layout.h).
#pragma once

#include <cstdint>
#include <limits>

#include "simd.h"
#include "tree_layout.h"
#include "view.h"
#if PRETZEL_ISA >= 1
#include <immintrin.h>
#endif

namespace pretzel {
namespace {

/// How many of 16 ascending keys lie below x; NaN is above none.
inline uint32_t count_below(const double* keys, double x) {
#if PRETZEL_ISA >= 2
  const __m512d v = _mm512_set1_pd(x);
  const uint32_t low = _mm512_cmp_pd_mask(_mm512_loadu_pd(keys), v, _CMP_LT_OQ);
  const uint32_t high = _mm512_cmp_pd_mask(_mm512_loadu_pd(keys + 8), v, _CMP_LT_OQ);
  return static_cast<uint32_t>(__builtin_popcount(low | high << 8));
#elif PRETZEL_ISA == 1
  const __m256d v = _mm256_set1_pd(x);
  int mask = 0;
  for (int i = 0; i < kRankBlock; i += 4) {
    mask |= _mm256_movemask_pd(_mm256_cmp_pd(_mm256_loadu_pd(keys + i), v, _CMP_LT_OQ)) << i;
  }
  return static_cast<uint32_t>(__builtin_popcount(static_cast<uint32_t>(mask)));
#else
  const f64x8 v = splat8(x);
  const i64x8 n = (load8(keys) < v) + (load8(keys + 8) < v);
  return static_cast<uint32_t>(-(((n[0] + n[1]) + (n[2] + n[3])) + ((n[4] + n[5]) + (n[6] + n[7]))));
#endif
}

constexpr uint32_t kLeftKey = 0;  // NaN sent left, or a category that goes left: above no threshold

/// NaN sent right, or a category that goes right: above every threshold.
template <class Key>
constexpr Key kRightKey = std::numeric_limits<Key>::max();

template <class Key>
inline void put_key(const KeyFeature& feature, Key* keys, bool is_nan, Key key) {
  keys[feature.slot_right] = is_nan ? kRightKey<Key> : key;
  keys[feature.slot_left] = is_nan ? Key{kLeftKey} : key;
}

template <class Key, int kLevels>
void rank_rows(const KeyFeature& feature, const double* tables, bool float32, const View& in, int32_t first,
               int32_t rows, Key* keys, uint32_t stride) {
  for (int32_t r = 0; r < rows; ++r) {
    double x = in.row(first + r)[feature.column];
    if (float32) x = static_cast<double>(static_cast<float>(x));
    uint32_t at = 0;
    for (int level = 0; level < kLevels; ++level) {
      at = at * kRankBlock + count_below(tables + feature.offset[level] + size_t{at} * kRankBlock, x);
    }
    put_key<Key>(feature, keys + size_t{stride} * r, x != x, static_cast<Key>(at));
  }
}

template <class Key>
void rank_column(const KeyFeature& feature, const double* tables, bool float32, const View& in, int32_t first,
                 int32_t rows, Key* keys, uint32_t stride) {
  switch (feature.levels) {
    case 1:
      return rank_rows<Key, 1>(feature, tables, float32, in, first, rows, keys, stride);
    case 2:
      return rank_rows<Key, 2>(feature, tables, float32, in, first, rows, keys, stride);
    case 3:
      return rank_rows<Key, 3>(feature, tables, float32, in, first, rows, keys, stride);
    case 4:
      return rank_rows<Key, 4>(feature, tables, float32, in, first, rows, keys, stride);
    case 5:
      return rank_rows<Key, 5>(feature, tables, float32, in, first, rows, keys, stride);
    default:
      return rank_rows<Key, 6>(feature, tables, float32, in, first, rows, keys, stride);
  }
}

inline bool goes_left(const CategorySlot& split, double x) {
  if (!(x >= 0.0 && x < 256.0)) return split.missing_left != 0;
  const auto category = static_cast<uint32_t>(x);
  return (split.left[category >> 5] >> (category & 31) & 1) != 0;
}

template <class Key>
void category_keys(const TreeHeader& head, const uint8_t* state, const View& in, int32_t first, int32_t rows, Key* keys,
                   uint32_t stride) {
  const auto* splits = section<CategorySlot>(state, head.categories);
  for (uint32_t s = 0; s < head.n_category_slots; ++s) {
    for (int32_t r = 0; r < rows; ++r) {
      const bool left = goes_left(splits[s], in.row(first + r)[splits[s].column]);
      keys[size_t{stride} * r + splits[s].slot] = left ? Key{kLeftKey} : kRightKey<Key>;
    }
  }
}

/// Keys of rows `first ..` as ranks, `stride` keys per row.
template <class Key>
void rank_keys(const TreeHeader& head, const uint8_t* state, const View& in, int32_t first, int32_t rows, Key* keys,
               uint32_t stride) {
  const auto* features = section<KeyFeature>(state, head.features);
  const auto* tables = section<double>(state, head.ranks);
  for (uint32_t f = 0; f < head.n_features; ++f) {
    rank_column(features[f], tables, head.float32 != 0, in, first, rows, keys, stride);
  }
  category_keys(head, state, in, first, rows, keys, stride);
}

/// Values as float32 keys, of all columns in one sweep.
inline void sweep_keys(const double* row, uint32_t n_columns, bool left_keys, uint32_t* keys) {
  uint32_t* right = keys + kFirstSlot;
  uint32_t* left = right + n_columns;
  for (uint32_t c = 0; c < n_columns; ++c) {
    const auto x = static_cast<float>(row[c]);
    right[c] = is_nan_bits(std::bit_cast<uint32_t>(x)) ? kRightKey<uint32_t> : ordered(x);
  }
  if (!left_keys) return;
  for (uint32_t c = 0; c < n_columns; ++c) left[c] = right[c] == kRightKey<uint32_t> ? kLeftKey : right[c];
}

/// Keys for walking, those of two rows `stride` apart: ranks, or the values themselves rounded to float32.
inline void walk_keys(const TreeHeader& head, const uint8_t* state, const View& in, int32_t first, int32_t rows,
                      uint32_t* keys, uint32_t stride) {
  const auto* features = section<KeyFeature>(state, head.features);
  for (int32_t r = 0; r < rows; ++r) keys[size_t{stride} * r + kLowSlot] = kLeftKey;
  if (head.keys == KeyKind::kRank) return rank_keys(head, state, in, first, rows, keys, stride);
  for (int32_t r = 0; r < rows; ++r) {
    const double* row = in.row(first + r);
    uint32_t* out = keys + size_t{stride} * r;
    if (head.n_columns != 0) sweep_keys(row, head.n_columns, head.left_keys != 0, out);
    for (uint32_t f = 0; f < head.n_features; ++f) {
      const auto x = static_cast<float>(row[features[f].column]);
      put_key(features[f], out, x != x, ordered(x));
    }
  }
  category_keys(head, state, in, first, rows, keys, stride);
}

}  // namespace
}  // namespace pretzel
