// Trees walked node by node, sixteen at a time (TreeLayout::kWalk).
#pragma once

#include <cstdint>

#include "core/arena.h"
#include "core/view.h"
#include "trees/keys.h"
#include "trees/layout.h"
#include "trees/leaves.h"

namespace pretzel {
namespace {

constexpr int kLanes = 16;
constexpr uint32_t kFewTrees = 2;           // which one row passes faster one after the other
constexpr uint32_t kBalanced = 12;          // in a tree of this depth sixteen lanes hardly ever all arrive early
constexpr int32_t kWalkRows = 512;          // rows whose keys are held at once
constexpr uint32_t kKeyBytes = 128 * 1024;  // fewer rows where a row has many keys

/// Distance between the keys of two lanes. As a constant it becomes part of the address of a load.
template <size_t N>
struct FixedStride {
  constexpr size_t operator()(int lane) const { return N * static_cast<size_t>(lane); }
};
struct AnyStride {
  size_t n;
  size_t operator()(int lane) const { return n * static_cast<size_t>(lane); }
};

/// Number of keys of a row, rounded up to a stride that the walk is compiled for.
inline uint32_t key_stride(const TreeHeader& head) {
  return head.n_slots <= 32 ? 32 : head.n_slots <= 64 ? 64 : head.n_slots <= 128 ? 128 : head.n_slots;
}

/// From a node to the child that the keys of a row lead to; leaves stay.
struct ByKeys {
  template <class Index>
  void operator()(const WalkNode<Index>* nodes, const uint32_t* keys, size_t row, uint32_t* at) const {
    const WalkNode<Index> node = nodes[*at];
    *at += node.delta;
    *at += node.threshold < keys[row + node.slot];
  }
};

/// From a node to the child that the values of a row lead to; leaves stay.
template <bool kHasNaN>
struct ByValues {
  template <class Number, class Index, class Bits, Bits kNaN>
  void operator()(const ValueNode<Number, Index, Bits, kNaN>* nodes, const double* values, size_t row,
                  uint32_t* at) const {
    const auto& node = nodes[*at];
    const auto x = static_cast<Number>(values[row + node.column()]);
    uint32_t second = x <= node.threshold;
    if (kHasNaN) second |= static_cast<uint32_t>(x != x) & static_cast<uint32_t>(node.misses_left());
    uint32_t next = *at + node.delta + second;
    asm("" : "+r"(next));  // lanes in vectors, which compilers make of this, go through memory at each level
    *at = next;
  }
};

/// Several trees for one row, or one tree for several rows: lane k walks from node `at[k]` with the keys or values at
/// row_step(k), and ends with a leaf number. The only branch that depends on the data is the one that ends early.
template <class Step, class Node, class Item, class Stride>
inline void walk(Step step, const Node* nodes, uint32_t depth, const Item* row, Stride row_step, uint32_t* at) {
  uint32_t levels = depth <= kBalanced ? depth : kBalanced - 4;  // until the next test whether all lanes have arrived
  for (uint32_t level = 0; level < depth; level += levels, levels = 4) {
    const uint32_t unchecked = (depth - level < levels ? depth - level : levels) - 1;
    uint32_t before = 0, after = 0;
#pragma GCC unroll 1
    for (uint32_t i = 0; i < unchecked; ++i) {
#pragma GCC unroll 16
      for (int k = 0; k < kLanes; ++k) step(nodes, row, row_step(k), &at[k]);
    }
    for (int k = 0; k < kLanes; ++k) before += at[k];
#pragma GCC unroll 16
    for (int k = 0; k < kLanes; ++k) {
      step(nodes, row, row_step(k), &at[k]);
      after += at[k];
    }
    if (before == after) break;
  }
  for (int k = 0; k < kLanes; ++k) at[k] = nodes[at[k]].leaf();
}

/// One row: sixteen trees at a time, or a few one after the other.
template <class Node, class Step, class Item, class Number>
void walk_row(const TreeHeader& head, const uint8_t* state, Step step, const Item* row,
              const LeafValues<Number>& leaves, double* out) {
  const auto* nodes = section<Node>(state, head.nodes);
  const auto* roots = section<TreeRoot>(state, head.roots);
  if (head.n_trees <= kFewTrees) {
    for (uint32_t t = 0; t < head.n_trees; ++t) {
      uint32_t at = roots[t].first;
      while (nodes[at].delta != 0) step(nodes, row, 0, &at);
      leaves.add(t, nodes[at].leaf(), out);
    }
    return;
  }
  FoundLeaves found(leaves, out);
  for (uint32_t t = 0; t < head.n_trees; t += kLanes) {
    uint32_t at[kLanes], depth = 0;
    for (int k = 0; k < kLanes; ++k) {
      at[k] = roots[t + k].first;
      depth = roots[t + k].depth > depth ? roots[t + k].depth : depth;
    }
    walk(step, nodes, depth, row, FixedStride<0>{}, at);
    found.push(at, head.n_trees - t < kLanes ? head.n_trees - t : kLanes);
  }
  found.add();
}

/// Sixteen rows: one tree at a time, which stays in the nearest cache while all rows of the tile pass.
template <class Node, class Step, class Item, class Stride, class Number>
void walk_tile(const TreeHeader& head, const uint8_t* state, Step step, const Item* tile, Stride row_step, int32_t rows,
               const LeafValues<Number>& leaves, const View& out, int32_t first) {
  const auto* nodes = section<Node>(state, head.nodes);
  const auto* roots = section<TreeRoot>(state, head.roots);
  for (uint32_t t = 0; t < head.n_trees; ++t) {
    for (int32_t r = 0; r < rows; r += kLanes) {
      uint32_t at[kLanes];
      for (int k = 0; k < kLanes; ++k) at[k] = roots[t].first;
      walk(step, nodes, roots[t].depth, tile + row_step(r), row_step, at);
      leaves.template add_rows<kLanes>(t, at, out.row(first + r), out.stride);
    }
  }
}

template <class Node, class Stride, class Number>
bool run_walk(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows,
              const LeafValues<Number>& leaves, const View& out, Arena* arena, Stride key_step) {
  const uint32_t stride = key_stride(head);
  const int32_t fitting = static_cast<int32_t>(kKeyBytes / (sizeof(uint32_t) * stride)) / kLanes * kLanes;
  const int32_t most = fitting < kLanes ? kLanes : fitting > kWalkRows ? kWalkRows : fitting;
  auto* keys = arena->alloc_n<uint32_t>(size_t{stride} * (rows < most ? rows : most));
  if (keys == nullptr) return false;
  for (int32_t first = 0; first < rows; first += most) {
    const int32_t n = rows - first < most ? rows - first : most;
    const int32_t whole = n / kLanes * kLanes;
    walk_keys(head, state, in, first, n, keys, stride);
    if (whole > 0) walk_tile<Node>(head, state, ByKeys{}, keys, key_step, whole, leaves, out, first);
    for (int32_t r = whole; r < n; ++r) {
      walk_row<Node>(head, state, ByKeys{}, keys + size_t{stride} * r, leaves, out.row(first + r));
    }
  }
  return true;
}

template <class Node, class Number>
bool run_walk(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows,
              const LeafValues<Number>& leaves, const View& out, Arena* arena) {
  switch (key_stride(head)) {
    case 32:
      return run_walk<Node>(head, state, in, rows, leaves, out, arena, FixedStride<32>{});
    case 64:
      return run_walk<Node>(head, state, in, rows, leaves, out, arena, FixedStride<64>{});
    case 128:
      return run_walk<Node>(head, state, in, rows, leaves, out, arena, FixedStride<128>{});
    default:
      return run_walk<Node>(head, state, in, rows, leaves, out, arena, AnyStride{key_stride(head)});
  }
}

/// Whether one of the columns that splits read holds NaN.
inline bool has_nan(const TreeHeader& head, const View& in, int32_t rows) {
  int64_t found = 0;  // as wide as the numbers: the compiler counts by lanes
  for (int32_t r = 0; r < rows && found == 0; ++r) {
    const double* row = in.row(r);
    for (uint32_t c = 0; c < head.n_columns; ++c) found += row[c] != row[c];
  }
  return found != 0;
}

/// Trees that compare the values themselves.
template <class Node, class Number>
void run_values(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows,
                const LeafValues<Number>& leaves, const View& out) {
  const AnyStride row_step{static_cast<size_t>(in.stride)};
  const int32_t whole = rows / kLanes * kLanes;
  if (whole > 0 && has_nan(head, in, whole)) {
    walk_tile<Node>(head, state, ByValues<true>{}, in.dense, row_step, whole, leaves, out, 0);
  } else if (whole > 0) {
    walk_tile<Node>(head, state, ByValues<false>{}, in.dense, row_step, whole, leaves, out, 0);
  }
  for (int32_t r = whole; r < rows; ++r) walk_row<Node>(head, state, ByValues<true>{}, in.row(r), leaves, out.row(r));
}

}  // namespace
}  // namespace pretzel
