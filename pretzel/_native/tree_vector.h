// Small trees compared whole (TreeLayout::kVector).
#pragma once

#include <cstddef>
#include <cstdint>

#include "arena.h"
#include "tree_keys.h"
#include "tree_layout.h"
#include "tree_leaves.h"
#include "view.h"
#if PRETZEL_ISA >= 2
#include <immintrin.h>
#endif

namespace pretzel {
namespace {

constexpr int32_t kVectorRows = 256;  // rows whose keys are held at once
constexpr uint32_t kBlockSlots = 64;  // keys that one permutation can pick from

#if PRETZEL_ISA >= 2
/// Keys of the tree's nodes, picked from the row's keys.
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

/// Number of the leaf inside its tree.
template <int kBlocks>
inline uint32_t find_leaf(const LargeTree& tree, const uint16_t* keys) {
  const __m512i picked = pick<kBlocks>(_mm512_load_si512(tree.slot), keys);
  const __mmask32 right = _mm512_cmpgt_epu16_mask(picked, _mm512_load_si512(tree.threshold));
  const __m512i outcome = _mm512_set1_epi32(static_cast<int>(right));
  const __m512i low = _mm512_and_si512(outcome, _mm512_load_si512(tree.on_path));
  const __m512i high = _mm512_and_si512(outcome, _mm512_load_si512(tree.on_path + 16));
  const uint32_t first = _mm512_cmpeq_epi32_mask(low, _mm512_load_si512(tree.taken));
  const uint32_t second = _mm512_cmpeq_epi32_mask(high, _mm512_load_si512(tree.taken + 16));
  return static_cast<uint32_t>(__builtin_ctz(first | second << 16));
}

inline __m256i load256(const uint16_t* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }

/// As above in half vectors; the upper half of the first two loads is the field behind, and dropped.
template <int kBlocks>
inline uint32_t find_leaf(const SmallTree& tree, const uint16_t* keys) {
  const auto* bytes = reinterpret_cast<const char*>(&tree);
  const __m512i picked = pick<kBlocks>(_mm512_loadu_si512(bytes + offsetof(SmallTree, slot)), keys);
  const __m512i thresholds = _mm512_loadu_si512(bytes + offsetof(SmallTree, threshold));
  const auto right = static_cast<short>(_mm512_cmpgt_epu16_mask(picked, thresholds));
  const __m256i outcome = _mm256_and_si256(_mm256_set1_epi16(right), load256(tree.on_path));
  return static_cast<uint32_t>(__builtin_ctz(_mm256_cmpeq_epi16_mask(outcome, load256(tree.taken))));
}

#else
/// Number of the leaf inside its tree: for state that was built at another level.
template <int kBlocks, class Tree>
inline uint32_t find_leaf(const Tree& tree, const uint16_t* keys) {
  constexpr uint32_t kLeaves = sizeof tree.slot / sizeof tree.slot[0];
  uint32_t right = 0;
  for (uint32_t j = 0; j < kLeaves; ++j) right |= uint32_t{keys[tree.slot[j]] > tree.threshold[j]} << j;
  uint32_t leaf = 0;
  while ((right & tree.on_path[leaf]) != tree.taken[leaf]) ++leaf;
  return leaf;
}
#endif

template <class Tree, int kBlocks>
bool run_vector(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows, const LeafValues& leaves,
                const View& out, Arena* arena) {
  constexpr uint32_t kStride = kBlocks * kBlockSlots;
  const auto* trees = section<Tree>(state, head.nodes);
  const auto* roots = section<TreeRoot>(state, head.roots);
  auto* keys = arena->alloc_n<uint16_t>(size_t{kStride} * (rows < kVectorRows ? rows : kVectorRows));
  if (keys == nullptr) return false;
  for (int32_t first = 0; first < rows; first += kVectorRows) {
    const int32_t n = rows - first < kVectorRows ? rows - first : kVectorRows;
    rank_keys(head, state, in, first, n, keys, kStride);
    for (uint32_t t = 0; t < head.n_trees; ++t) {
      for (int32_t r = 0; r < n; ++r) {
        const uint32_t leaf = find_leaf<kBlocks>(trees[t], keys + size_t{kStride} * r);
        leaves.add(t, roots[t].first + leaf, out.row(first + r));
      }
    }
  }
  return true;
}

template <class Tree>
bool run_vectors(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows, const LeafValues& leaves,
                 const View& out, Arena* arena) {
  static_assert(kVectorSlots == 4 * kBlockSlots);
  if (head.n_slots <= kBlockSlots) return run_vector<Tree, 1>(head, state, in, rows, leaves, out, arena);
  if (head.n_slots <= 2 * kBlockSlots) return run_vector<Tree, 2>(head, state, in, rows, leaves, out, arena);
  return run_vector<Tree, 4>(head, state, in, rows, leaves, out, arena);
}

}  // namespace
}  // namespace pretzel
