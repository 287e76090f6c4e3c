// Whether rounding decides which group has the most votes, of which each weighs as much as a neighbour is near.
#pragma once
#include <cfloat>
#include <cstdint>

#include "core/arena.h"

namespace pretzel {

class GroupVotes {
 public:
  /// Votes for `count` groups at most; none where no votes are compared.
  GroupVotes(Arena* arena, int64_t count) : sums_(arena->alloc_n<double>(static_cast<size_t>(count))) {
    for (int64_t group = 0; sums_ != nullptr && group < count; ++group) sums_[group] = 0.0;
  }

  /// Whether two groups have the most votes, where each weight may differ by a part of it; also without memory.
  template <class GroupAt, class WeightAt>
  bool are_close(int64_t k, GroupAt group_at, WeightAt weight_at, double part) const {
    if (sums_ == nullptr) return true;
    double most = 0.0, second = 0.0;
    for (int64_t i = 0; i < k; ++i) sums_[group_at(i)] += weight_at(i);
    for (int64_t i = 0; i < k; ++i) {
      double& sum = sums_[group_at(i)];
      second = sum > most ? most : (sum > second ? sum : second);
      most = sum > most ? sum : most;
      sum = 0.0;  // a group counts once
    }
    return most - second <= (part + 4.0 * DBL_EPSILON * static_cast<double>(k)) * most;
  }

 private:
  double* sums_;
};

}  // namespace pretzel
