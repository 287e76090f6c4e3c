// Finds the leaf of each row in each tree and adds up what the leaves hold, trees in order.
#pragma once

#include <cstdint>

#include "core/arena.h"
#include "core/view.h"
#include "trees/layout.h"
#include "trees/leaves.h"
#include "trees/vector.h"
#include "trees/walk.h"

namespace pretzel {
namespace {

/// False when memory ran out.
template <class Number>
bool score(const TreeHeader& head, const uint8_t* state, const View& in, int32_t rows, const LeafValues<Number>& leaves,
           const View& out, Arena* arena) {
  if (head.layout == TreeLayout::kVector) {
    if (head.leaves == 8) return run_vectors<QuarterTrees>(head, state, in, rows, leaves, out, arena);
    if (head.leaves == 16) return run_vectors<HalfTrees>(head, state, in, rows, leaves, out, arena);
    return run_vectors<WholeTrees>(head, state, in, rows, leaves, out, arena);
  }
  if (head.keys == KeyKind::kValue) {
    head.float32 != 0 ? run_values<FloatNode>(head, state, in, rows, leaves, out)
                      : run_values<DoubleNode>(head, state, in, rows, leaves, out);
    return true;
  }
  if (head.wide != 0) return run_walk<WideNode>(head, state, in, rows, leaves, out, arena);
  return run_walk<NarrowNode>(head, state, in, rows, leaves, out, arena);
}

}  // namespace
}  // namespace pretzel
