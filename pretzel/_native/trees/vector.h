// Small trees compared whole (TreeLayout::kVector).
#pragma once

#include <cstdint>

#include "core/arena.h"
#include "core/view.h"
#include "trees/keys.h"
#include "trees/layout.h"
#include "trees/leaves.h"
#if PRETZEL_ISA >= 2
#include <immintrin.h>
#endif

namespace pretzel {
namespace {

constexpr int32_t kVectorRows = 256;  // rows whose keys are held at once
constexpr uint32_t kBlockSlots = 64;  // keys that one permutation can pick from

#if PRETZEL_ISA >= 2
/// Keys of the nodes, picked from the row's keys.
template <int kBlocks>
inline __m512i pick(__m512i slots, const uint16_t* keys) {
  __m512i picked = _mm512_permutex2var_epi16(_mm512_loadu_si512(keys), slots, _mm512_loadu_si512(keys + 32));
  for (int b = 1; b < kBlocks; ++b) {
    const uint16_t* block = keys + b * kBlockSlots;
    const __mmask32 here =
        _mm512_cmpeq_epi16_mask(_mm512_srli_epi16(slots, 6), _mm512_set1_epi16(static_cast<short>(b)));
    const __m512i found = _mm512_permutex2var_epi16(_mm512_loadu_si512(block), slots, _mm512_loadu_si512(block + 32));
    picked = _mm512_mask_mov_epi16(picked, here, found);
  }
  return picked;
}

inline __m256i load256(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

/// A bit for each node: whether it goes right.
template <int kBlocks, class Trees>
inline uint32_t compare(const Trees& trees, const uint16_t* keys) {
  const __m512i picked = pick<kBlocks>(_mm512_maskz_cvtepu8_epi16(~__mmask32{0}, load256(trees.slot)), keys);
  return _mm512_cmpgt_epu16_mask(picked, _mm512_loadu_si512(trees.threshold));
}

/// Bits of the leaves that no node rules out, for each tree.
inline void find_remaining(const WholeTrees& trees, uint32_t right, uint32_t* remaining) {
  const auto low = static_cast<__mmask16>(right), high = static_cast<__mmask16>(right >> 16);
  __m512i bits = _mm512_mask_mov_epi32(_mm512_set1_epi32(-1), low, _mm512_loadu_si512(trees.remain));
  bits = _mm512_mask_and_epi32(bits, high, bits, _mm512_loadu_si512(trees.remain + 16));
  const __m256i half =
      _mm256_and_si256(_mm512_maskz_extracti64x4_epi64(0xff, bits, 0), _mm512_maskz_extracti64x4_epi64(0xff, bits, 1));
  __m128i quarter = _mm_and_si128(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  quarter = _mm_and_si128(quarter, _mm_shuffle_epi32(quarter, _MM_SHUFFLE(1, 0, 3, 2)));
  quarter = _mm_and_si128(quarter, _mm_shuffle_epi32(quarter, _MM_SHUFFLE(2, 3, 0, 1)));
  remaining[0] = static_cast<uint32_t>(_mm_cvtsi128_si32(quarter));
}

inline void find_remaining(const HalfTrees& trees, uint32_t right, uint32_t* remaining) {
  const __m256i all = _mm256_set1_epi32(-1);
  const __m256i first = _mm256_mask_mov_epi16(all, static_cast<__mmask16>(right), load256(trees.remain));
  const __m256i second = _mm256_mask_mov_epi16(all, static_cast<__mmask16>(right >> 16), load256(trees.remain + 16));
  __m256i bits =
      _mm256_and_si256(_mm256_permute2x128_si256(first, second, 0x20), _mm256_permute2x128_si256(first, second, 0x31));
  bits = _mm256_and_si256(bits, _mm256_shuffle_epi32(bits, _MM_SHUFFLE(1, 0, 3, 2)));
  bits = _mm256_and_si256(bits, _mm256_shuffle_epi32(bits, _MM_SHUFFLE(2, 3, 0, 1)));
  bits = _mm256_and_si256(bits, _mm256_srli_epi32(bits, 16));
  remaining[0] = static_cast<uint32_t>(_mm256_extract_epi32(bits, 0));
  remaining[1] = static_cast<uint32_t>(_mm256_extract_epi32(bits, 4));
}

inline void find_remaining(const QuarterTrees& trees, uint32_t right, uint32_t* remaining) {
  __m256i bits = _mm256_mask_mov_epi8(_mm256_set1_epi32(-1), right, load256(trees.remain));
  bits = _mm256_and_si256(bits, _mm256_srli_epi64(bits, 32));
  bits = _mm256_and_si256(bits, _mm256_srli_epi64(bits, 16));
  bits = _mm256_and_si256(bits, _mm256_srli_epi64(bits, 8));
  const __m256i even = _mm256_permutevar8x32_epi32(bits, _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(remaining), _mm256_castsi256_si128(even));
}

#else
/// For state that was built at another level.
template <int kBlocks, class Trees>
inline uint32_t compare(const Trees& trees, const uint16_t* keys) {
  uint32_t right = 0;
  for (uint32_t j = 0; j < kVectorNodes; ++j) right |= uint32_t{keys[trees.slot[j]] > trees.threshold[j]} << j;
  return right;
}

template <class Trees>
inline void find_remaining(const Trees& trees, uint32_t right, uint32_t* remaining) {
  constexpr uint32_t kNodes = kVectorNodes / Trees::kTrees;
  for (uint32_t t = 0; t < Trees::kTrees; ++t) {
    remaining[t] = UINT32_MAX;
    for (uint32_t j = t * kNodes; j < (t + 1) * kNodes; ++j) {
      if ((right >> j & 1) != 0) remaining[t] &= trees.remain[j];
    }
  }
}
#endif

/// Numbers of the leaves of all trees in a vector.
template <int kBlocks, class Trees>
inline void find_leaves(const Trees& trees, const uint16_t* keys, uint32_t* leaves) {
  find_remaining(trees, compare<kBlocks>(trees, keys), leaves);
  for (uint32_t t = 0; t < Trees::kTrees; ++t) {
    leaves[t] = trees.first_leaf[t] + static_cast<uint32_t>(__builtin_ctz(leaves[t]));
  }
}

/// One row.
template <class Trees, int kBlocks, class Number>
void score_row(const TreeHeader& head, const Trees* vectors, const uint16_t* keys, const LeafValues<Number>& leaves,
               double* out) {
  FoundLeaves found(leaves, out);
  for (uint32_t t = 0; t < head.n_trees; t += Trees::kTrees, ++vectors) {
    uint32_t here[Trees::kTrees];
    find_leaves<kBlocks>(*vectors, keys, here);
    found.push(here, head.n_trees - t < Trees::kTrees ? head.n_trees - t : Trees::kTrees);
  }
  found.add();
}

/// Several rows: the trees of one vector at a time, one after the other. So the sums of different rows do not wait for
/// each other.
template <class Trees, int kBlocks, class Number>
void score_rows(const TreeHeader& head, const Trees* vectors, const uint16_t* keys, int32_t rows,
                const LeafValues<Number>& leaves, const View& out, int32_t first) {
  constexpr uint32_t kStride = kBlocks * kBlockSlots;
  constexpr int32_t kSide = Trees::kTrees == 1 ? 1 : 16;  // rows
  for (uint32_t t = 0; t < head.n_trees; t += Trees::kTrees, ++vectors) {
    const uint32_t n = head.n_trees - t < Trees::kTrees ? head.n_trees - t : Trees::kTrees;
    for (int32_t r = 0; r < rows; r += kSide) {
      const int32_t side = rows - r < kSide ? rows - r : kSide;
      uint32_t found[kSide][Trees::kTrees];
      for (int32_t i = 0; i < side; ++i) find_leaves<kBlocks>(*vectors, keys + size_t{kStride} * (r + i), found[i]);
      for (uint32_t k = 0; k < n && side == kSide; ++k) {
        leaves.template add_rows<kSide, Trees::kTrees>(t + k, found[0] + k, out.row(first + r), out.stride);
      }
      for (int32_t i = 0; i < side && side < kSide; ++i) leaves.add_trees(t, found[i], n, out.row(first + r + i));
    }
  }
}

template <class Trees, int kBlocks, class Number>
bool run_vector(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows,
                const LeafValues<Number>& leaves, const View& out, Arena* arena) {
  constexpr uint32_t kStride = kBlocks * kBlockSlots;
  const auto* vectors = section<Trees>(state, head.nodes);
  auto* keys = arena->alloc_n<uint16_t>(size_t{kStride} * (rows < kVectorRows ? rows : kVectorRows));
  if (keys == nullptr) return false;
  for (int32_t first = 0; first < rows; first += kVectorRows) {
    const int32_t n = rows - first < kVectorRows ? rows - first : kVectorRows;
    rank_keys(head, state, in, first, n, keys, kStride);
    if (n == 1) {
      score_row<Trees, kBlocks>(head, vectors, keys, leaves, out.row(first));
    } else {
      score_rows<Trees, kBlocks>(head, vectors, keys, n, leaves, out, first);
    }
  }
  return true;
}

template <class Trees, class Number>
bool run_vectors(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows,
                 const LeafValues<Number>& leaves, const View& out, Arena* arena) {
  static_assert(kVectorSlots == 4 * kBlockSlots);
  if (head.n_slots <= kBlockSlots) return run_vector<Trees, 1>(head, state, in, rows, leaves, out, arena);
  if (head.n_slots <= 2 * kBlockSlots) return run_vector<Trees, 2>(head, state, in, rows, leaves, out, arena);
  return run_vector<Trees, 4>(head, state, in, rows, leaves, out, arena);
}

}  // namespace
}  // namespace pretzel
