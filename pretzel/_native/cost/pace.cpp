#include "cost/pace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/clock.h"

namespace pretzel {
namespace {

constexpr int kRows = 8, kColumns = 8, kDepth = 5, kNodes = 1 << kDepth;  // rows that go down side by side
constexpr int kBlocks = 2, kPasses = 26;

constexpr double kMost = 16.0;              // either factor stays within 1 / kMost .. kMost
constexpr int64_t kFresh = 50'000'000;      // nanoseconds that a probe holds good
constexpr int kRuns = 15, kGlanceRuns = 2;  // of which the fastest counts: the first finds cold caches
constexpr double kLookRate = 0.4;           // weight of the newest: a neighbour comes and goes several times a second
constexpr double kRate = 0.1;               // weight of one request: one model that costs more says little
constexpr double kStep = 0.5;               // how far one request may be off: a thread that lost its core says nothing

/// A tree and rows that are the same in every process.
struct Sample {
  std::array<int32_t, kNodes> column;
  std::array<double, kNodes> threshold;
  std::array<std::array<double, kColumns>, kBlocks * kRows> rows;

  Sample() noexcept {
    for (int n = 0; n < kNodes; ++n) column[n] = n * 7 % kColumns, threshold[n] = n * 37 % 64 / 64.0;
    for (int r = 0; r < kBlocks * kRows; ++r) {
      for (int c = 0; c < kColumns; ++c) rows[r][c] = (r * kColumns + c) * 29 % 67 / 67.0;
    }
  }

  /// Sum of the leaves that some rows come to, without a branch: several loads, compares and sums in every cycle.
  int64_t walk(int first) const noexcept {
    std::array<int32_t, kRows> at;
    at.fill(1);
    for (int d = 1; d < kDepth; ++d) {
      for (int r = 0; r < kRows; ++r) {
        const int32_t n = at[r];
        at[r] = 2 * n + (rows[first + r][column[n]] > threshold[n] ? 1 : 0);
      }
    }
    return std::accumulate(at.begin(), at.end(), int64_t{0});
  }
};

float within(double factor) noexcept { return static_cast<float>(std::clamp(factor, 1.0 / kMost, kMost)); }

}  // namespace

double probe_ns(int runs) noexcept {
  static const Sample sample;
  volatile int64_t sink = 0;  // what nobody reads would not be computed
  int64_t least = INT64_MAX;
  int64_t since = now_ns();
  for (int run = 0; run < runs; ++run) {
    for (int i = 0; i < kPasses; ++i) sink = sink + sample.walk(i % kBlocks * kRows);
    const int64_t now = now_ns();
    least = std::min(least, now - since);
    since = now;
  }
  return static_cast<double>(std::max<int64_t>(least - reading_ns(), 1));
}

bool Pace::fresh(int64_t now) const noexcept { return now - looked_.load(std::memory_order_relaxed) < kFresh; }

void Pace::look(int64_t now, int runs) noexcept {
  const int64_t last = looked_.exchange(now, std::memory_order_relaxed);
  const double before = probed_.load(std::memory_order_relaxed);
  const double moved = std::log(probe_ns(runs) / kProbeNs / before) * (last == kNever ? 1.0 : kLookRate);
  probed_.store(within(before * std::exp(moved)), std::memory_order_relaxed);
}

void Pace::find() noexcept {
  const int64_t now = now_ns();
  if (!fresh(now)) look(now, kRuns);
}

void Pace::glance(int64_t now) noexcept {
  if (!fresh(now)) look(now, kGlanceRuns);
}

double Pace::observe(double error) noexcept {
  const double moved = kRate * std::clamp(error, -kStep, kStep);
  learnt_.store(within(learnt_.load(std::memory_order_relaxed) * std::exp(moved)), std::memory_order_relaxed);
  return error - moved;
}

void Pace::reset() noexcept { learnt_.store(1.0f, std::memory_order_relaxed); }

}  // namespace pretzel
