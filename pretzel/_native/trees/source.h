// The parameters of a tree ensemble, as the oven describes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trees/places.h"

namespace pretzel {
namespace {

/// Where a value goes that is no category of a split's set can name: where NaN goes, left, or right. `kRight` cuts
/// values to whole numbers before it asks whether they are negative.
enum class OutsideCategory : uint8_t { kMissing, kLeft, kRight };

/// Trees as the oven describes them: internal nodes in one list; a child >= 0 is a node, < 0 the complement of a leaf.
struct TreeSource {
  const int32_t* feature;
  const double* threshold;
  const int32_t* children;  // 2 per node: left, right
  const uint8_t* missing_left;
  const int32_t* category_set;  // -1: numeric split
  const uint32_t* sets;         // n_words per set
  const int32_t* roots;
  uint32_t n_nodes;
  uint32_t n_trees;
  uint32_t n_words;
  OutsideCategory outside;
  bool float32;
};

/// One tree unrolled in level order, which both layouts and the checks need.
struct TreeShape {
  std::vector<Depth> order;  // nodes and leaves; leaves as complements
  uint32_t depth = 0;
  uint32_t n_leaves = 0;

  void unroll(const TreeSource& source, int32_t root) {
    order.clear();
    order.push_back({root, 0});
    n_leaves = 0;
    const size_t most = 2 * size_t{source.n_nodes} + 1;  // more nodes only in a cycle, which `measure` rejects
    for (size_t i = 0; i < order.size() && order.size() <= most; ++i) {
      const Depth at = order[i];
      depth = at.depth;
      if (at.node < 0) {
        ++n_leaves;
        continue;
      }
      order.push_back({source.children[2 * at.node], at.depth + 1});
      order.push_back({source.children[2 * at.node + 1], at.depth + 1});
    }
  }
};

}  // namespace
}  // namespace pretzel
