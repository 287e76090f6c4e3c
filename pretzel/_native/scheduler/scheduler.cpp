#include "scheduler/scheduler.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "scheduler/thread_priority.h"

namespace pretzel {

using Lock = std::unique_lock<std::mutex>;

Scheduler::Scheduler(int workers, int64_t queue_capacity, size_t bytes, bool background) noexcept
    : workers_(std::max(workers, 1)), bytes_(bytes), background_(background), state_(workers_, queue_capacity) {}

Scheduler::~Scheduler() { close(false); }

Admission Scheduler::check_admission(Job* job, int64_t* expected) {
  const Lock lock(state_.mutex);
  return count(job->deadline == kNever ? state_.admission.check_capacity(state_.queue)
                                       : state_.admission.admit(job, state_.queue, expected));
}

Admission Scheduler::submit(Job* job, int64_t* expected) {
  const Lock lock(state_.mutex);
  const Admission admission = count(state_.admission.admit(job, state_.queue, expected));
  if (admission != Admission::kAccepted) return admission;
  start_workers();
  const RequestQueue& queue = state_.queue;
  state_.finished.reserve(state_.finished.size() + queue.waiting().size() + queue.started().size() + 1);
  state_.queue.push(job, workers_);
  ++state_.stats.accepted;
  state_.work.notify_one();
  return admission;
}

bool Scheduler::cancel(Job* job) {
  const Lock lock(state_.mutex);
  if (job->outcome != RequestOutcome::kPending) return false;
  job->cancelled = true;
  if (state_.queue.drop(job)) state_.finish(job);
  return true;
}

bool Scheduler::wait(Job* job, int64_t timeout) {
  Lock lock(state_.mutex);
  return job->over.wait_for(lock, std::chrono::nanoseconds(timeout),
                            [&] { return job->outcome != RequestOutcome::kPending; });
}

void Scheduler::collect(std::vector<Job*>* jobs) {
  if (!std::exchange(collecting_, true) && !background_) raise_priority();
  Lock lock(state_.mutex);
  state_.completed.wait(lock, [&] { return state_.ended || !state_.finished.empty(); });
  jobs->assign(state_.finished.begin(), state_.finished.end());
  state_.finished.clear();
}

void Scheduler::close(bool drain) {
  std::vector<std::thread> threads;
  {
    Lock lock(state_.mutex);
    const RequestQueue& queue = state_.queue;
    state_.admission.close();
    state_.paused = false;
    if (drain) {
      state_.work.notify_all();
    } else {
      for (const RequestQueue::Jobs* jobs : {&queue.waiting(), &queue.started()}) {
        for (auto at = jobs->begin(); at != jobs->end();) {
          Job* job = *at++;  // `drop` may erase it
          job->cancelled = true;
          if (state_.queue.drop(job)) state_.finish(job);
        }
      }
    }
    state_.idle.wait(lock, [&] { return queue.waiting().empty() && queue.started().empty(); });
    state_.ended = true;
    state_.work.notify_all();
    state_.completed.notify_all();
    threads = std::exchange(threads_, {});
  }
  for (std::thread& thread : threads) thread.join();
}

SchedulerStats Scheduler::stats() {
  const Lock lock(state_.mutex);
  SchedulerStats stats = state_.stats;
  const RequestQueue& queue = state_.queue;
  stats.waiting = static_cast<int64_t>(queue.waiting().size());
  stats.started = static_cast<int64_t>(queue.started().size());
  for (const Job* job : queue.waiting()) stats.nanoseconds += job->remaining();
  for (const Job* job : queue.started()) stats.nanoseconds += job->remaining();
  stats.error_ratio = state_.admission.error_ratio();
  return stats;
}

void Scheduler::pause(bool paused) {
  const Lock lock(state_.mutex);
  state_.paused = paused;
  state_.work.notify_all();
}

Admission Scheduler::count(Admission admission) noexcept {
  state_.stats.rejected_overload += admission == Admission::kQueueFull ? 1 : 0;
  state_.stats.rejected_deadline += admission == Admission::kDeadlineUnmet ? 1 : 0;
  return admission;
}

void Scheduler::start_workers() {
  while (static_cast<int>(threads_.size()) < workers_) {
    threads_.emplace_back([this] {
      background_ ? lower_priority() : raise_priority();
      while (!Worker(&state_, bytes_).run()) {
      }
    });
  }
}

}  // namespace pretzel
