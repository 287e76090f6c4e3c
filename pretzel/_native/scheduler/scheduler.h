// The batch engine: worker threads that run requests morsel by morsel and stage by stage, the most urgent first.
//
// `RequestQueue` (queue.h) orders requests by due time, `AdmissionControl` (admission.h) rejects requests whose
// deadline cannot be met, `Worker` (worker.h) runs morsels, and prefix_batch.h runs the common prefix of several
// programs once. `Scheduler` owns one of each under one mutex and the threads of the workers. Nothing here knows
// Python.
#pragma once

#include <cstdint>
#include <thread>
#include <vector>

#include "scheduler/worker.h"

namespace pretzel {

class Scheduler {
 public:
  /// `workers` threads are started by the first request; at most `queue_capacity` requests wait. Each worker allocates
  /// `bytes` of working memory in advance and keeps them. `background`: the workers lower their priority; otherwise,
  /// they and the collector raise it.
  Scheduler(int workers, int64_t queue_capacity, size_t bytes, bool background) noexcept;
  /// Cancels what is left and joins the workers.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Queues a job, or says why not. `expected` is set to when it would be over. Throws when no thread can be started.
  Admission submit(Job* job, int64_t* expected);
  /// What `submit` would say of a job that has only a program, rows, an estimate and a deadline. Without a deadline,
  /// only the capacity of the queue counts.
  Admission check_admission(Job* job, int64_t* expected);
  /// Drops the rows of a job that do not run just now; false when the job is over.
  bool cancel(Job* job);
  /// Waits at most `timeout` nanoseconds until a job is over, and returns whether it is.
  bool wait(Job* job, int64_t timeout);
  /// Waits for finished jobs that are not awaited; none: there will be no more.
  void collect(std::vector<Job*>* jobs);
  /// Rejects everything from now on, completes what is left (`drain`) or cancels it, and joins the workers. May be
  /// called again.
  void close(bool drain);
  SchedulerStats stats();

  /// Workers take nothing more from the queue, or go on; for tests.
  void pause(bool paused);
  /// The next worker to take a morsel dies of an exception; for tests.
  void inject_fault() noexcept { state_.fault = true; }

 private:
  Admission count(Admission admission) noexcept;
  void start_workers();

  const int workers_;
  const size_t bytes_;
  const bool background_;
  SchedulerState state_;
  std::vector<std::thread> threads_;
  bool collecting_ = false;
};

}  // namespace pretzel
