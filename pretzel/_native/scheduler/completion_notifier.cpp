#include "scheduler/completion_notifier.h"

#include <algorithm>

namespace pretzel {
namespace {

// A finished job is held for at most a quarter of its latency or of its slack, and for at most a millisecond.
constexpr int64_t kCoalescePart = 4;
constexpr int64_t kMaxCoalesceNs = 1'000'000;

}  // namespace

void CompletionNotifier::add(Job* job) noexcept {
  *last_ = job;
  last_ = &job->next_finished;
  const int64_t least = std::min(job->ended - job->arrived, job->deadline - job->ended);
  deliver_by_ = std::min(deliver_by_, job->ended + std::min(least / kCoalescePart, kMaxCoalesceNs));
}

void CompletionNotifier::deliver_before(int64_t next) noexcept {
  if (finished_ == nullptr || delivered_ || (next < deliver_by_ && !closed_)) return;
  delivered_ = wake_ = true;
}

void CompletionNotifier::close() noexcept {
  closed_ = true;
  ready_.notify_all();
}

void CompletionNotifier::collect(std::mutex& mutex, std::vector<Job*>* jobs) {
  std::unique_lock<std::mutex> lock(mutex);
  ready_.wait(lock, [&] { return delivered_ || (closed_ && (finished_ != nullptr || pending_ == 0)); });
  for (Job* job = finished_; job != nullptr; job = job->next_finished) jobs->push_back(job);
  pending_ -= static_cast<int64_t>(jobs->size());
  finished_ = nullptr;
  last_ = &finished_;
  delivered_ = false;
  deliver_by_ = kNever;
}

}  // namespace pretzel
