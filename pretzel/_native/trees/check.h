// Checks the state of a tree ensemble (layout.h) that comes from a file. After it, a walk from any root ends at a leaf
// that has values, and scoring reads and writes nothing outside the state and the keys of a row.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "core/state_check.h"
#include "trees/layout.h"

namespace pretzel {
namespace {

class TreeChecker {
 public:
  /// `width`: columns of a row.
  TreeChecker(StateSpan state, int64_t n_trees, int64_t n_leaves, int64_t width)
      : state_(state),
        n_trees_(static_cast<uint64_t>(n_trees)),
        n_leaves_(static_cast<uint64_t>(n_leaves)),
        width_(static_cast<uint64_t>(width)) {}

  /// What is wrong, or nullptr.
  const char* check() {
    if (!state_.holds<TreeHeader>(0, 1)) return kTruncated;
    head_ = *state_.at<TreeHeader>(0);
    if (!has_known_form()) return kUnknownForm;
    if (!sections_fit()) return kTruncated;
    if (head_.n_trees != n_trees_ || n_trees_ == 0) return "has a state of another number of trees";
    if (!keys_fit()) return "has a state with damaged keys";
    return trees_fit() ? nullptr : "has a state with damaged trees";
  }

 private:
  struct Slot {
    bool is_written;
  };
  struct Level {
    uint32_t below;  // levels below a node
  };

  bool is_walk() const { return head_.layout == TreeLayout::kWalk; }
  bool has_ranks() const { return head_.keys == KeyKind::kRank; }
  bool has_keys() const { return head_.keys != KeyKind::kValue; }
  bool has_known_form() const;
  bool sections_fit() const;
  bool keys_fit();
  bool write(uint64_t slot, uint32_t least);
  bool table_fits(const KeyFeature& feature) const;
  template <class Number>
  bool padding_fits(const Number* table, const RankTable& levels) const;
  bool is_key(uint64_t slot) const { return slot < slots_.size() && slots_[slot].is_written; }
  bool trees_fit() const;
  template <class Node>
  bool walks_fit() const;
  template <class Index>
  bool is_leaf(const WalkNode<Index>& node) const {
    return node.slot == kLowSlot;
  }
  template <class Number, class Index, class Bits, Bits kNaN>
  bool is_leaf(const ValueNode<Number, Index, Bits, kNaN>& node) const {
    return node.threshold != node.threshold && node.side_column == 0;
  }
  template <class Index>
  bool reads_row(const WalkNode<Index>& node) const {
    return is_key(node.slot);
  }
  template <class Number, class Index, class Bits, Bits kNaN>
  bool reads_row(const ValueNode<Number, Index, Bits, kNaN>& node) const {
    return node.column() < head_.n_columns;
  }
  bool roots_fit(const std::vector<Level>& levels) const;
  template <class Trees>
  bool vectors_fit() const;

