// The nodes that a TreeBuilder writes, in each layout (layout.h).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/kernel.h"
#include "trees/builder.h"
#include "trees/layout.h"

namespace pretzel {
namespace {

template <class Node>
void TreeBuilder::write_walks(StateBytes* state) {
  allocate(state, walk_nodes_ * sizeof(Node));
  auto* roots = reinterpret_cast<TreeRoot*>(state->data() + head_.roots);
  auto* nodes = reinterpret_cast<Node*>(state->data() + head_.nodes);
  uint32_t first = 0;
  for (uint32_t t = 0; t < source_.n_trees; ++t) {
    shape_.unroll(source_, source_.roots[t]);
    places_.set(shape_.order);
    roots[t] = {first, shape_.depth};
    write_walk(nodes + first);
    first += places_.size;
  }
}

/// Writes the tree that has been unrolled last.
template <class Number, class Index, class Bits, Bits kNaN>
void TreeBuilder::write_walk(ValueNode<Number, Index, Bits, kNaN>* nodes) {
  using Node = ValueNode<Number, Index, Bits, kNaN>;
  const auto leaf = [](uint32_t number) { return Node{std::bit_cast<Number>(Node::kLeafBits | number), 0, 0}; };
  std::fill_n(nodes, places_.size, leaf(0));  // also where no node is placed
  std::vector<uint32_t>& place = places_.place;
  for (size_t i = 0; i < shape_.order.size(); ++i) {
    const int32_t node = shape_.order[i].node;
    const uint32_t at = place[i];
    if (node < 0) {
      nodes[at] = leaf(static_cast<uint32_t>(~node));
      continue;
    }
    const uint32_t left = places_.children[i];
    const auto side = source_.missing_left[node] != 0 ? Node::kMissingLeft : Index{0};
    nodes[at].threshold = static_cast<Number>(threshold_of(node));
    nodes[at].side_column = static_cast<Index>(static_cast<Index>(source_.feature[node]) | side);
    nodes[at].delta = static_cast<Index>(place[left] - at);
    std::swap(place[left], place[left + 1]);
  }
}

template <class Index>
void TreeBuilder::write_walk(WalkNode<Index>* nodes) {
  for (size_t i = 0; i < shape_.order.size(); ++i) {
    const int32_t node = shape_.order[i].node;
    const uint32_t at = places_.place[i];
    if (node < 0) {
      nodes[at] = {kLowSlot, 0, static_cast<uint32_t>(~node)};
      continue;
    }
    const uint32_t threshold = !is_numeric(node)                 ? 0
                               : head_.keys == KeyKind::kFloat32 ? ordered(static_cast<float>(threshold_of(node)))
                                                                 : rank_of(node);
    nodes[at].slot = static_cast<Index>(slots_[node].slot);
    nodes[at].delta = static_cast<Index>(places_.place[places_.children[i]] - at);
    nodes[at].threshold = threshold;
  }
}

template <class Trees>
void TreeBuilder::write_vectors(StateBytes* state) {
  const uint32_t n = (source_.n_trees + Trees::kTrees - 1) / Trees::kTrees;
  allocate(state, n * sizeof(Trees));
  auto* vectors = reinterpret_cast<Trees*>(state->data() + head_.nodes);
  for (uint32_t v = 0; v < n; ++v) {
    std::fill_n(vectors[v].threshold, kVectorNodes, UINT16_MAX);  // no key exceeds it
    for (uint32_t k = 0; k < Trees::kTrees && v * Trees::kTrees + k < source_.n_trees; ++k) {
      const int32_t root = source_.roots[v * Trees::kTrees + k];
      int32_t leftmost = root;
      while (leftmost >= 0) leftmost = source_.children[2 * leftmost];
      vectors[v].first_leaf[k] = static_cast<uint32_t>(~leftmost);
      uint32_t n_nodes = 0, n_leaves = 0;
      write_vector(vectors + v, k * (kVectorNodes / Trees::kTrees), root, &n_nodes, &n_leaves);
    }
  }
}

/// Writes the nodes below one, and counts them and their leaves.
template <class Trees>
void TreeBuilder::write_vector(Trees* trees, uint32_t place, int32_t node, uint32_t* n_nodes,
                               uint32_t* n_leaves) const {
  if (node < 0) {
    ++*n_leaves;
    return;
  }
  const uint32_t at = place + (*n_nodes)++, first = *n_leaves;
  write_vector(trees, place, source_.children[2 * node], n_nodes, n_leaves);
  const uint64_t left = (uint64_t{1} << *n_leaves) - (uint64_t{1} << first);
  trees->slot[at] = static_cast<uint8_t>(slots_[node].slot);
  trees->threshold[at] = is_numeric(node) ? static_cast<uint16_t>(rank_of(node)) : uint16_t{0};
  trees->remain[at] = static_cast<std::remove_reference_t<decltype(trees->remain[0])>>(~left);
  write_vector(trees, place, source_.children[2 * node + 1], n_nodes, n_leaves);
}

}  // namespace
}  // namespace pretzel
