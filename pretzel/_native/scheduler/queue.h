// The queue of the batch engine, ordered by due time: waiting requests, started ones, and preempted morsels.
//
// A request is due at its deadline or, without one, at its arrival plus a multiple of its own work, so that short
// requests overtake long ones and none waits for ever. Between equally urgent ones, a started request goes before a
// waiting one, because its memory comes back sooner, and a preempted morsel goes before both.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>

#include "scheduler/job.h"

namespace pretzel {

constexpr double kMorselNs = 100e3;  // estimated work of a morsel, and of morsels that share a prefix
constexpr size_t kPrefixBatch = 8;   // morsels of a prefix batch, at most

/// Not thread-safe but for `next_due`: the mutex of the scheduler guards it.
class RequestQueue {
 public:
  struct DueFirst {
    bool operator()(const Job* a, const Job* b) const noexcept {
      return a->due != b->due ? a->due < b->due : a->number < b->number;
    }
  };
  using Jobs = std::set<Job*, DueFirst>;

  /// Adds a request. Throws std::bad_alloc; the other methods allocate nothing.
  void push(Job* job, int workers);
  /// Takes the most urgent morsel from the queue. Several short requests that share a prefix are taken at once. New
  /// morsels come from the back of `pool`, which must not be empty. Returns a request whose deadline has passed
  /// instead, and takes nothing.
  Job* dequeue(Morsels* pool, Morsels* taken) noexcept;
  /// Takes back a morsel that has stages left to run.
  void preempt(std::unique_ptr<Morsel> morsel) noexcept;
  /// The rows of a morsel have passed all stages, or stopped. Returns whether the job is over; then the queue has
  /// dropped it.
  bool complete(const Morsel& morsel, const RunResult& result) noexcept;
  /// Drops all rows of a job that do not run just now. Returns whether the job is over.
  bool drop(Job* job) noexcept;

  /// When the most urgent entry is due; `kNever`: there is nothing to dequeue. From any thread.
  int64_t next_due() const noexcept { return next_due_.load(std::memory_order_relaxed); }
  const Jobs& waiting() const noexcept { return waiting_; }
  const Jobs& started() const noexcept { return started_; }

 private:
  Morsels::iterator next_preempted() noexcept;
  Job* next_started() const noexcept;
  void take_rows(Job* job, Morsels* pool, Morsels* taken) noexcept;
  void take_same_prefix(Morsels* pool, Morsels* taken) noexcept;
  bool erase_if_over(Job* job) noexcept;
  void update_next_due() noexcept;

  Jobs waiting_, started_;
  Morsels preempted_;
  std::atomic<int64_t> next_due_{kNever};
  uint64_t arrivals_ = 0;
};

}  // namespace pretzel
