// A worker of the batch engine: runs morsels stage by stage and lets more urgent ones go first between two stages.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "scheduler/admission.h"
#include "scheduler/queue.h"

namespace pretzel {

/// What there is to do, and what has been done.
struct SchedulerStats {
  int64_t waiting, started;                                // requests
  double nanoseconds;                                      // estimated work that is left
  double error_ratio;                                      // time taken / time estimated, lately
  int64_t accepted, rejected_overload, rejected_deadline;  // requests
  std::array<int64_t, kOutcomes> ended;                    // requests by `RequestOutcome`
  int64_t overdue;                                         // done after the deadline
  int64_t morsels, preempted, prefix_batched;              // morsels; preempted between stages; with a shared prefix
};

/// What the scheduler and its workers share. The mutex guards everything but the atomics.
struct SchedulerState {
  SchedulerState(int workers, int64_t queue_capacity) noexcept : admission(workers, queue_capacity) {}

  bool has_work() const noexcept { return !paused && queue.next_due() != kNever; }
  /// A job is over: sets its outcome and tells its submitter, who may free it as soon as the mutex is unlocked.
  void finish(Job* job) noexcept;

  std::mutex mutex;
  std::condition_variable work, idle, completed;
  RequestQueue queue;
  AdmissionControl admission;
  std::vector<Job*> finished;  // not awaited, for `Scheduler::collect`; `submit` reserves the space
  SchedulerStats stats{};
  bool paused = false, ended = false;
  std::atomic<bool> fault{false};
};

class Worker {
 public:
  /// `bytes` of working memory are allocated in advance and kept.
  Worker(SchedulerState* state, size_t bytes) noexcept : state_(*state), bytes_(bytes) {}

  /// Runs morsels until the scheduler ends; false after an exception, whose jobs have failed. Then a new worker takes
  /// over.
  bool run() noexcept;

 private:
  void allocate();
  bool run_next();
  bool dequeue();
  void run_prefix() noexcept;
  static RunResult load_leaves(Morsel* morsel) noexcept;
  RunResult run_stages(Morsel* morsel, bool* preempted) const noexcept;
  static void observe(const Morsel& morsel) noexcept;
  void complete(const RunResult& result, bool preempted) noexcept;
  void fail_jobs() noexcept;
  size_t kept() const noexcept;

  SchedulerState& state_;
  const size_t bytes_;
  Morsels pool_;
  Morsels taken_;  // several where their jobs share a prefix
  Arena arena_;    // for the prefix of these
};

}  // namespace pretzel
