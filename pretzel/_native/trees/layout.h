// Room `trees`: everything that `kernels/tree_ensemble.cpp` needs, and nothing else uses. When an ensemble is bound,
// builder.h lays its trees out as this header says, with places.h and write_nodes.h for the nodes; check.h checks a
// state from outside. When rows are scored, scorer.h picks the loop: keys.h makes the keys of a row, walk.h or vector.h
// finds its leaves, leaves.h adds up what they hold. README.md says which input takes which path.
//
// The state is one header, then arrays at byte offsets from its start. Trees never compare the caller's values; they
// compare *keys*. A key slot is one column with one way to send NaN, or the outcome of one categorical split; all are
// unsigned integers. Where a column is compared as float32 the key is the value's bits, changed so that they sort as
// the numbers do; otherwise it is a rank: how many of the column's distinct thresholds lie below the value, so that x
// <= threshold[j] exactly when rank(x) <= j. Either way a comparison is a narrow one, whatever the precision of the
// source, and its outcome is a carry that is added without a branch. A few trees without categories compare the
// values themselves, because the keys of a row would take as long as the walk.
//
// Two layouts follow. `kWalk`: nodes of 8 bytes, children side by side, walked 16 lanes at a time without branches.
// `kVector` (trees of at most 32 leaves): the nodes of one, two or four trees are compared at once in one vector of
// 16-bit keys. Each that goes right rules out the leaves on its left, and the leaf is the leftmost that remains
// (QuickScorer: Lucchese et al., SIGIR 2015).
#pragma once

#include <bit>
#include <cstdint>

namespace pretzel {
namespace {

enum class TreeLayout : uint32_t { kWalk, kVector };
enum class KeyKind : uint32_t { kFloat32, kRank, kValue };  // kValue: there are no keys

constexpr uint32_t kVectorNodes = 32;  // and leaves of a tree at most
constexpr uint32_t kVectorSlots = 256;
constexpr uint32_t kMaxShortRank = 65533;    // 65535 is the key of NaN sent right, and the threshold no key exceeds
constexpr uint32_t kMostSetWords = 1 << 19;  // 2^24 categories
constexpr uint32_t kRankLevels = 8;          // enough for 2^32 thresholds
constexpr uint32_t kRankBlock = 16;
constexpr uint32_t kLowSlot = 0;      // always the lowest key: leaves compare it
constexpr uint32_t kScratchSlot = 1;  // written for directions that no split uses, never read
constexpr uint32_t kFirstSlot = 2;

struct TreeHeader {
  TreeLayout layout;
  KeyKind keys;
  uint32_t float32;  // values are rounded to float32 before they are compared
  uint32_t n_trees;
  uint32_t n_slots;  // keys per row
  uint32_t n_features;
  uint32_t n_category_slots;
  uint32_t n_columns;   // kFloat32, not 0: every column c < n_columns has key kFirstSlot + c, features are not listed;
                        // kValue: those that splits read are below
  uint32_t left_keys;   // kFloat32 with n_columns: they follow once more for splits that send NaN left
  uint32_t wide;        // kWalk with keys: WideNode
  uint32_t leaves;      // kVector: of a tree at most: 8, 16 or 32
  uint32_t n_words;     // of all category sets
  uint64_t features;    // KeyFeature[n_features]
  uint64_t categories;  // CategorySlot[n_category_slots]
  uint64_t sets;        // uint32_t[n_words]: bit c % 32 of word c / 32 of a set: category c goes left
  uint64_t ranks;       // float[] where values are rounded to float32, or double[]: search tables of all columns
  uint64_t roots;       // kWalk: TreeRoot[n_trees], padded to a multiple of 16
  uint64_t nodes;       // kWalk: NarrowNode[], WideNode[] or ValueNode[]; kVector: VectorTrees[]
  uint64_t bytes;       // of all this
};

/// A column that numeric splits read.
struct KeyFeature {
  uint32_t column;
  uint32_t slot_right;  // where NaN goes right, or kScratchSlot
  uint32_t slot_left;   // where NaN goes left, or kScratchSlot
  uint32_t table;       // first of its search table
  uint32_t thresholds;
};

/// A search table: at most 16 thresholds, or blocks of 16 keys, fan-out 16, the lowest level before those above it.
struct RankTable {
  uint32_t levels = 1;
  uint32_t sizes[kRankLevels], offsets[kRankLevels];  // from the lowest level up; offsets from the table's first key
  uint32_t end;