  StateSpan state_;
  uint64_t n_trees_, n_leaves_, width_;
  TreeHeader head_{};
  std::vector<Slot> slots_;
};

inline bool TreeChecker::has_known_form() const {
  const bool vector_form =
      has_ranks() && head_.n_slots <= kVectorSlots && (head_.leaves == 8 || head_.leaves == 16 || head_.leaves == 32);
  const bool value_form = head_.n_slots == 0 && head_.n_features == 0 && head_.n_category_slots == 0 &&
                          head_.left_keys == 0 && head_.wide == 0;
  return head_.layout <= TreeLayout::kVector && head_.keys <= KeyKind::kValue && head_.float32 <= 1 &&
         head_.left_keys <= 1 && head_.wide <= 1 && (is_walk() || vector_form) && (has_keys() || value_form);
}

/// Whether the sections follow one another, each with room for what it holds.
inline bool TreeChecker::sections_fit() const {
  const uint64_t begins[] = {sizeof(TreeHeader), head_.features, head_.categories, head_.sets,
                             head_.ranks,        head_.roots,    head_.nodes,      head_.bytes};
  for (int i = 1; i < 8; ++i) {
    if (begins[i] % 64 != 0 || begins[i] < begins[i - 1]) return false;
  }
  return head_.bytes == state_.size && head_.n_features <= (head_.categories - head_.features) / sizeof(KeyFeature) &&
         head_.n_category_slots <= (head_.sets - head_.categories) / sizeof(CategorySlot) &&
         head_.n_words <= (head_.ranks - head_.sets) / sizeof(uint32_t);
}

/// Whether features, categorical splits and the sweep over all columns read columns of a row and write keys of it.
inline bool TreeChecker::keys_fit() {
  const uint64_t swept = uint64_t{head_.n_columns} * (1 + head_.left_keys);
  if (head_.n_columns > width_ || (head_.n_columns != 0 && has_ranks())) return false;
  if (!has_keys()) return true;
  const uint64_t most = kFirstSlot + swept + 2 * uint64_t{head_.n_features} + head_.n_category_slots;
  if (head_.n_slots < kFirstSlot + swept || head_.n_slots > most) return false;
  slots_.resize(head_.n_slots);
  slots_[kLowSlot].is_written = is_walk();
  for (uint64_t slot = kFirstSlot; slot < kFirstSlot + swept; ++slot) slots_[slot].is_written = true;
  bool fits = true;
  const auto* features = state_.at<KeyFeature>(head_.features);
  for (uint32_t f = 0; f < head_.n_features && fits; ++f) {
    fits = features[f].column < width_ && write(features[f].slot_right, kScratchSlot) &&
           write(features[f].slot_left, kScratchSlot) && (!has_ranks() || table_fits(features[f]));
  }
  const auto* categories = state_.at<CategorySlot>(head_.categories);
  for (uint32_t s = 0; s < head_.n_category_slots && fits; ++s) {
    fits = categories[s].column < width_ && write(categories[s].slot, kFirstSlot) && categories[s].words > 0 &&
           categories[s].words <= kMostSetWords && uint64_t{categories[s].first} + categories[s].words <= head_.n_words;
  }
  return fits;
}

inline bool TreeChecker::write(uint64_t slot, uint32_t least) {
  if (slot < least || slot >= slots_.size()) return false;
  slots_[slot].is_written = true;
  return true;
}

inline bool TreeChecker::table_fits(const KeyFeature& feature) const {
  const uint64_t n = (head_.roots - head_.ranks) / (head_.float32 != 0 ? sizeof(float) : sizeof(double));
  const uint64_t begin = feature.table, room = n - begin;
  if (begin > n || feature.thresholds > room || room < kRankBlock || room > UINT32_MAX / 2) return false;
  const RankTable levels(feature.thresholds);
  if (levels.end > room || (!is_walk() && feature.thresholds > kMaxShortRank)) return false;
  return head_.float32 != 0 ? padding_fits(state_.at<float>(head_.ranks) + begin, levels)
                            : padding_fits(state_.at<double>(head_.ranks) + begin, levels);
}

/// Whether no value passes the padding of the upper levels: so a search never leaves the level below.
template <class Number>
bool TreeChecker::padding_fits(const Number* table, const RankTable& levels) const {
  for (uint32_t level = 1; level < levels.levels; ++level) {
    const Number* keys = table + levels.offsets[level];
    for (uint32_t i = levels.sizes[level]; i % kRankBlock != 0; ++i) {
      if (keys[i] < std::numeric_limits<Number>::infinity()) return false;
    }
  }
  return true;
}

inline bool TreeChecker::trees_fit() const {
  if (!has_keys()) return head_.float32 != 0 ? walks_fit<FloatNode>() : walks_fit<DoubleNode>();
  if (is_walk()) return head_.wide != 0 ? walks_fit<WideNode>() : walks_fit<NarrowNode>();
  return head_.leaves == 8    ? vectors_fit<QuarterTrees>()
         : head_.leaves == 16 ? vectors_fit<HalfTrees>()
                              : vectors_fit<WholeTrees>();
}

/// Children stand behind their parents, so one pass from the end finds how deep the tree below each node is.
template <class Node>
bool TreeChecker::walks_fit() const {
  const uint64_t n = (head_.bytes - head_.nodes) / sizeof(Node);
  if (n > UINT32_MAX / 2) return false;
  const auto* nodes = state_.at<Node>(head_.nodes);
  std::vector<Level> levels(n);
  for (uint64_t i = n; i-- > 0;) {
    const Node& node = nodes[i];
    if (node.delta == 0) {
      if (!is_leaf(node) || node.leaf() >= n_leaves_) return false;
      continue;
    }
    const uint64_t left = i + node.delta;  // or right: the first of the two
    if (left + 1 >= n || !reads_row(node)) return false;
    levels[i].below = 1 + (levels[left].below > levels[left + 1].below ? levels[left].below : levels[left + 1].below);
  }
  return roots_fit(levels);
}

inline bool TreeChecker::roots_fit(const std::vector<Level>& levels) const {
  const uint64_t n_roots = (n_trees_ + 15) / 16 * 16;
  if (!state_.holds<TreeRoot>(head_.roots, n_roots) || head_.roots + n_roots * sizeof(TreeRoot) > head_.nodes) {
    return false;
  }
  const auto* roots = state_.at<TreeRoot>(head_.roots);
  for (uint64_t t = 0; t < n_roots; ++t) {
    if (roots[t].first >= levels.size()) return false;
    if (roots[t].depth != (t < n_trees_ ? levels[roots[t].first].below : 0)) return false;
  }
  return true;
}

/// A leaf is the lowest bit that the nodes that go right have in common. It is never above the lowest bit that all
/// nodes have in common: the rightmost leaf of the tree.
template <class Trees>
bool TreeChecker::vectors_fit() const {
  constexpr uint32_t kNodes = kVectorNodes / Trees::kTrees;
  const uint64_t n = (n_trees_ + Trees::kTrees - 1) / Trees::kTrees;
  if (!state_.holds<Trees>(head_.nodes, n)) return false;
  const auto* vectors = state_.at<Trees>(head_.nodes);
  for (uint64_t t = 0; t < n * Trees::kTrees; ++t) {
    const Trees& trees = vectors[t / Trees::kTrees];
    const auto k = static_cast<uint32_t>(t % Trees::kTrees);
    uint32_t common = UINT32_MAX;
    for (uint32_t j = k * kNodes; j < (k + 1) * kNodes; ++j) {
      if (trees.slot[j] >= head_.n_slots) return false;
      if (trees.threshold[j] == UINT16_MAX) continue;  // no key exceeds it
      if (!is_key(trees.slot[j])) return false;
      common &= trees.remain[j];
    }
    if (common == 0) return false;
    const uint64_t last = uint64_t{trees.first_leaf[k]} + static_cast<uint32_t>(__builtin_ctz(common));
    if (t < n_trees_ && last >= n_leaves_) return false;
  }
  return true;
}

}  // namespace
}  // namespace pretzel
