// Builds the state of a tree ensemble (layout.h) from its parameters; write_nodes.h writes the nodes.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "core/kernel.h"
#include "trees/layout.h"
#include "trees/places.h"
#include "trees/source.h"

namespace pretzel {
namespace {

struct Threshold {
  int32_t column;
  double value;
  bool operator<(const Threshold& other) const {
    return column != other.column ? column < other.column : value < other.value;
  }
  bool operator==(const Threshold& other) const { return column == other.column && value == other.value; }
};

struct SlotOfNode {
  uint32_t slot;
};
struct SetWord {
  uint32_t bits;
};

/// The key that a node needs. Nodes that need the same key are neighbours when sorted, columns ascending.
struct SlotUse {
  uint32_t column;
  int32_t set;
  bool left;
  uint32_t node;
  bool operator<(const SlotUse& o) const {
    if (set != o.set) return set < o.set;
    return column != o.column ? column < o.column : left < o.left;
  }
};

/// Largest float32 that is not above `value`: the same decision for every float32 that is compared with it.
inline float round_down(double value) {
  const auto nearest = static_cast<float>(value);
  return static_cast<double>(nearest) > value ? std::nextafterf(nearest, -std::numeric_limits<float>::infinity())
                                              : nearest;
}

class TreeBuilder {
 public:
  explicit TreeBuilder(const TreeSource& source) : source_(source) {}

  /// Fills `state`. Returns what is wrong with the parameters, or nullptr.
  const char* build(StateBytes* state) {
    if (const char* wrong = measure()) return wrong;
    choose();
    number_slots();
    if (head_.keys == KeyKind::kRank) build_ranks();
    head_.n_slots = n_slots_;
    const bool is_vector = head_.layout == TreeLayout::kVector;
    const bool has_keys = head_.keys != KeyKind::kValue;
    head_.wide = !is_vector && has_keys && (n_slots_ > UINT16_MAX || max_delta_ > UINT16_MAX);
    head_.leaves = max_leaves_ <= 8 ? 8 : max_leaves_ <= 16 ? 16 : 32;
    if (is_vector) {
      head_.leaves == 8    ? write_vectors<QuarterTrees>(state)
      : head_.leaves == 16 ? write_vectors<HalfTrees>(state)
                           : write_vectors<WholeTrees>(state);
    } else if (has_keys) {
      head_.wide != 0 ? write_walks<WideNode>(state) : write_walks<NarrowNode>(state);
    } else {
      head_.float32 != 0 ? write_walks<FloatNode>(state) : write_walks<DoubleNode>(state);
    }
    return nullptr;
  }

 private:
  const char* measure();
  void choose();
  void number_slots();
  uint32_t numeric_slot(const SlotUse& use);
  uint32_t category_slot(const SlotUse& use, bool known);
  void sweep_columns();
  bool compares_values() const;
  void read_columns();
  void build_ranks();
  void append_table(KeyFeature* feature, const Threshold* keys, uint32_t n);
  void allocate(StateBytes* state, uint64_t node_bytes);
  template <class Number>
  void write_tables(StateBytes* state) const;
  template <class Node>
  void write_walks(StateBytes* state);
  template <class Index>
  void write_walk(WalkNode<Index>* nodes);
  template <class Number, class Index, class Bits, Bits kNaN>
  void write_walk(ValueNode<Number, Index, Bits, kNaN>* nodes);
  template <class Trees>
  void write_vectors(StateBytes* state);
  template <class Trees>
  void write_vector(Trees* trees, uint32_t place, int32_t node, uint32_t* n_nodes, uint32_t* n_leaves) const;
  bool in_order(int32_t node, int32_t* next_leaf) const;
  double threshold_of(int32_t node) const;
  uint32_t rank_of(int32_t node) const;
  bool is_numeric(int32_t node) const { return source_.category_set[node] < 0; }

