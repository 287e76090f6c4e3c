// Builds the state of a tree ensemble (tree_layout.h) from its parameters.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernel.h"
#include "tree_layout.h"
#include "tree_places.h"

namespace pretzel {
namespace {

/// Trees as the oven describes them: internal nodes in one list; a child >= 0 is a node, < 0 the complement of a leaf.
struct TreeSource {
  const int32_t* feature;
  const double* threshold;
  const int32_t* children;  // 2 per node: left, right
  const uint8_t* missing_left;
  const int32_t* category_set;  // -1: numeric split
  const uint32_t* sets;         // 8 words per set
  const int32_t* roots;
  uint32_t n_nodes;
  uint32_t n_trees;
  bool float32;
};

/// One tree unrolled in level order, which both layouts and the checks need.
struct TreeShape {
  std::vector<Depth> order;  // nodes and leaves; leaves as complements
  uint32_t depth = 0;
  uint32_t n_leaves = 0;
  uint32_t first_leaf = 0;
  bool consecutive = true;  // leaves are numbered first_leaf, first_leaf + 1, ... in some order

  void unroll(const TreeSource& source, int32_t root) {
    order.clear();
    order.push_back({root, 0});
    n_leaves = 0;
    uint32_t last_leaf = 0;
    first_leaf = UINT32_MAX;
    const size_t most = 2 * size_t{source.n_nodes} + 1;  // more only in a circle, which `measure` then refuses
    for (size_t i = 0; i < order.size() && order.size() <= most; ++i) {
      const Depth at = order[i];
      depth = at.depth;
      if (at.node < 0) {
        const auto leaf = static_cast<uint32_t>(~at.node);
        first_leaf = std::min(first_leaf, leaf);
        last_leaf = std::max(last_leaf, leaf);
        ++n_leaves;
        continue;
      }
      order.push_back({source.children[2 * at.node], at.depth + 1});
      order.push_back({source.children[2 * at.node + 1], at.depth + 1});
    }
    consecutive = last_leaf - first_leaf + 1 == n_leaves;
  }
};

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

/// What a node needs from its key: nodes that need the same are neighbours when sorted, columns ascending.
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

