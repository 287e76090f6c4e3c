#include "scheduler/worker.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "core/clock.h"
#include "scheduler/prefix_batch.h"

namespace pretzel {
namespace {

constexpr size_t kKeep = size_t{1} << 20;  // bytes of working memory that a morsel keeps

}  // namespace

void SchedulerState::finish(Job* job) noexcept {
  if (job->cancelled) {
    job->outcome = RequestOutcome::kCancelled;
  } else if (job->lost) {
    job->outcome = RequestOutcome::kLost;
  } else if (job->result.status != Status::kOk) {
    job->outcome = RequestOutcome::kFailed;
  } else if (job->done < job->request.rows) {
    job->outcome = RequestOutcome::kExpired;
  } else {
    job->outcome = RequestOutcome::kDone;
    stats.overdue += now_ns() > job->deadline ? 1 : 0;
  }
  ++stats.ended[static_cast<size_t>(job->outcome)];
  if (job->awaited) {
    job->over.notify_all();
  } else {
    finished.push_back(job);
    completed.notify_one();
  }
  if (queue.waiting().empty() && queue.started().empty()) idle.notify_all();
}

bool Worker::run() noexcept {
  try {
    allocate();
    Arena& first = pool_.back()->arena;  // the back of the pool is used first and comes back last
    first.alloc(bytes_);
    first.reset(kept());
    while (run_next()) {
    }
    return true;
  } catch (...) {
    fail_jobs();
    return false;
  }
}

/// Fills the pool, so that nothing has to be allocated under the mutex.
void Worker::allocate() {
  pool_.reserve(kPrefixBatch);
  taken_.reserve(kPrefixBatch);
  while (pool_.size() < kPrefixBatch) pool_.insert(pool_.begin(), std::make_unique<Morsel>());
}

/// Bytes that a morsel keeps: the reserved ones with their alignment, at least.
size_t Worker::kept() const noexcept { return std::max(bytes_ + 64, kKeep); }

/// Waits for work and runs it; false when the scheduler has ended.
bool Worker::run_next() {
  allocate();
  if (!dequeue()) return false;
  if (taken_.size() > 1) run_prefix();
  while (!taken_.empty()) {
    bool preempted = false;
    const RunResult result = run_stages(taken_.back().get(), &preempted);
    complete(result, preempted);
  }
  arena_.reset(kKeep);
  return true;
}

/// Waits for work and takes it; false when the scheduler has ended. Takes nothing when a deadline has passed.
bool Worker::dequeue() {
  std::unique_lock<std::mutex> lock(state_.mutex);
  state_.work.wait(lock, [&] { return state_.ended || state_.has_work(); });
  if (!state_.has_work()) return false;
  if (Job* expired = state_.queue.dequeue(&pool_, &taken_)) {
    state_.finish(expired);
    return true;
  }
  if (state_.has_work()) state_.work.notify_one();
  lock.unlock();
  if (state_.fault.exchange(false)) throw std::runtime_error("injected");
  return true;
}

/// Runs the shared prefix of all morsels at once. If it fails, each morsel runs by itself.
void Worker::run_prefix() noexcept {
  PrefixBatchPart parts[kPrefixBatch];
  const int64_t start = now_ns();
  int n = 0;
  for (const auto& morsel : taken_) {
    if (load_leaves(morsel.get()).status != Status::kOk) return;
    parts[n++] = {shared_prefix(*morsel->job->program), &morsel->tile, morsel->rows};
    if (parts[n - 1].prefix == nullptr || parts[n - 1].prefix->computation != parts[0].prefix->computation) return;
  }
  if (!run_prefix_batch(*taken_.front()->job->program, parts, n, &arena_)) return;
  const int64_t each = (now_ns() - start) / n;
  for (int i = 0; i < n; ++i) {
    Morsel& morsel = *taken_[static_cast<size_t>(i)];
    morsel.step = parts[i].prefix->end;
    morsel.spent = each;
    morsel.prefix_batched = true;
  }
  const std::unique_lock<std::mutex> lock(state_.mutex);
  state_.stats.prefix_batched += n;
}

RunResult Worker::load_leaves(Morsel* morsel) noexcept {
  const Job& job = *morsel->job;
  if (!morsel->tile.reserve(*job.program, morsel->rows, morsel->arena)) {
    return {Status::kNoMemory, -1, morsel->first_row, -1};
  }
  morsel->request = job.request;
  const size_t steps = job.program->shape->steps.size();
  morsel->request.step_times = morsel->arena.alloc_n<int64_t>(steps + 1);
  if (morsel->request.step_times != nullptr) std::fill_n(morsel->request.step_times, steps, int64_t{0});
  const RunResult result = morsel->tile.open(morsel->request, morsel->first_row, morsel->rows);
  if (result.status == Status::kOk) morsel->step = 0;
  return result;
}

/// Runs a morsel from its next step to its end, unless something more urgent has arrived after a stage.
RunResult Worker::run_stages(Morsel* morsel, bool* preempted) const noexcept {
  const Job& job = *morsel->job;
  const int64_t start = now_ns();
  RunResult result;
  if (morsel->step < 0) result = load_leaves(morsel);
  for (const int32_t end : job.program->shape->stage_ends) {
    if (result.status != Status::kOk || *preempted) break;
    if (end <= morsel->step) continue;
    result = morsel->tile.run(morsel->request, morsel->step, end);
    morsel->step = end;
    *preempted = result.status == Status::kOk && !morsel->prefix_batched &&
                 end < job.program->shape->stage_ends.back() && state_.queue.next_due() < job.due;
  }
  if (result.status == Status::kOk && !*preempted) result = morsel->tile.close(morsel->request);
  morsel->spent += now_ns() - start;
  if (result.status == Status::kOk && !*preempted) observe(*morsel);
  return result;
}

/// Later estimates of the program learn from the time that a morsel took.
void Worker::observe(const Morsel& morsel) noexcept {
  const Job& job = *morsel.job;
  const int64_t units = job.units * morsel.rows / std::max<int64_t>(job.request.rows, 1);
  job.program->cost.observe(morsel.rows, units, static_cast<double>(morsel.spent));
  if (morsel.request.step_times != nullptr) {
    job.program->timers.add(morsel.request.step_times, job.program->shape->steps.size(), morsel.rows, 1);
  }
}

/// Gives the morsel that ran last back to the queue, to go on later or because it is done.
void Worker::complete(const RunResult& result, bool preempted) noexcept {
  const std::unique_lock<std::mutex> lock(state_.mutex);
  std::unique_ptr<Morsel> morsel = std::move(taken_.back());
  taken_.pop_back();
  Job* job = morsel->job;
  if (preempted && !job->cancelled && job->result.status == Status::kOk) {
    ++state_.stats.preempted;
    state_.queue.preempt(std::move(morsel));
    state_.work.notify_one();
    return;
  }
  ++state_.stats.morsels;
  if (result.status == Status::kOk && !preempted && job->nanoseconds > 0) {
    state_.admission.observe(morsel->expected(), morsel->spent);
  }
  if (state_.queue.complete(*morsel, result)) state_.finish(job);
  if (state_.has_work()) state_.work.notify_one();
  morsel->arena.reset(kept());
  if (pool_.size() < kPrefixBatch) pool_.push_back(std::move(morsel));
}

/// The jobs of this worker fail; all others go on.
void Worker::fail_jobs() noexcept {
  const std::unique_lock<std::mutex> lock(state_.mutex);
  for (const auto& morsel : taken_) {
    Job* job = morsel->job;
    --job->running;
    job->lost = true;
    if (state_.queue.drop(job)) state_.finish(job);
  }
}

}  // namespace pretzel
