#include "scheduler/queue.h"

#include <algorithm>
#include <utility>

#include "core/clock.h"
#include "scheduler/prefix_batch.h"

namespace pretzel {
namespace {

constexpr int kLookAhead = 32;  // waiting requests that are searched for a shared prefix

}  // namespace

void RequestQueue::push(Job* job, int workers) {
  preempted_.reserve((waiting_.size() + started_.size() + 1) * static_cast<size_t>(workers));
  job->number = ++arrivals_;
  waiting_.insert(job);
  update_next_due();
}

Job* RequestQueue::dequeue(Morsels* pool, Morsels* taken) noexcept {
  const auto preempted = next_preempted();
  Job* started = next_started();
  const int64_t preempted_due = preempted == preempted_.end() ? kNever : (*preempted)->job->due;
  const int64_t started_due = started == nullptr ? kNever : started->due;
  const int64_t waiting_due = waiting_.empty() ? kNever : (*waiting_.begin())->due;
  Job* expired = nullptr;
  if (preempted_due != kNever && preempted_due <= std::min(started_due, waiting_due)) {
    taken->push_back(std::move(*preempted));
    preempted_.erase(preempted);
  } else if (started != nullptr && started_due <= waiting_due) {
    take_rows(started, pool, taken);
  } else {
    Job* job = *waiting_.begin();
    job->started = now_ns();
    if (job->started >= job->deadline) {
      waiting_.erase(waiting_.begin());
      expired = job;
    } else {
      started_.insert(waiting_.extract(waiting_.begin()));
      take_rows(job, pool, taken);
      take_same_prefix(pool, taken);
    }
  }
  update_next_due();
  return expired;
}

void RequestQueue::preempt(std::unique_ptr<Morsel> morsel) noexcept {
  preempted_.push_back(std::move(morsel));
  update_next_due();
}

bool RequestQueue::complete(const Morsel& morsel, const RunResult& result) noexcept {
  Job* job = morsel.job;
  --job->running;
  job->done += morsel.rows;
  // Rows are taken in order, so the first row that is rejected is found, whichever morsel ends first.
  const bool failed = result.status != Status::kOk;
  if (failed && (job->result.status == Status::kOk || result.row < job->result.row)) job->result = result;
  if (failed) return drop(job);
  const bool over = erase_if_over(job);
  update_next_due();
  return over;
}

bool RequestQueue::drop(Job* job) noexcept {
  bool over = waiting_.erase(job) != 0;
  if (!over) {
    job->next = job->request.rows;
    job->running -= static_cast<int32_t>(
        std::erase_if(preempted_, [&](const std::unique_ptr<Morsel>& morsel) { return morsel->job == job; }));
    over = erase_if_over(job);
  }
  update_next_due();
  return over;
}

Morsels::iterator RequestQueue::next_preempted() noexcept {
  return std::min_element(preempted_.begin(), preempted_.end(),
                          [](const auto& a, const auto& b) { return a->job->due < b->job->due; });
}

/// The most urgent started request that has rows to take.
Job* RequestQueue::next_started() const noexcept {
  for (Job* job : started_) {
    if (job->next < job->request.rows && !(job->in_order && job->running > 0)) return job;
  }
  return nullptr;
}

/// The next rows of a job become a morsel.
void RequestQueue::take_rows(Job* job, Morsels* pool, Morsels* taken) noexcept {
  taken->push_back(std::move(pool->back()));
  pool->pop_back();
  Morsel& morsel = *taken->back();
  morsel.job = job;
  morsel.first_row = job->request.first + job->next;
  morsel.rows = static_cast<int32_t>(std::min<int64_t>(job->morsel_rows, job->request.rows - job->next));
  morsel.step = -1;
  morsel.spent = 0;
  morsel.prefix_batched = false;
  job->next += morsel.rows;
  ++job->running;
}

/// Takes waiting requests that share a prefix with the one just taken, as long as all of them fit into a morsel.
void RequestQueue::take_same_prefix(Morsels* pool, Morsels* taken) noexcept {
  const Job& first = *taken->back()->job;
  const CachedRange* prefix = first.next < first.request.rows ? nullptr : shared_prefix(*first.program);
  if (prefix == nullptr) return;
  double work = first.nanoseconds;
  int64_t rows = first.request.rows;
  int looks = 0;
  for (auto at = waiting_.begin(); at != waiting_.end() && looks < kLookAhead && !pool->empty(); ++looks) {
    Job* job = *at;
    const auto here = at++;
    const CachedRange* other = shared_prefix(*job->program);
    if (other == nullptr || other->computation != prefix->computation || job->request.rows > job->morsel_rows) continue;
    work += job->nanoseconds;
    rows += job->request.rows;
    if (work > kMorselNs || rows > first.program->shape->tile) return;
    job->started = first.started;
    if (job->started >= job->deadline) continue;  // expires when it is dequeued
    started_.insert(waiting_.extract(here));
    take_rows(job, pool, taken);
  }
}

bool RequestQueue::erase_if_over(Job* job) noexcept {
  if (job->running > 0 || job->next < job->request.rows) return false;
  started_.erase(job);
  return true;
}

void RequestQueue::update_next_due() noexcept {
  int64_t due = waiting_.empty() ? kNever : (*waiting_.begin())->due;
  if (const Job* job = next_started()) due = std::min(due, job->due);
  if (const auto at = next_preempted(); at != preempted_.end()) due = std::min(due, (*at)->job->due);
  next_due_.store(due, std::memory_order_relaxed);
}

}  // namespace pretzel
