// Sparse accumulator: values added up by index, in order of first occurrence (Gilbert, Moler and Schreiber, 1992).
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "core/kernel.h"
#include "core/mix.h"

namespace pretzel {
namespace {

/// Open addressing over the entries themselves, so no two indices share a sum.
class SparseAccumulator {
 public:
  /// `index` and `value` have room for `capacity` distinct entries; the look-up table is scratch.
  bool init(Arena* arena, int32_t* index, double* value, int64_t capacity) {
    int bits = 5;
    while ((int64_t{1} << bits) < 2 * capacity) ++bits;
    if (bits > 31) return false;
    slots_ = arena->alloc_n<uint32_t>(size_t{1} << bits);
    if (slots_ == nullptr) return false;
    std::memset(slots_, 0, sizeof(uint32_t) << bits);
    shift_ = 32 - bits;
    mask_ = (1u << bits) - 1;
    index_ = index;
    value_ = value;
    return true;
  }

  void add(uint32_t id, double value) {
    uint32_t slot = (id * kGoldenRatio32) >> shift_;
    for (uint32_t entry; (entry = slots_[slot]) != 0; slot = (slot + 1) & mask_) {
      if (static_cast<uint32_t>(index_[entry - 1]) == id) {
        value_[entry - 1] += value;
        return;
      }
    }
    index_[size_] = static_cast<int32_t>(id);
    value_[size_] = value;
    slots_[slot] = ++size_;
  }
  int64_t size() const { return size_; }

 private:
  uint32_t* slots_ = nullptr;
  int32_t* index_ = nullptr;
  double* value_ = nullptr;
  uint32_t size_ = 0;
  uint32_t mask_ = 0;
  int shift_ = 0;
};

/// One sparse row of the output while it is accumulated. Its arrays lie in the arena, in front of all scratch memory.
class AccumulatedRow {
 public:
  AccumulatedRow(Arena* arena, SparseRow* out, int64_t columns) : arena_(arena), out_(out), columns_(columns) {}

  Arena* arena() const { return arena_; }
  /// Takes room for the entries that `occurrences` additions can make. Must precede all other uses of the arena.
  bool reserve(int64_t occurrences) {
    const auto n = static_cast<size_t>(std::min(occurrences, columns_)) + 1;
    index_ = arena_->alloc_n<int32_t>(n);
    value_ = arena_->alloc_n<double>(n);
    return index_ != nullptr && value_ != nullptr;
  }
  /// Takes the scratch for `occurrences` additions, which may be fewer than were reserved.
  bool start(int64_t occurrences) { return accumulator_.init(arena_, index_, value_, std::min(occurrences, columns_)); }
  void add(uint32_t column, double value) { accumulator_.add(column, value); }
  Status finish() {
    *out_ = SparseRow{index_, value_, accumulator_.size()};
    return Status::kOk;
  }

 private:
  Arena* arena_;
  SparseRow* out_;
  int64_t columns_;
  int32_t* index_ = nullptr;
  double* value_ = nullptr;
  SparseAccumulator accumulator_{};
};

}  // namespace
}  // namespace pretzel
