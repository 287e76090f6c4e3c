// Trees walked node by node, sixteen at a time (TreeLayout::kWalk).
#pragma once

#include <cstdint>

#include "arena.h"
#include "tree_keys.h"
#include "tree_layout.h"
#include "tree_leaves.h"
#include "view.h"

namespace pretzel {
namespace {

constexpr int kLanes = 16;
constexpr uint32_t kBalanced = 12;          // sixteen lanes hardly ever all arrive early in a tree of this depth
constexpr int32_t kWalkRows = 512;          // rows whose keys are held at once
constexpr uint32_t kKeyBytes = 128 * 1024;  // fewer rows where a row has many keys

/// Several trees for one row, or one tree for several rows: lane k walks from node `at[k]` with the keys at
/// k * key_step, and ends with a leaf number. No branch depends on the data but the one that ends early.
template <class Node>
inline void walk(const Node* nodes, uint32_t depth, const uint32_t* keys, size_t key_step, uint32_t* at) {
  uint32_t levels = depth <= kBalanced ? depth : kBalanced - 4;  // until the next look whether all lanes have arrived
  for (uint32_t level = 0; level < depth; level += levels, levels = 4) {
    const uint32_t unchecked = (depth - level < levels ? depth - level : levels) - 1;
    uint32_t before = 0, after = 0;
#pragma GCC unroll 1
    for (uint32_t i = 0; i < unchecked; ++i) {
#pragma GCC unroll 16
      for (int k = 0; k < kLanes; ++k) {
        const Node node = nodes[at[k]];
        at[k] += node.delta;
        at[k] += node.threshold < keys[k * key_step + node.slot];
      }
    }
    for (int k = 0; k < kLanes; ++k) before += at[k];
#pragma GCC unroll 16
    for (int k = 0; k < kLanes; ++k) {
      const Node node = nodes[at[k]];
      at[k] += node.delta;
      at[k] += node.threshold < keys[k * key_step + node.slot];
      after += at[k];
    }
    if (before == after) break;
  }
  for (int k = 0; k < kLanes; ++k) at[k] = nodes[at[k]].threshold;
}

/// One row: sixteen trees at a time.
template <class Node>
void walk_row(const TreeHeader& head, const uint8_t* state, const uint32_t* keys, const LeafValues& leaves,
              double* out) {
  const auto* nodes = section<Node>(state, head.nodes);
  const auto* roots = section<TreeRoot>(state, head.roots);
  for (uint32_t t = 0; t < head.n_trees; t += kLanes) {
    uint32_t at[kLanes], depth = 0;
    for (int k = 0; k < kLanes; ++k) {
      at[k] = roots[t + k].first;
      depth = roots[t + k].depth > depth ? roots[t + k].depth : depth;
    }
    walk<Node>(nodes, depth, keys, 0, at);
    for (uint32_t k = 0; k < kLanes && t + k < head.n_trees; ++k) leaves.add(t + k, at[k], out);
  }
}

/// Sixteen rows: one tree at a time, which stays in the nearest cache while all rows of the tile pass.
template <class Node>
void walk_tile(const TreeHeader& head, const uint8_t* state, const uint32_t* keys, int32_t rows,
               const LeafValues& leaves, const View& out, int32_t first) {
  const auto* nodes = section<Node>(state, head.nodes);
  const auto* roots = section<TreeRoot>(state, head.roots);
  for (uint32_t t = 0; t < head.n_trees; ++t) {
    for (int32_t r = 0; r < rows; r += kLanes) {
      uint32_t at[kLanes];
      for (int k = 0; k < kLanes; ++k) at[k] = roots[t].first;
      walk<Node>(nodes, roots[t].depth, keys + size_t{head.n_slots} * r, head.n_slots, at);
      leaves.add_rows<kLanes>(t, at, out.row(first + r), out.stride);
    }
  }
}

template <class Node>
bool run_walk(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows, const LeafValues& leaves,
              const View& out, Arena* arena) {
  const int32_t fitting = static_cast<int32_t>(kKeyBytes / (sizeof(uint32_t) * head.n_slots)) / kLanes * kLanes;
  const int32_t most = fitting < kLanes ? kLanes : fitting > kWalkRows ? kWalkRows : fitting;
  auto* keys = arena->alloc_n<uint32_t>(size_t{head.n_slots} * (rows < most ? rows : most));
  if (keys == nullptr) return false;
  for (int32_t first = 0; first < rows; first += most) {
    const int32_t n = rows - first < most ? rows - first : most;
    const int32_t whole = n / kLanes * kLanes;
    walk_keys(head, state, in, first, n, keys);
    if (whole > 0) walk_tile<Node>(head, state, keys, whole, leaves, out, first);
    for (int32_t r = whole; r < n; ++r) {
      walk_row<Node>(head, state, keys + size_t{head.n_slots} * r, leaves, out.row(first + r));
    }
  }
  return true;
}

}  // namespace
}  // namespace pretzel
