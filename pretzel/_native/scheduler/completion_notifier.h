// Delivers finished jobs to the thread in `Scheduler::collect`, in groups, because waking that thread costs as much as
// a short request.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>
#include <vector>

#include "scheduler/job.h"

namespace pretzel {

/// Not thread-safe: the mutex of the scheduler guards it.
class CompletionNotifier {
 public:
  /// The mutex of the scheduler, held where jobs may finish. The collector is woken after it is unlocked: it has a
  /// higher priority, would preempt the worker at once, and would block on the mutex.
  class Lock {
   public:
    Lock(std::mutex& mutex, CompletionNotifier& notifier) : lock_(mutex), notifier_(notifier) {}
    ~Lock() { release(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    void release() noexcept {
      if (!lock_.owns_lock()) return;
      const bool wake = std::exchange(notifier_.wake_, false);
      lock_.unlock();
      if (wake) notifier_.ready_.notify_one();
    }
    /// Waits for `condition`; the collector does not wait with it.
    template <class Condition>
    void wait(std::condition_variable& changed, Condition condition) {
      if (notifier_.wake_) {
        release();
        lock_.lock();
      }
      changed.wait(lock_, condition);
    }

   private:
    std::unique_lock<std::mutex> lock_;
    CompletionNotifier& notifier_;
  };

  /// One more job will be added.
  void expect() noexcept { ++pending_; }
  /// A job has finished.
  void add(Job* job) noexcept;
  /// Delivers the finished jobs if some of them would be late when the next delivery is at `next`.
  void deliver_before(int64_t next) noexcept;
  /// No more jobs are expected than there are now.
  void close() noexcept;
  /// Waits for a delivery; none when no more jobs are expected.
  void collect(std::mutex& mutex, std::vector<Job*>* jobs);

 private:
  std::condition_variable ready_;
  Job* finished_ = nullptr;  // linked by `Job::next_finished`, so that finishing a job allocates nothing
  Job** last_ = &finished_;
  int64_t pending_ = 0;  // expected and not collected
  int64_t deliver_by_ = kNever;
  bool delivered_ = false;  // to be collected now
  bool wake_ = false;       // the collector has to be woken
  bool closed_ = false;
};

}  // namespace pretzel