  explicit RankTable(uint32_t thresholds) : sizes{thresholds}, offsets{0}, end(thresholds) {
    for (uint32_t count = thresholds; count > kRankBlock; ++levels) {
      const uint32_t blocks = (count + kRankBlock - 1) / kRankBlock;
      end = offsets[levels - 1] + blocks * kRankBlock;
      offsets[levels] = end;
      sizes[levels] = count = blocks - 1;
      end += (count + kRankBlock - 1) / kRankBlock * kRankBlock;
    }
  }
};

/// A categorical split. Values are cut to whole numbers, of which those in the set go left.
struct CategorySlot {
  uint32_t column;
  uint32_t slot;
  uint32_t missing_left;  // NaN
  uint32_t outside_left;  // values beyond the words of the set, and negative ones
  uint32_t truncates;     // values above -1 are category 0, else those from 0 on
  uint32_t first;         // word of the set
  uint32_t words;
};

/// Goes right where key > threshold. A leaf reads kLowSlot, stays (delta 0) and has its number as threshold.
template <class Index>
struct WalkNode {
  Index slot;
  Index delta;  // distance to the left child; the right child is the next one
  uint32_t threshold;

  uint32_t leaf() const { return threshold; }
};
using NarrowNode = WalkNode<uint16_t>;
using WideNode = WalkNode<uint32_t>;  // more than 65,536 slots, or a child as far away as that

/// Compares values as Number. The left child is the second one, which value <= threshold leads to. A leaf stays (delta
/// 0) because its threshold is NaN, whose lowest bits are the number of the leaf, and reads column 0.
template <class Number, class Index, class Bits, Bits kNaN>
struct ValueNode {
  static constexpr Index kMissingLeft = Index{1} << (8 * sizeof(Index) - 1);
  static constexpr Bits kLeafBits = kNaN;
  static constexpr Bits kMostLeaves = kNaN & -kNaN;

  Number threshold;
  Index side_column;  // kMissingLeft where NaN goes left, and the column
  Index delta;        // distance to the right child; the left child is the next one

  Index column() const { return side_column & static_cast<Index>(~kMissingLeft); }
  bool misses_left() const { return (side_column & kMissingLeft) != 0; }
  uint32_t leaf() const { return static_cast<uint32_t>(std::bit_cast<Bits>(threshold) & (kMostLeaves - 1)); }
};
using FloatNode = ValueNode<float, uint16_t, uint32_t, 0x7fc00000>;
using DoubleNode = ValueNode<double, uint32_t, uint64_t, 0x7ff8000000000000>;

struct TreeRoot {
  uint32_t first;  // node
  uint32_t depth;
};

/// As many trees of at most kLeaves leaves as have 32 nodes. Leaves are numbered from left to right, and bit i of
/// `remain` is set unless leaf i is in the left subtree of the node.
template <uint32_t kLeaves, class Bits>
struct alignas(16) VectorTrees {
  static constexpr uint32_t kTrees = kVectorNodes / kLeaves;

  uint16_t threshold[kVectorNodes];
  Bits remain[kVectorNodes];
  uint8_t slot[kVectorNodes];
  uint32_t first_leaf[kTrees];
};
using QuarterTrees = VectorTrees<8, uint8_t>;
using HalfTrees = VectorTrees<16, uint16_t>;
using WholeTrees = VectorTrees<32, uint32_t>;

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
