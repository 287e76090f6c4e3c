// How long everything takes on this machine just now, beside the one that costs are given for.
//
// Another machine, or somebody else on the same core, makes all kernels slower by about one factor. It is measured with
// a probe: before the first estimate, when somebody asks for one, and in passing where requests are timed. What the
// probe does not see, on processors unlike the one that costs were measured on, is learnt from the first requests of
// every model, so that those which were never called profit from those that were.
#pragma once

#include <atomic>
#include <cstdint>

namespace pretzel {

/// Nanoseconds of the probe where the pace is 1, and a weight of 1 is right.
constexpr double kProbeNs = 380.0;

/// The least nanoseconds of some runs of a fixed piece of work, a microsecond long. It keeps a core as busy as kernels
/// do, so that a neighbour slows both down alike.
double probe_ns(int runs) noexcept;

/// Safe for any number of threads: relaxed atomics, and of updates that race one may be lost.
class alignas(64) Pace {
 public:
  /// What estimates are multiplied by.
  double factor() const noexcept {
    return probed_.load(std::memory_order_relaxed) * learnt_.load(std::memory_order_relaxed);
  }
  /// Probes where that was not done just now: takes some 20 microseconds.
  void find() noexcept;
  /// A short look, a few microseconds, where the last was a while ago.
  void glance(int64_t now) noexcept;
  /// Learns from a request of a young model, which took exp(error) times as long as was estimated; returns what is left
  /// of the error. Of all others only the model itself learns: threads would fight for one cache line.
  double observe(double error) noexcept;
  /// Forgets what was learnt.
  void reset() noexcept;

 private:
  static constexpr int64_t kNever = INT64_MIN / 2;  // differences do not overflow

  bool fresh(int64_t now) const noexcept;
  void look(int64_t now, int runs) noexcept;

  std::atomic<float> probed_{1.0f};
  std::atomic<float> learnt_{1.0f};
  std::atomic<int64_t> looked_{kNever};  // when
};

/// Of this process.
inline constinit Pace pace;

}  // namespace pretzel
