// Layout of the read-only state of a tree ensemble: one header, then arrays at byte offsets from the start.
//
// Trees never compare the caller's values; they compare *keys*. A key slot is one column with one way to send NaN, or
// the outcome of one categorical split; all are unsigned integers. Where a column is compared as float32 the key is the
// value's bits, changed so that they sort as the numbers do; otherwise it is a rank: how many of the column's distinct
// thresholds lie below the value, so that x <= threshold[j] exactly when rank(x) <= j. Either way a comparison is a
// narrow one, whatever the precision of the source, and its outcome is a carry that is added without a branch.
//
// Two layouts follow. `kWalk`: nodes of 8 bytes, children side by side, walked 16 lanes at a time without branches.
// `kVector` (trees of at most 32 leaves): all nodes of a tree are compared at once in one vector of 16-bit keys and the
// leaf is the one whose path agrees with the outcome.
#pragma once

#include <bit>
#include <cstdint>

namespace pretzel {
namespace {

enum class TreeLayout : uint32_t { kWalk, kVector };
enum class KeyKind : uint32_t { kFloat32, kRank };

constexpr uint32_t kSmallLeaves = 16;
constexpr uint32_t kVectorLeaves = 32;
constexpr uint32_t kVectorSlots = 256;
constexpr uint32_t kMaxShortRank = 65533;  // 65535 is the key of NaN sent right, and the threshold no key exceeds
constexpr int kRankLevels = 6;
constexpr int kRankBlock = 16;
constexpr uint32_t kLowSlot = 0;      // always the lowest key: what leaves compare
constexpr uint32_t kScratchSlot = 1;  // written for directions that no split asks for, never read
constexpr uint32_t kFirstSlot = 2;

struct TreeHeader {
  TreeLayout layout;
  KeyKind keys;
  uint32_t float32;  // values are rounded to float32 before they are compared
  uint32_t n_trees;
  uint32_t n_slots;  // keys per row
  uint32_t n_features;
  uint32_t n_category_slots;
  uint32_t n_columns;   // kFloat32, not 0: every column c < n_columns has key kFirstSlot + c, features are not listed
  uint32_t left_keys;   // kFloat32 with n_columns: they follow once more for splits that send NaN left
  uint32_t wide;        // kWalk: WideNode; kVector: LargeTree
  uint64_t features;    // KeyFeature[n_features]
  uint64_t categories;  // CategorySlot[n_category_slots]
  uint64_t ranks;       // double[]: search tables of all columns
  uint64_t roots;       // TreeRoot[n_trees], padded to a multiple of 16
  uint64_t nodes;       // NarrowNode[] or WideNode[]; SmallTree[] or LargeTree[]
};

/// A column that numeric splits read. Rank tables are searched top down in blocks of 16 keys, fan-out 16.
struct KeyFeature {
  uint32_t column;
  uint32_t slot_right;  // where NaN goes right, or kScratchSlot
  uint32_t slot_left;   // where NaN goes left, or kScratchSlot
  uint32_t levels;
  uint32_t offset[kRankLevels];  // first double of each level in the rank tables
};

/// A categorical split: which whole numbers 0..255 go left. NaN, negative and other values go where missing ones do.
struct CategorySlot {
  uint32_t column;
  uint32_t slot;
  uint32_t missing_left;
  uint32_t left[8];
};

/// Goes right where key > threshold. A leaf reads kLowSlot, stays (delta 0) and has its number as threshold.
template <class Index>
struct WalkNode {
  Index slot;
  Index delta;  // distance to the left child; the right child is the next one
  uint32_t threshold;
};
using NarrowNode = WalkNode<uint16_t>;
using WideNode = WalkNode<uint32_t>;  // more than 65,536 slots, or a child as far away as that

struct TreeRoot {
  uint32_t first;  // kWalk: node; kVector: number of the first leaf
  uint32_t depth;  // kWalk
};

/// A whole tree of at most kLeaves leaves. Leaf i is reached when (outcomes & on_path[i]) == taken[i], with bit j of
/// the outcomes set when node j goes right.
template <int kLeaves, class Bits>
struct alignas(64) VectorTree {
  uint16_t slot[kLeaves];
  uint16_t threshold[kLeaves];
  Bits on_path[kLeaves];
  Bits taken[kLeaves];
};
using SmallTree = VectorTree<16, uint16_t>;
using LargeTree = VectorTree<32, uint32_t>;

/// Bits of a number as an integer of the same order; both zeros are one.
inline uint32_t ordered(float x) {
  const auto bits = std::bit_cast<uint32_t>(x + 0.0f);
  return bits ^ (static_cast<uint32_t>(std::bit_cast<int32_t>(bits) >> 31) | uint32_t{1} << 31);
}

/// Whether these are the bits of a NaN.
inline bool is_nan_bits(uint32_t bits) { return (bits & 0x7fffffff) > 0x7f800000; }

template <class T>
const T* section(const uint8_t* state, uint64_t offset) {
  return reinterpret_cast<const T*>(state + offset);
}

}  // namespace
}  // namespace pretzel
