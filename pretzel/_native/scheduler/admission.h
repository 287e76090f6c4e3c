// Admission control: a request is rejected at once when the queue is full, when its deadline cannot be met, or when
// meeting it would break the deadline of a request that was admitted earlier.
#pragma once

#include <cstdint>

#include "scheduler/queue.h"

namespace pretzel {

enum class Admission : uint8_t { kAccepted, kQueueFull, kDeadlineUnmet, kClosed };

/// Not thread-safe: the mutex of the scheduler guards it.
class AdmissionControl {
 public:
  AdmissionControl(int workers, int64_t queue_capacity) noexcept;

  /// Whether the queue takes requests and has room.
  Admission check_capacity(const RequestQueue& queue) const noexcept;
  /// Decides on a job, and sets its arrival, its due time and the size of its morsels. `expected` is when it would be
  /// over.
  Admission admit(Job* job, const RequestQueue& queue, int64_t* expected) const noexcept;
  /// Rejects everything from now on.
  void close() noexcept { closed_ = true; }

  /// Learns from a morsel that was estimated at `expected` nanoseconds and took `spent`.
  void observe(double expected, int64_t spent) noexcept;
  /// Time taken by time estimated, lately.
  double error_ratio() const noexcept { return spent_ / expected_; }

 private:
  int32_t morsel_rows(const Job& job) const noexcept;
  bool meets_deadline(Job* job, const RequestQueue& queue, int64_t* expected) const noexcept;

  const int workers_;
  const int64_t queue_capacity_;
  bool closed_ = false;
  double expected_, spent_;  // nanoseconds, exponentially decayed sums
};

}  // namespace pretzel
