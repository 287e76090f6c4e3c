// The threads of a scheduler: what they take, and what they do with it.
#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "scheduler/courtesy.h"
#include "scheduler/scheduler.h"
#include "scheduler/together.h"

namespace pretzel {
namespace {

constexpr size_t kTogether = 8;            // morsels that a worker takes at once, at most
constexpr int kLookAhead = 32;             // waiting requests among which it looks for them
constexpr size_t kKeep = size_t{1} << 20;  // bytes that the vectors of a morsel keep
// Answers may wait for others while workers have more to do, for to wake who hands them over costs as much as a short
// request. They wait for a part of the time that they have taken, or that is left to their deadline, and not for long.
constexpr int64_t kCompanyPart = 4;
constexpr int64_t kCompanyNs = 1'000'000;

}  // namespace

void Scheduler::start() {
  while (static_cast<int>(threads_.size()) < n_workers_) {
    threads_.emplace_back([this] { work(); });
  }
}

void Scheduler::work() noexcept {
  if (yielding_) {
    step_back();
  } else {
    step_forward();
  }
  for (;;) {
    Worker worker;  // a new one, with vectors of its own, after an exception
    try {
      worker.pool.reserve(kTogether);
      worker.taken.reserve(kTogether);
      fill(&worker);
      Arena& first = worker.pool.back()->arena;  // the vectors at the back are taken first, and come back last
      first.alloc(bytes_);
      first.reset(kept());
      while (serve(&worker)) {
      }
      return;
    } catch (...) {
      lose(&worker);
    }
  }
}

size_t Scheduler::kept() const noexcept { return std::max(bytes_ + 64, kKeep); }

void Scheduler::fill(Worker* worker) {
  while (worker->pool.size() < kTogether) {
    worker->pool.insert(worker->pool.begin(), std::make_unique<Morsel>());
  }
}

/// Waits for work and does one piece of it; false when there will be no more.
bool Scheduler::serve(Worker* worker) {
  fill(worker);
  {
    Ending ending(this);
    if (!anything_waits()) announce(kNever);
    if (untold_) {
      ending.release();
      ending.lock.lock();
    }
    work_.wait(ending.lock, [&] { return ending_ || anything_waits(); });
    if (!anything_waits()) return false;
    if (!take(worker)) return true;
    if (!over_.empty()) announce(ends(worker->taken));
  }
  if (poisoned_.exchange(false)) throw std::runtime_error("poisoned");
  if (worker->taken.size() > 1) begin_together(worker);
  while (!worker->taken.empty()) {
    bool aside = false;
    const RunResult result = advance(worker, worker->taken.back().get(), &aside);
    const Ending ending(this);
    settle(worker, result, aside);
  }
  worker->arena.reset(kKeep);
  return true;
}

/// Under the lock: the most urgent piece of work becomes the current one; false when it turned out to be too late.
bool Scheduler::take(Worker* worker) noexcept {
  const auto rested = std::min_element(aside_.begin(), aside_.end(),
                                       [](const auto& a, const auto& b) { return a->job->due < b->job->due; });
  Job* begun = next_begun();
  const int64_t aside_due = rested == aside_.end() ? kNever : (*rested)->job->due;
  const int64_t high_due = begun == nullptr ? kNever : begun->due;
  const int64_t low_due = low_.empty() ? kNever : (*low_.begin())->due;
  if (rested != aside_.end() && aside_due <= std::min(high_due, low_due)) {
    worker->taken.push_back(std::move(*rested));
    aside_.erase(rested);
  } else if (begun != nullptr && high_due <= low_due) {
    take_rows(worker, begun);
  } else {
    Job* job = *low_.begin();
    job->begun = now_ns();
    if (job->begun >= job->deadline) {
      low_.erase(low_.begin());
      finish(job, Outcome::kLate);
      note_urgency();
      return false;
    }
    high_.insert(low_.extract(low_.begin()));
    take_rows(worker, job);
    take_companions(worker);
  }
  note_urgency();
  if (anything_waits()) work_.notify_one();
  return true;
}

/// Under the lock: the next rows of a job become a morsel.
void Scheduler::take_rows(Worker* worker, Job* job) noexcept {
  worker->taken.push_back(std::move(worker->pool.back()));
  worker->pool.pop_back();
  Morsel& morsel = *worker->taken.back();
  morsel.job = job;
  morsel.first = job->request.first + job->next;
  morsel.rows = static_cast<int32_t>(std::min<int64_t>(job->morsel, job->request.rows - job->next));
  morsel.step = -1;
  morsel.together = false;
  morsel.spent = morsel.given = 0;
  job->next += morsel.rows;
  ++job->running;
}

/// Under the lock: short requests that begin with the same computation as the one just taken come along, as long as
/// all of them together are no more than a morsel.
void Scheduler::take_companions(Worker* worker) noexcept {
  const Job& first = *worker->taken.back()->job;
  const Recall* prefix = first.next < first.request.rows ? nullptr : shared_prefix(*first.program);
  if (prefix == nullptr) return;
  double work = first.nanoseconds;
  int64_t rows = first.request.rows;
  int looks = 0;
  for (auto at = low_.begin(); at != low_.end() && looks < kLookAhead && !worker->pool.empty(); ++looks) {
    Job* job = *at;
    const auto here = at++;
    const Recall* other = shared_prefix(*job->program);
    if (other == nullptr || other->memo != prefix->memo || job->request.rows > job->morsel) continue;
    work += job->nanoseconds;
    rows += job->request.rows;
    if (work > kMorselNs || rows > first.program->layout->tile) return;
    job->begun = first.begun;
    if (job->begun >= job->deadline) continue;  // whoever comes to it will say so
    high_.insert(low_.extract(here));
    take_rows(worker, job);
  }
}

/// Runs what the morsels have in common for all of them at once, where that goes well.
void Scheduler::begin_together(Worker* worker) noexcept {
  Part parts[kTogether];
  const int64_t start = now_ns();
  int n = 0;
  for (const auto& morsel : worker->taken) {
    if (load_leaves(morsel.get()).status != Status::kOk) return;
    parts[n++] = {shared_prefix(*morsel->job->program), &morsel->tile, morsel->rows};
    if (parts[n - 1].prefix == nullptr || parts[n - 1].prefix->memo != parts[0].prefix->memo) return;
  }
  if (!run_together(*worker->taken.front()->job->program, parts, n, &worker->arena)) return;
  const int64_t each = (now_ns() - start) / n;
  for (int i = 0; i < n; ++i) {
    Morsel& morsel = *worker->taken[static_cast<size_t>(i)];
    morsel.step = parts[i].prefix->end;
    morsel.spent = each;
    morsel.together = true;
  }
  Lock lock(mutex_);
  counts_.together += n;
}

RunResult Scheduler::load_leaves(Morsel* morsel) noexcept {
  const Job& job = *morsel->job;
  if (!morsel->tile.reserve(*job.program, morsel->rows, morsel->arena)) {
    return {Status::kNoMemory, -1, morsel->first, -1};
  }
  morsel->request = job.request;
  const size_t steps = job.program->layout->steps.size();
  morsel->request.step_times = morsel->arena.alloc_n<int64_t>(steps + 1);
  if (morsel->request.step_times != nullptr) std::fill_n(morsel->request.step_times, steps, int64_t{0});
  const RunResult result = morsel->tile.open(morsel->request, morsel->first, morsel->rows);
  if (result.status == Status::kOk) morsel->step = 0;
  return result;
}

/// What a morsel took makes later estimates better.
void Scheduler::learn(const Morsel& morsel) noexcept {
  const Job& job = *morsel.job;
  const int64_t units = job.units * morsel.rows / std::max<int64_t>(job.request.rows, 1);
  job.program->cost.observe(morsel.rows, units, static_cast<double>(morsel.spent - morsel.given));
  if (morsel.request.step_times != nullptr) {
    job.program->timers.add(morsel.request.step_times, job.program->layout->steps.size(), morsel.rows, 1);
  }
}

/// Runs a morsel from its next step on, to its end unless something more urgent has come.
RunResult Scheduler::advance(Worker* worker, Morsel* morsel, bool* aside) noexcept {
  const Job& job = *morsel->job;
  const int64_t start = now_ns();
  RunResult result;
  if (morsel->step < 0) result = load_leaves(morsel);
  for (const int32_t end : job.program->layout->stage_ends) {
    if (result.status != Status::kOk || *aside) break;
    if (end <= morsel->step) continue;
    result = morsel->tile.run(morsel->request, morsel->step, end);
    morsel->step = end;
    if (yielding_) morsel->given += worker->courtesy.offer();
    *aside = result.status == Status::kOk && !morsel->together && end < job.program->layout->stage_ends.back() &&
             urgent_.load(std::memory_order_relaxed) < job.due;
  }
  if (result.status == Status::kOk && !*aside) result = morsel->tile.close(morsel->request);
  morsel->spent += now_ns() - start;
  if (result.status == Status::kOk && !*aside) learn(*morsel);
  return result;
}

/// Under the lock: the sum of what lately was spent by the sum of what was expected, so that the few morsels count in
/// full in which the system took the processor away.
void Scheduler::note_pace(double expected, int64_t spent) noexcept {
  const double kept = std::exp(-expected / kLatelyNs);
  lately_expected_ = lately_expected_ * kept + expected;
  lately_spent_ = lately_spent_ * kept + static_cast<double>(spent);
  counts_.pace = lately_spent_ / lately_expected_;
}

/// Under the lock: what follows from a piece of work.
void Scheduler::settle(Worker* worker, const RunResult& result, bool aside) noexcept {
  std::unique_ptr<Morsel> taken = std::move(worker->taken.back());
  worker->taken.pop_back();
  Morsel& morsel = *taken;
  Job* job = morsel.job;
  if (aside && !job->cancelled && job->result.status == Status::kOk) {
    ++counts_.put_aside;
    aside_.push_back(std::move(taken));
    work_.notify_one();
    return;
  }
  ++counts_.morsels;
  --job->running;
  job->done += morsel.rows;
  if (result.status != Status::kOk) {
    // Rows are taken in order, so the first that is refused is found, whichever morsel ends first.
    if (job->result.status == Status::kOk || result.row < job->result.row) job->result = result;
    stop_early(job);
  } else {
    if (!aside && job->nanoseconds > 0) {
      note_pace(morsel.expected(), morsel.spent);
    }
    finish_if_over(job);
  }
  note_urgency();
  if (anything_waits()) work_.notify_one();
  morsel.arena.reset(kept());
  if (worker->pool.size() < kTogether) worker->pool.push_back(std::move(taken));
}

/// An exception outside of any kernel: the requests that were under way fail, the others go on.
void Scheduler::lose(Worker* worker) noexcept {
  const Ending ending(this);
  for (const auto& morsel : worker->taken) {
    --morsel->job->running;
    morsel->job->lost = true;
    stop_early(morsel->job);
  }
  note_urgency();
}

/// Under the lock: no more rows of this job are taken, and what was put aside is dropped.
void Scheduler::stop_early(Job* job) noexcept {
  job->next = job->request.rows;
  job->running -= static_cast<int32_t>(
      std::erase_if(aside_, [&](const std::unique_ptr<Morsel>& morsel) { return morsel->job == job; }));
  finish_if_over(job);
}

/// Under the lock.
void Scheduler::finish_if_over(Job* job) noexcept {
  if (job->running > 0 || job->next < job->request.rows) return;
  high_.erase(job);
  finish(job, job->cancelled                      ? Outcome::kCancelled
              : job->lost                         ? Outcome::kLost
              : job->result.status != Status::kOk ? Outcome::kFailed
                                                  : Outcome::kDone);
}

/// Under the lock: when pieces of work that have just been taken are expected to be over.
int64_t Scheduler::ends(const std::vector<std::unique_ptr<Morsel>>& taken) const noexcept {
  double expected = 0;
  for (const auto& morsel : taken) expected += morsel->expected();
  return now_ns() + static_cast<int64_t>(expected * counts_.pace);
}

/// Under the lock: whoever collects is told of what is over, if it could be too late at the `next` occasion.
void Scheduler::announce(int64_t next) noexcept {
  if (over_.empty() || announced_ || next < announce_by_) return;
  announced_ = untold_ = true;
}

void Scheduler::Ending::release() noexcept {
  if (!lock.owns_lock()) return;
  const bool untold = std::exchange(scheduler_.untold_, false);
  lock.unlock();
  if (untold) scheduler_.collected_.notify_one();
}

/// Under the lock: tells whoever waits. The job may be gone as soon as the lock is.
void Scheduler::finish(Job* job, Outcome outcome) noexcept {
  job->outcome = outcome;
  job->ended = now_ns();
  switch (outcome) {
    case Outcome::kDone:
      ++counts_.done;
      counts_.overdue += job->ended > job->deadline ? 1 : 0;
      break;
    case Outcome::kFailed:
      ++counts_.failed;
      break;
    case Outcome::kLate:
      ++counts_.late;
      break;
    case Outcome::kCancelled:
      ++counts_.cancelled;
      break;
    default:
      ++counts_.lost;
  }
  if (job->awaited) {
    job->over.notify_all();
  } else {
    const int64_t least = std::min(job->ended - job->arrived, job->deadline - job->ended);
    over_.push_back(job);
    announce_by_ = std::min(announce_by_, job->ended + std::min(least / kCompanyPart, kCompanyNs));
    announce(anything_waits() && !closed_ ? job->ended : kNever);
  }
  if (low_.empty() && high_.empty()) idle_.notify_all();
}

}  // namespace pretzel
