// Statistics of the calls of one method: their number, how they ended, and the times of some of them.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

#include "bindings/count.h"
#include "core/enum_names.h"
#include "core/mix.h"

namespace pretzel {

PRETZEL_ENUM(Ending, uint8_t, kAnswered, kInvalid, kRejected, kCancelled, kFailed);
constexpr int kEndings = static_cast<int>(Ending::kFailed) + 1;

/// Zeros that are allocated when they are needed first; of several threads one does it.
template <class T>
class MadeLate {
 public:
  MadeLate() = default;
  ~MadeLate() { delete made_.load(std::memory_order_relaxed); }
  MadeLate(const MadeLate&) = delete;
  MadeLate& operator=(const MadeLate&) = delete;

  /// Null if it has not been needed.
  const T* known() const noexcept { return made_.load(std::memory_order_acquire); }
  T& needed() {
    T* known = made_.load(std::memory_order_acquire);
    if (known != nullptr) return *known;
    auto* made = new T();
    if (made_.compare_exchange_strong(known, made)) return *made;
    delete made;
    return *known;
  }

 private:
  std::atomic<T*> made_{nullptr};
};

/// Calls of one version that were not answered, by ending; most methods have none.
class CallFailures {
 public:
  void add(Ending ending) { counts_.needed()[static_cast<size_t>(ending)].add(1); }
  int64_t ended(int ending) const noexcept {
    const Counts* counts = counts_.known();
    return counts == nullptr ? 0 : static_cast<int64_t>((*counts)[static_cast<size_t>(ending)].get());
  }

 private:
  using Counts = std::array<Count, kEndings>;
  MadeLate<Counts> counts_;
};

/// Adds a few additions to a call; only one of many is timed.
class CallStatistics {
 public:
  CallStatistics() = default;
  static constexpr int kFirst = 8;     // calls below 2**kFirst nanoseconds are in the first bucket
  static constexpr int kBuckets = 14;  // each reaches four times as far as the one before; the last has no end

  /// Counts a call; true for one of 2**rarity, which the caller times. Multiples of the golden ratio fill every part of
  /// [0, 1) evenly, so that periodic callers are timed fairly.
  bool begin(int rarity) noexcept { return ((begun_.add(1) - 1) * kGoldenRatio) >> (64 - rarity) == 0; }
  void end(Ending ending) noexcept { endings_[static_cast<size_t>(ending)].add(1); }
  void time(int64_t nanoseconds) {
    Times& times = times_.needed();
    times.nanoseconds.add(static_cast<uint64_t>(nanoseconds));
    times.buckets[static_cast<size_t>(bucket(nanoseconds))].add(1);
  }

  int64_t begun() const noexcept { return static_cast<int64_t>(begun_.get()); }
  int64_t ended(int ending) const noexcept { return static_cast<int64_t>(endings_[ending].get()); }
  int64_t nanoseconds() const noexcept {
    const Times* times = times_.known();
    return times == nullptr ? 0 : static_cast<int64_t>(times->nanoseconds.get());
  }
  int64_t timed(int bucket) const noexcept {
    const Times* times = times_.known();
    return times == nullptr ? 0 : static_cast<int64_t>(times->buckets[bucket].get());
  }

 private:
  struct Times {
    Count nanoseconds;
    std::array<Count, kBuckets> buckets;
  };

  static int bucket(int64_t nanoseconds) noexcept {
    const int bits = std::bit_width(static_cast<uint64_t>(nanoseconds < 0 ? 0 : nanoseconds) >> kFirst);
    return (bits + 1) / 2 < kBuckets ? (bits + 1) / 2 : kBuckets - 1;
  }

  Count begun_;
  std::array<Count, kEndings> endings_;
  MadeLate<Times> times_;  // most methods are never called
};

}  // namespace pretzel
