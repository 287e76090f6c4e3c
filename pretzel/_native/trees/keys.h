// The first stage of a tree ensemble: rows of values to rows of keys (see layout.h).
#pragma once

#include <cstdint>
#include <limits>

#include "core/view.h"
#include "trees/layout.h"
#if PRETZEL_ISA >= 1
#include <immintrin.h>
#endif

namespace pretzel {
namespace {

/// How many of the first n (at most 16) of 16 ascending keys lie below x; NaN is above none.
template <class Number>
uint32_t count_below(const Number* keys, uint32_t n, Number x) {
  uint32_t below = 0;
  for (uint32_t i = 0; i < n; ++i) below += keys[i] < x;
  return below;
}

#if PRETZEL_ISA >= 2
inline uint32_t count_below(const double* keys, uint32_t n, double x) {
  const __m512d v = _mm512_set1_pd(x);
  const uint32_t low = _mm512_cmp_pd_mask(_mm512_loadu_pd(keys), v, _CMP_LT_OQ);
  const uint32_t high = _mm512_cmp_pd_mask(_mm512_loadu_pd(keys + 8), v, _CMP_LT_OQ);
  return static_cast<uint32_t>(__builtin_popcount((low | high << 8) & ((1u << n) - 1)));
}

inline uint32_t count_below(const float* keys, uint32_t n, float x) {
  const uint32_t mask = _mm512_cmp_ps_mask(_mm512_loadu_ps(keys), _mm512_set1_ps(x), _CMP_LT_OQ);
  return static_cast<uint32_t>(__builtin_popcount(mask & ((1u << n) - 1)));
}
#elif PRETZEL_ISA == 1
inline uint32_t count_below(const double* keys, uint32_t n, double x) {
  const __m256d v = _mm256_set1_pd(x);
  uint32_t mask = 0;
  for (int i = 0; i < 16; i += 4) {
    const int four = _mm256_movemask_pd(_mm256_cmp_pd(_mm256_loadu_pd(keys + i), v, _CMP_LT_OQ));
    mask |= static_cast<uint32_t>(four) << i;
  }
  return static_cast<uint32_t>(__builtin_popcount(mask & ((1u << n) - 1)));
}
#endif

constexpr uint32_t kLeftKey = 0;  // NaN sent left, or a category that goes left: above no threshold

/// NaN sent right, or a category that goes right: above every threshold.
template <class Key>
constexpr Key kRightKey = std::numeric_limits<Key>::max();

template <class Key>
inline void put_key(const KeyFeature& feature, Key* keys, bool is_nan, Key key) {
  keys[feature.slot_right] = is_nan ? kRightKey<Key> : key;
  keys[feature.slot_left] = is_nan ? Key{kLeftKey} : key;
}

/// Ranks of one column. The usual numbers of levels are constants of the compiler, any other is kLevels = 0.
template <class Key, uint32_t kLevels, class Number>
void rank_rows(const KeyFeature& feature, const RankTable& levels, const Number* table, const View& in, int32_t first,
               int32_t rows, Key* keys, uint32_t stride) {
  for (int32_t r = 0; r < rows; ++r) {
    const auto x = static_cast<Number>(in.row(first + r)[feature.column]);
    uint32_t at = 0;
    if constexpr (kLevels == 1) {
      at = count_below(table, feature.thresholds, x);
    } else {
      for (uint32_t level = kLevels > 0 ? kLevels : levels.levels; level-- > 0;) {
        at = at * kRankBlock + count_below(table + levels.offsets[level] + size_t{at} * kRankBlock, kRankBlock, x);
      }
    }
    put_key<Key>(feature, keys + size_t{stride} * r, x != x, static_cast<Key>(at));
  }
}

template <class Key, class Number>
void rank_column(const KeyFeature& feature, const Number* tables, const View& in, int32_t first, int32_t rows,
                 Key* keys, uint32_t stride) {
  const RankTable levels(feature.thresholds);
  const Number* table = tables + feature.table;
  switch (levels.levels) {
    case 1:
      return rank_rows<Key, 1>(feature, levels, table, in, first, rows, keys, stride);
    case 2:
      return rank_rows<Key, 2>(feature, levels, table, in, first, rows, keys, stride);
    default:
      return rank_rows<Key, 0>(feature, levels, table, in, first, rows, keys, stride);
  }
}

inline bool goes_left(const CategorySlot& split, const uint32_t* sets, double x) {
  if (x != x) return split.missing_left != 0;
  const bool is_negative = split.truncates != 0 ? x <= -1.0 : x < 0.0;
  if (is_negative || x >= 32.0 * split.words) return split.outside_left != 0;
  const auto category = static_cast<uint32_t>(x);
  return (sets[split.first + (category >> 5)] >> (category & 31) & 1) != 0;
}

template <class Key>
void category_keys(const TreeHeader& head, const uint8_t* state, const View& in, int32_t first, int32_t rows, Key* keys,
                   uint32_t stride) {
  const auto* splits = section<CategorySlot>(state, head.categories);
  const auto* sets = section<uint32_t>(state, head.sets);
  for (uint32_t s = 0; s < head.n_category_slots; ++s) {
    for (int32_t r = 0; r < rows; ++r) {
      const double value = in.row(first + r)[splits[s].column];
      const bool left = goes_left(splits[s], sets, head.float32 != 0 ? static_cast<float>(value) : value);
      keys[size_t{stride} * r + splits[s].slot] = left ? Key{kLeftKey} : kRightKey<Key>;
    }
  }
}

template <class Key, class Number>
void rank_columns(const TreeHeader& head, const uint8_t* state, const View& in, int32_t first, int32_t rows, Key* keys,
                  uint32_t stride) {
  const auto* features = section<KeyFeature>(state, head.features);
  const auto* tables = section<Number>(state, head.ranks);
  for (uint32_t f = 0; f < head.n_features; ++f) {
    rank_column(features[f], tables, in, first, rows, keys, stride);
  }
}

/// Keys of rows `first ..` as ranks, `stride` keys per row.
template <class Key>
void rank_keys(const TreeHeader& head, const uint8_t* state, const View& in, int32_t first, int32_t rows, Key* keys,
               uint32_t stride) {
  if (head.float32 != 0) {
    rank_columns<Key, float>(head, state, in, first, rows, keys, stride);
  } else {
    rank_columns<Key, double>(head, state, in, first, rows, keys, stride);
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
