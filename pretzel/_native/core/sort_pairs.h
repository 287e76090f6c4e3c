// Sorts of pairs of numbers by the first, which leave equal ones in the order in which scikit-learn leaves them.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>

#include "core/enum_names.h"

namespace pretzel {
namespace {

/// Of releases before 1.9, and since.
PRETZEL_ENUM(PairSort, int32_t, kQuick, kIntro);

constexpr int64_t kInsertion = 15;  // so many pairs are sorted by insertion

struct Pairs {
  double *key, *value;
  int64_t size;

  void swap(int64_t a, int64_t b) const {
    std::swap(key[a], key[b]);
    std::swap(value[a], value[b]);
  }
  Pairs from(int64_t begin) const { return {key + begin, value + begin, size - begin}; }
  Pairs until(int64_t end) const { return {key, value, end}; }

  /// Puts the least of three keys first, the largest in the middle and the other one last.
  double pivot() const {
    const int64_t middle = size / 2, last = size - 1;
    if (key[0] > key[last]) swap(0, last);
    if (key[last] > key[middle]) {
      swap(last, middle);
      if (key[0] > key[last]) swap(0, last);
    }
    return key[last];
  }
};

inline void insertion_sort(const Pairs& pairs) {
  for (int64_t i = 1; i < pairs.size; ++i) {
    const double key = pairs.key[i], value = pairs.value[i];
    int64_t j = i;
    for (; j > 0 && pairs.key[j - 1] > key; --j) {
      pairs.key[j] = pairs.key[j - 1];
      pairs.value[j] = pairs.value[j - 1];
    }
    pairs.key[j] = key;
    pairs.value[j] = value;
  }
}

inline void sift_down(const Pairs& heap, int64_t at) {
  while (true) {
    const int64_t left = 2 * at + 1, right = left + 1;
    int64_t largest = at;
    if (left < heap.size && heap.key[largest] < heap.key[left]) largest = left;
    if (right < heap.size && heap.key[largest] < heap.key[right]) largest = right;
    if (largest == at) return;
    heap.swap(at, largest);
    at = largest;
  }
}

inline void heap_sort(const Pairs& pairs) {
  for (int64_t at = (pairs.size - 2) / 2; at >= 0; --at) sift_down(pairs, at);
  for (int64_t end = pairs.size - 1; end > 0; --end) {
    pairs.swap(0, end);
    sift_down(pairs.until(end), 0);
  }
}

/// Both parts are sorted on their own, the shorter one in a call, so that calls nest as deep as the size has digits.
inline void quick_sort(Pairs pairs) {
  while (pairs.size > 3) {
    const double pivot = pairs.pivot();
    const int64_t last = pairs.size - 1;
    int64_t at = 0;
    for (int64_t i = 0; i < last; ++i) {
      if (pairs.key[i] < pivot) pairs.swap(i, at++);
    }
    pairs.swap(at, last);
    const Pairs below = pairs.until(at), above = pairs.from(at + 1);
    const bool first = below.size < above.size;
    quick_sort(first ? below : above);
    pairs = first ? above : below;
  }
  if (pairs.size > 1 && pairs.key[0] > pairs.key[1]) pairs.swap(0, 1);
  if (pairs.size > 2 && pairs.key[1] > pairs.key[2]) {
    pairs.swap(1, 2);
    if (pairs.key[0] > pairs.key[1]) pairs.swap(0, 1);
  }
}

inline void intro_sort(Pairs pairs, int depth) {
  for (; pairs.size > kInsertion; --depth) {
    if (depth <= 0) return heap_sort(pairs);
    const double pivot = pairs.pivot();
    int64_t i = 1, j = pairs.size - 2;
    while (true) {
      while (i <= j && pairs.key[i] < pivot) ++i;
      while (i <= j && pairs.key[j] > pivot) --j;
      if (i >= j) break;
      pairs.swap(i++, j--);
    }
    pairs.swap(i, pairs.size - 1);
    intro_sort(pairs.until(i), depth - 1);
    pairs = pairs.from(i + 1);
  }
  insertion_sort(pairs);
}

inline void sort_pairs(const Pairs& pairs, PairSort sort) {
  if (sort == PairSort::kQuick) return quick_sort(pairs);
  intro_sort(pairs, 2 * (std::bit_width(static_cast<uint64_t>(pairs.size)) - 1));
}

}  // namespace
}  // namespace pretzel
