// Calls of one method: how many, how they ended, and how long some of them took.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>

namespace pretzel {

enum class Ending : uint8_t { kAnswered, kInvalid, kRefused, kCancelled, kFailed };
constexpr int kEndings = 5;

/// Counted by one thread at a time. Costs a call a few additions; the clock is read for one of many.
class Calls {
 public:
  static constexpr int kFirst = 8;     // calls below 2**kFirst nanoseconds are in the first bucket
  static constexpr int kBuckets = 14;  // each next one reaches four times as far, but for the last, which has no end

  /// Counts a call; true for one of 2**rarity, which is to be timed. Multiples of the golden ratio fill every part of
  /// [0, 1) evenly, so that callers who come in a cycle of their own are timed fairly.
  bool begin(int rarity) noexcept { return (static_cast<uint64_t>(begun_++) * kGolden) >> (64 - rarity) == 0; }
  void end(Ending ending) noexcept { ++endings_[static_cast<size_t>(ending)]; }
  void time(int64_t nanoseconds) {
    if (times_ == nullptr) times_ = std::make_unique<Times>();
    times_->nanoseconds += nanoseconds;
    ++times_->buckets[bucket(nanoseconds)];
  }

  int64_t begun() const noexcept { return begun_; }
  int64_t ended(int ending) const noexcept { return endings_[ending]; }
  int64_t nanoseconds() const noexcept { return times_ == nullptr ? 0 : times_->nanoseconds; }
  int64_t timed(int bucket) const noexcept { return times_ == nullptr ? 0 : times_->buckets[bucket]; }

 private:
  static constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;

  struct Times {
    int64_t nanoseconds = 0;
    std::array<int64_t, kBuckets> buckets{};
  };

  static int bucket(int64_t nanoseconds) noexcept {
    const int bits = std::bit_width(static_cast<uint64_t>(nanoseconds < 0 ? 0 : nanoseconds) >> kFirst);
    return (bits + 1) / 2 < kBuckets ? (bits + 1) / 2 : kBuckets - 1;
  }

  int64_t begun_ = 0;
  std::array<int64_t, kEndings> endings_{};
  std::unique_ptr<Times> times_;  // most methods are never called
};

}  // namespace pretzel