  TreeSource source_;
  TreeHeader head_{};
  TreeShape shape_;
  TreePlaces places_;
  uint32_t n_slots_ = kFirstSlot;
  uint32_t max_leaves_ = 0;
  uint32_t last_leaf_ = 0;
  uint64_t levels_ = 0;   // of all trees
  bool in_order_ = true;  // small trees, whose leaves are numbered from left to right
  uint32_t max_delta_ = 0;
  uint64_t walk_nodes_ = 0;
  std::vector<Threshold> thresholds_;  // distinct, ascending by column and value
  std::vector<KeyFeature> features_;
  std::vector<CategorySlot> categories_;
  std::vector<SetWord> sets_;
  std::vector<SlotOfNode> slots_;
  std::vector<Threshold> tables_;  // values only: a local type keeps the vector's code in this level
};

inline const char* TreeBuilder::measure() {
  uint64_t visited = 0;
  for (uint32_t t = 0; t < source_.n_trees; ++t) {
    shape_.unroll(source_, source_.roots[t]);
    visited += shape_.order.size() - shape_.n_leaves;
    if (visited > source_.n_nodes) break;
    places_.set(shape_.order);
    walk_nodes_ += places_.size;
    max_delta_ = std::max(max_delta_, places_.max_delta);
    max_leaves_ = std::max(max_leaves_, shape_.n_leaves);
    levels_ += shape_.depth;
    for (const Depth& at : shape_.order) {
      if (at.node < 0) last_leaf_ = std::max(last_leaf_, static_cast<uint32_t>(~at.node));
    }
    int32_t leaf = -1;
    in_order_ = in_order_ && shape_.n_leaves <= kVectorNodes && in_order(source_.roots[t], &leaf);
  }
  if (visited != source_.n_nodes) return "nodes that no tree reaches, or that several reach";
  if (walk_nodes_ >= UINT32_MAX / 2) return "too many nodes";
  if (uint64_t{source_.n_words} * source_.n_nodes >= UINT32_MAX) return "too many categories";
  return nullptr;
}

/// Whether the leaves below a node are numbered from left to right, beginning with `next_leaf` unless that is -1.
inline bool TreeBuilder::in_order(int32_t node, int32_t* next_leaf) const {
  if (node < 0) {
    const bool next = *next_leaf < 0 || ~node == *next_leaf;
    *next_leaf = ~node + 1;
    return next;
  }
  return in_order(source_.children[2 * node], next_leaf) && in_order(source_.children[2 * node + 1], next_leaf);
}

/// Small trees are compared whole where the machine has vectors for it; the others are walked. So the state depends on
/// the level that builds it (kStatePerIsa), although every level can run both layouts.
inline void TreeBuilder::choose() {
  const bool small = PRETZEL_ISA >= 2 && in_order_ && source_.n_trees >= 8;
  head_.layout = small ? TreeLayout::kVector : TreeLayout::kWalk;
  head_.keys = small || !source_.float32 ? KeyKind::kRank : KeyKind::kFloat32;
  head_.float32 = source_.float32;
  head_.n_trees = source_.n_trees;
}

/// One slot for each column and direction of NaN, one for each distinct categorical split.
inline void TreeBuilder::number_slots() {
  slots_.resize(source_.n_nodes);
  std::vector<SlotUse> uses(source_.n_nodes);
  for (uint32_t i = 0; i < source_.n_nodes; ++i) {
    uses[i] = {static_cast<uint32_t>(source_.feature[i]), source_.category_set[i], source_.missing_left[i] != 0, i};
  }
  std::sort(uses.begin(), uses.end());
  for (size_t i = 0; i < uses.size(); ++i) {
    const bool known = i > 0 && !(uses[i - 1] < uses[i]);
    slots_[uses[i].node].slot = uses[i].set < 0 ? numeric_slot(uses[i]) : category_slot(uses[i], known);
  }
  if (head_.layout == TreeLayout::kVector && n_slots_ > kVectorSlots) {
    head_.layout = TreeLayout::kWalk;
    head_.keys = source_.float32 ? KeyKind::kFloat32 : KeyKind::kRank;
  }
  if (compares_values()) {
    read_columns();
  } else if (head_.keys == KeyKind::kFloat32) {
    sweep_columns();
  }
}

/// Whether making the keys of a row would take longer than they save the walk. By values, a level of a tree takes a
/// quarter of a nanosecond longer for each row, and a tree twice that. Keys take 5 ns and 0.15 ns for each column, or
/// 1.2 ns or more for each column of ranks.
inline bool TreeBuilder::compares_values() const {
  if (head_.layout != TreeLayout::kWalk || !categories_.empty()) return false;
  const size_t keys = features_.size();
  const uint64_t most = head_.keys == KeyKind::kRank ? 5 * keys : 20 + keys / 2;
  if (levels_ + 2 * source_.n_trees > most) return false;
  const uint32_t last = keys == 0 ? 0 : features_.back().column;
  if (source_.float32) {
    return last < FloatNode::kMissingLeft && max_delta_ < UINT16_MAX && last_leaf_ < FloatNode::kMostLeaves;
  }
  return last < DoubleNode::kMissingLeft;
}

/// Nodes read the columns themselves.
inline void TreeBuilder::read_columns() {
  head_.keys = KeyKind::kValue;
  head_.n_columns = features_.empty() ? 0 : features_.back().column + 1;
  n_slots_ = 0;
  features_.clear();
}

inline uint32_t TreeBuilder::numeric_slot(const SlotUse& use) {
  if (features_.empty() || features_.back().column != use.column) {
    features_.push_back({use.column, kScratchSlot, kScratchSlot, 0, 0});
  }
  uint32_t& slot = use.left ? features_.back().slot_left : features_.back().slot_right;
  if (slot == kScratchSlot) slot = n_slots_++;
  return slot;
}

inline uint32_t TreeBuilder::category_slot(const SlotUse& use, bool known) {
  if (known) return categories_.back().slot;
  const bool left = source_.outside == OutsideCategory::kMissing ? use.left : source_.outside == OutsideCategory::kLeft;
  const uint32_t* words = source_.sets + size_t{source_.n_words} * static_cast<uint32_t>(use.set);
  const uint32_t outside = left ? UINT32_MAX : 0;
  uint32_t n = source_.n_words;
  while (n > 1 && words[n - 1] == outside) --n;  // beyond the words as in them
  const uint32_t truncates = source_.outside == OutsideCategory::kRight;
  categories_.push_back({use.column, n_slots_++, use.left, left, truncates, static_cast<uint32_t>(sets_.size()), n});
  for (uint32_t i = 0; i < n; ++i) sets_.push_back({words[i]});
  return categories_.back().slot;
}

/// Where most columns are read, one vectorised sweep makes the keys of all, and slots follow the columns.
inline void TreeBuilder::sweep_columns() {
  const uint32_t n_columns = features_.empty() ? 0 : features_.back().column + 1;
  if (n_columns == 0 || features_.size() * 2 < n_columns || !categories_.empty()) return;
  head_.n_columns = n_columns;
  for (const KeyFeature& feature : features_) head_.left_keys |= feature.slot_left != kScratchSlot;
  n_slots_ = kFirstSlot + n_columns * (1 + head_.left_keys);
  features_.clear();
  for (uint32_t i = 0; i < source_.n_nodes; ++i) {
    const auto column = static_cast<uint32_t>(source_.feature[i]);
    slots_[i].slot = kFirstSlot + column + (source_.missing_left[i] != 0 ? n_columns : 0);
  }
}

/// The threshold that a node compares with, rounded to float32 where its values are.
inline double TreeBuilder::threshold_of(int32_t node) const {
  return source_.float32 ? static_cast<double>(round_down(source_.threshold[node])) : source_.threshold[node];
}

/// Sorted distinct thresholds of each column, as tables that are searched sixteen keys at a time.
inline void TreeBuilder::build_ranks() {
  for (int32_t i = 0; i < static_cast<int32_t>(source_.n_nodes); ++i) {
    if (is_numeric(i)) thresholds_.push_back({source_.feature[i], threshold_of(i)});
  }
  std::sort(thresholds_.begin(), thresholds_.end());
  thresholds_.erase(std::unique(thresholds_.begin(), thresholds_.end()), thresholds_.end());
  uint32_t longest = 0;
  size_t begin = 0;
  for (KeyFeature& feature : features_) {
    size_t end = begin;
    while (end < thresholds_.size() && thresholds_[end].column == static_cast<int32_t>(feature.column)) ++end;
    append_table(&feature, thresholds_.data() + begin, static_cast<uint32_t>(end - begin));
    longest = std::max(longest, static_cast<uint32_t>(end - begin));
    begin = end;
  }
  tables_.resize(tables_.size() + kRankBlock);  // a block can be read wherever a table begins
  if (longest > kMaxShortRank) head_.layout = TreeLayout::kWalk;
}

inline void TreeBuilder::append_table(KeyFeature* feature, const Threshold* keys, uint32_t n) {
  const RankTable levels(n);
  feature->table = static_cast<uint32_t>(tables_.size());
  feature->thresholds = n;
  tables_.resize(tables_.size() + levels.end, {0, std::numeric_limits<double>::infinity()});
  Threshold* table = tables_.data() + feature->table;
  size_t step = 1;  // thresholds per key of a level
  for (uint32_t level = 0; level < levels.levels; ++level, step *= kRankBlock) {
    for (uint32_t i = 0; i < levels.sizes[level]; ++i) table[levels.offsets[level] + i] = keys[(i + 1) * step - 1];
  }
}

inline uint32_t TreeBuilder::rank_of(int32_t node) const {
  const int32_t column = source_.feature[node];
  const Threshold key{column, threshold_of(node)};
  const auto at = std::lower_bound(thresholds_.begin(), thresholds_.end(), key);
  const auto first =
      std::lower_bound(thresholds_.begin(), at, Threshold{column, -std::numeric_limits<double>::infinity()});
  return static_cast<uint32_t>(at - first);
}

inline void TreeBuilder::allocate(StateBytes* state, uint64_t node_bytes) {
  const auto align = [](uint64_t n) { return (n + 63) & ~uint64_t{63}; };
  head_.n_features = static_cast<uint32_t>(features_.size());
  head_.n_category_slots = static_cast<uint32_t>(categories_.size());
  const bool walk = head_.layout == TreeLayout::kWalk;
  const uint64_t n_roots = walk ? (uint64_t{source_.n_trees} + 15) / 16 * 16 : 0;
  const uint64_t number_bytes = source_.float32 ? sizeof(float) : sizeof(double);
  head_.features = align(sizeof(TreeHeader));
  head_.categories = head_.features + align(features_.size() * sizeof(KeyFeature));
  head_.n_words = static_cast<uint32_t>(sets_.size());
  head_.sets = head_.categories + align(categories_.size() * sizeof(CategorySlot));
  head_.ranks = head_.sets + align(sets_.size() * sizeof(uint32_t));
  head_.roots = head_.ranks + align(tables_.size() * number_bytes);
  head_.nodes = head_.roots + align(n_roots * sizeof(TreeRoot));
  head_.bytes = align(head_.nodes + node_bytes);
  state->assign(head_.bytes, 0);
  std::memcpy(state->data(), &head_, sizeof head_);
  if (!features_.empty()) {
    std::memcpy(state->data() + head_.features, features_.data(), features_.size() * sizeof(KeyFeature));
  }
  if (!categories_.empty()) {
    std::memcpy(state->data() + head_.categories, categories_.data(), categories_.size() * sizeof(CategorySlot));
  }
  if (!sets_.empty()) std::memcpy(state->data() + head_.sets, sets_.data(), sets_.size() * sizeof(uint32_t));
  source_.float32 ? write_tables<float>(state) : write_tables<double>(state);
}

template <class Number>
void TreeBuilder::write_tables(StateBytes* state) const {
  auto* numbers = reinterpret_cast<Number*>(state->data() + head_.ranks);
  for (size_t i = 0; i < tables_.size(); ++i) numbers[i] = static_cast<Number>(tables_[i].value);
}

}  // namespace
}  // namespace pretzel