  /// Fills `state`; nullptr, or what is wrong with the parameters.
  const char* build(StateBytes* state) {
    if (const char* wrong = measure()) return wrong;
    choose();
    number_slots();
    if (head_.keys == KeyKind::kRank) build_ranks();
    head_.n_slots = n_slots_;
    const bool is_vector = head_.layout == TreeLayout::kVector;
    head_.wide = is_vector ? max_leaves_ > kSmallLeaves : n_slots_ > UINT16_MAX || max_delta_ > UINT16_MAX;
    allocate(state);
    for (uint32_t t = 0; t < source_.n_trees; ++t) {
      if (head_.layout == TreeLayout::kVector) {
        head_.wide != 0 ? write_vector<LargeTree>(state, t) : write_vector<SmallTree>(state, t);
      } else {
        head_.wide != 0 ? write_walk<WideNode>(state, t) : write_walk<NarrowNode>(state, t);
      }
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
  void build_ranks();
  void append_levels(KeyFeature* feature, const Threshold* keys, uint32_t n);
  void allocate(StateBytes* state);
  template <class Node>
  void write_walk(StateBytes* state, uint32_t tree);
  template <class Tree>
  void write_vector(StateBytes* state, uint32_t tree);
  uint32_t rank_of(int32_t node) const;
  bool is_numeric(int32_t node) const { return source_.category_set[node] < 0; }

  TreeSource source_;
  TreeHeader head_{};
  TreeShape shape_;
  TreePlaces places_;
  uint32_t n_slots_ = kFirstSlot;
  uint32_t max_leaves_ = 0;
  bool consecutive_ = true;
  uint32_t max_delta_ = 0;
  uint64_t walk_nodes_ = 0;
  uint32_t next_walk_node_ = 0;
  std::vector<Threshold> thresholds_;  // distinct, ascending by column and value
  std::vector<KeyFeature> features_;
  std::vector<CategorySlot> categories_;
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
    consecutive_ = consecutive_ && shape_.consecutive;
  }
  if (visited != source_.n_nodes) return "nodes that no tree reaches, or that several reach";
  if (walk_nodes_ >= UINT32_MAX / 2) return "too many nodes";
  return nullptr;
}

/// Small trees are compared whole where the machine has vectors for it; the others are walked. Every level reads both.
inline void TreeBuilder::choose() {
  const bool small = PRETZEL_ISA >= 2 && max_leaves_ <= kVectorLeaves && consecutive_ && source_.n_trees >= 8;
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
  if (head_.keys == KeyKind::kFloat32) sweep_columns();
}

inline uint32_t TreeBuilder::numeric_slot(const SlotUse& use) {
  if (features_.empty() || features_.back().column != use.column) {
    features_.push_back({use.column, kScratchSlot, kScratchSlot, 0, {}});
  }
  uint32_t& slot = use.left ? features_.back().slot_left : features_.back().slot_right;
  if (slot == kScratchSlot) slot = n_slots_++;
  return slot;
}

inline uint32_t TreeBuilder::category_slot(const SlotUse& use, bool known) {
  if (!known) {
    CategorySlot split{use.column, n_slots_++, use.left, {}};
    std::memcpy(split.left, source_.sets + size_t{8} * static_cast<uint32_t>(use.set), sizeof split.left);
    categories_.push_back(split);
  }
  return categories_.back().slot;
}

/// Where most columns are read, the keys of all are made in one vectorised sweep, and slots follow the columns.
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

/// Sorted distinct thresholds of each column, as blocks that are searched sixteen keys at a time.
inline void TreeBuilder::build_ranks() {
  for (uint32_t i = 0; i < source_.n_nodes; ++i) {
    if (is_numeric(static_cast<int32_t>(i))) thresholds_.push_back({source_.feature[i], source_.threshold[i]});
  }
  std::sort(thresholds_.begin(), thresholds_.end());
  thresholds_.erase(std::unique(thresholds_.begin(), thresholds_.end()), thresholds_.end());
  uint32_t longest = 0;
  size_t begin = 0;
  for (KeyFeature& feature : features_) {
    size_t end = begin;
    while (end < thresholds_.size() && thresholds_[end].column == static_cast<int32_t>(feature.column)) ++end;
    append_levels(&feature, thresholds_.data() + begin, static_cast<uint32_t>(end - begin));
    longest = std::max(longest, static_cast<uint32_t>(end - begin));
    begin = end;
  }
  if (longest > kMaxShortRank) head_.layout = TreeLayout::kWalk;
}

inline void TreeBuilder::append_levels(KeyFeature* feature, const Threshold* keys, uint32_t n) {
  uint32_t step = 1;  // thresholds per key of this level
  uint32_t sizes[kRankLevels], steps[kRankLevels], levels = 0;
  for (uint32_t count = n;;) {
    sizes[levels] = count;
    steps[levels++] = step;
    const uint32_t blocks = (count + kRankBlock - 1) / kRankBlock;
    if (blocks <= 1) break;
    count = blocks - 1;
    step *= kRankBlock;
  }
  feature->levels = levels;
  for (uint32_t level = 0; level < levels; ++level) {
    const uint32_t from = levels - 1 - level;
    feature->offset[level] = static_cast<uint32_t>(tables_.size());
    for (uint32_t i = 0; i < sizes[from]; ++i) tables_.push_back(keys[size_t{i + 1} * steps[from] - 1]);
    while (tables_.size() % kRankBlock != 0) tables_.push_back({0, std::numeric_limits<double>::infinity()});
  }
}

inline uint32_t TreeBuilder::rank_of(int32_t node) const {
  const int32_t column = source_.feature[node];
  const Threshold key{column, source_.threshold[node]};
  const auto at = std::lower_bound(thresholds_.begin(), thresholds_.end(), key);
  const auto first =
      std::lower_bound(thresholds_.begin(), at, Threshold{column, -std::numeric_limits<double>::infinity()});
  return static_cast<uint32_t>(at - first);
}

inline void TreeBuilder::allocate(StateBytes* state) {
  const auto align = [](uint64_t n) { return (n + 63) & ~uint64_t{63}; };
  head_.n_features = static_cast<uint32_t>(features_.size());
  head_.n_category_slots = static_cast<uint32_t>(categories_.size());
  const bool walk = head_.layout == TreeLayout::kWalk;
  const uint64_t n_roots = (uint64_t{source_.n_trees} + 15) / 16 * 16;
  head_.features = align(sizeof(TreeHeader));
  head_.categories = head_.features + align(features_.size() * sizeof(KeyFeature));
  head_.ranks = head_.categories + align(categories_.size() * sizeof(CategorySlot));
  head_.roots = head_.ranks + align(tables_.size() * sizeof(double));
  head_.nodes = head_.roots + align(n_roots * sizeof(TreeRoot));
  const uint64_t node_bytes = head_.wide != 0 ? sizeof(WideNode) : sizeof(NarrowNode);
  const uint64_t tree_bytes = head_.wide != 0 ? sizeof(LargeTree) : sizeof(SmallTree);
  const uint64_t bytes = walk ? walk_nodes_ * node_bytes : source_.n_trees * tree_bytes;
  state->assign(align(head_.nodes + bytes), 0);
  std::memcpy(state->data(), &head_, sizeof head_);
  if (!features_.empty()) {
    std::memcpy(state->data() + head_.features, features_.data(), features_.size() * sizeof(KeyFeature));
  }
  if (!categories_.empty()) {
    std::memcpy(state->data() + head_.categories, categories_.data(), categories_.size() * sizeof(CategorySlot));
  }
  auto* ranks = reinterpret_cast<double*>(state->data() + head_.ranks);
  for (size_t i = 0; i < tables_.size(); ++i) ranks[i] = tables_[i].value;
}

template <class Node>
void TreeBuilder::write_walk(StateBytes* state, uint32_t tree) {
  shape_.unroll(source_, source_.roots[tree]);
  auto* nodes = reinterpret_cast<Node*>(state->data() + head_.nodes) + next_walk_node_;
  auto* roots = reinterpret_cast<TreeRoot*>(state->data() + head_.roots);
  roots[tree] = {next_walk_node_, shape_.depth};
  places_.set(shape_.order);
  for (size_t i = 0; i < shape_.order.size(); ++i) {
    const int32_t node = shape_.order[i].node;
    const uint32_t at = places_.place[i];
    if (node < 0) {
      nodes[at] = {kLowSlot, 0, static_cast<uint32_t>(~node)};
      continue;
    }
    const uint32_t threshold = !is_numeric(node)                 ? 0
                               : head_.keys == KeyKind::kFloat32 ? ordered(round_down(source_.threshold[node]))
                                                                 : rank_of(node);
    nodes[at].slot = static_cast<decltype(Node::slot)>(slots_[node].slot);
    nodes[at].delta = static_cast<decltype(Node::delta)>(places_.place[places_.children[i]] - at);
    nodes[at].threshold = threshold;
  }
  next_walk_node_ += places_.size;
}

template <class Tree>
void TreeBuilder::write_vector(StateBytes* state, uint32_t tree) {
  struct Path {
    int32_t node;
    uint32_t on_path, taken;
  };
  shape_.unroll(source_, source_.roots[tree]);
  using Bits = std::remove_reference_t<decltype(Tree::taken[0])>;
  Tree packed{};
  for (uint16_t& threshold : packed.threshold) threshold = UINT16_MAX;
  for (Bits& taken : packed.taken) taken = 1;  // with an empty path: never reached
  std::vector<Path> open{{source_.roots[tree], 0, 0}};
  uint32_t n = 0;
  while (!open.empty()) {
    const Path at = open.back();
    open.pop_back();
    if (at.node < 0) {
      const uint32_t leaf = static_cast<uint32_t>(~at.node) - shape_.first_leaf;
      packed.on_path[leaf] = static_cast<Bits>(at.on_path);
      packed.taken[leaf] = static_cast<Bits>(at.taken);
      continue;
    }
    packed.slot[n] = static_cast<uint16_t>(slots_[at.node].slot);
    packed.threshold[n] = is_numeric(at.node) ? static_cast<uint16_t>(rank_of(at.node)) : uint16_t{0};
    const uint32_t bit = uint32_t{1} << n++;
    open.push_back({source_.children[2 * at.node], at.on_path | bit, at.taken});
    open.push_back({source_.children[2 * at.node + 1], at.on_path | bit, at.taken | bit});
  }
  reinterpret_cast<TreeRoot*>(state->data() + head_.roots)[tree] = {shape_.first_leaf, 0};
  std::memcpy(state->data() + head_.nodes + tree * sizeof(Tree), &packed, sizeof packed);
}

}  // namespace
}  // namespace pretzel
