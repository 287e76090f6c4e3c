// The order of a tree's nodes in memory (TreeLayout::kWalk).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace pretzel {
namespace {

/// A node of a tree in level order; leaves as complements.
struct Depth {
  int32_t node;
  uint32_t depth;
};

/// Siblings stand side by side, and a cache line holds pairs of siblings together with their descendants. So a walk
/// reads a new line for every second level, where level order needs one for each. A walk spends its time waiting for
/// lines.
struct TreePlaces {
  std::vector<uint32_t> children;  // for each node of the level order: that of its left child there, or 0
  std::vector<uint32_t> place;     // for each node of the level order
  uint32_t size = 0;               // whole lines
  uint32_t max_delta = 0;          // from a node to its left child

  void set(const std::vector<Depth>& order) {
    children.assign(order.size(), 0);
    place.assign(order.size(), 0);
    size = max_delta = 0;
    uint32_t next = 1;
    for (size_t i = 0; i < order.size(); ++i) {
      if (order[i].node >= 0) children[i] = std::exchange(next, next + 2);
    }
    room_ = {};
    heads_ = {{0, 0}};  // the root alone is a pair
    for (size_t i = 0; i < heads_.size(); ++i) put(heads_[i]);
  }

 private:
  static constexpr uint32_t kPairs = 4;  // in a line of 64 bytes

  struct Pair {
    uint32_t left, parent;
  };

  /// Fills a line with pairs from `head` on, level by level. The pairs below them get lines of their own later.
  void put(Pair head) {
    Pair line[kPairs] = {head};
    uint32_t n = 1;
    for (uint32_t k = 0; k < n; ++k) {
      for (uint32_t node = line[k].left; node <= line[k].left + (line[k].left > 0 ? 1 : 0); ++node) {
        if (children[node] == 0) continue;
        const Pair pair{children[node], node};
        if (n < kPairs) {
          line[n++] = pair;
        } else {
          heads_.push_back(pair);
        }
      }
    }
    uint32_t at = find_room(n, place[head.parent]);
    for (uint32_t k = 0; k < n; ++k, at += 2) {
      place[line[k].left] = at;
      if (line[k].left == 0) continue;
      place[line[k].left + 1] = at + 1;
      max_delta = std::max(max_delta, at - place[line[k].parent]);
    }
  }

  /// Finds room for `pairs` pairs in one line behind place `after`: the rest of a line, or a new one.
  uint32_t find_room(uint32_t pairs, uint32_t after) {
    uint32_t left = pairs;
    while (left < kPairs && room_[left] <= after) ++left;
    uint32_t at = size;
    if (left < kPairs) {
      at = std::exchange(room_[left], 0);
    } else {
      size += 2 * kPairs;
    }
    if (left > pairs) room_[left - pairs] = at + 2 * pairs;
    return at;
  }

  std::array<uint32_t, kPairs> room_{};  // by number of pairs: the latest place where as many fit into a line
  std::vector<Pair> heads_;
};

}  // namespace
}  // namespace pretzel
