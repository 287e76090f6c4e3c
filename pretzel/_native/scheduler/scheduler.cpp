#include "scheduler/scheduler.h"

#include <algorithm>
#include <new>
#include <utility>

namespace pretzel {
namespace {

constexpr int32_t kVectorRows = 16;    // rows that kernels take side by side
constexpr double kPatience = 8.0;      // a request without a deadline is due after this many times its own work
constexpr double kMargin = 1.2;        // what an estimate may be wrong by before a promise breaks
constexpr double kCrowd = 1.5;         // ... and one of all that goes first, while others may take the cores
constexpr double kHandOverNs = 100e3;  // to wake a worker, and whoever waits for the answer

}  // namespace

Scheduler::Scheduler(int workers, int64_t places, size_t bytes, bool yielding) noexcept
    : n_workers_(std::max(workers, 1)), places_(places), bytes_(bytes), yielding_(yielding) {
  lately_expected_ = lately_spent_ = kLatelyNs / 10;
  counts_.pace = 1.0;
}

Scheduler::~Scheduler() { close(false); }

// ---- for those who ask ---------------------------------------------------------------------------------------------

Verdict Scheduler::foresee(Job* job, int64_t* expected) {
  Lock lock(mutex_);
  return job->deadline == kNever ? admit() : judge(job, expected);
}

Verdict Scheduler::submit(Job* job, int64_t* expected) {
  Lock lock(mutex_);
  const Verdict verdict = judge(job, expected);
  if (verdict != Verdict::kAccepted) return verdict;
  job->number = ++arrivals_;
  start();
  // Whatever may fail for want of memory does so here: once a request is accepted, nothing is allocated to end it.
  over_.reserve(static_cast<size_t>(uncollected_ + 1));
  aside_.reserve((low_.size() + high_.size() + 1) * static_cast<size_t>(n_workers_));
  low_.insert(job);
  ++counts_.accepted;
  if (!job->awaited) ++uncollected_;
  note_urgency();
  work_.notify_one();
  return Verdict::kAccepted;
}

bool Scheduler::cancel(Job* job) {
  const Ending ending(this);
  if (job->outcome != Outcome::kPending) return false;
  job->cancelled = true;
  if (low_.erase(job) != 0) {
    finish(job, Outcome::kCancelled);
  } else {
    stop_early(job);
  }
  note_urgency();
  return true;
}

bool Scheduler::wait(Job* job, int64_t timeout) {
  Lock lock(mutex_);
  return job->over.wait_for(lock, std::chrono::nanoseconds(timeout), [&] { return job->outcome != Outcome::kPending; });
}

void Scheduler::collect(std::vector<Job*>* jobs) {
  if (!yielding_ && !std::exchange(collecting_, true)) step_forward();
  Lock lock(mutex_);
  collected_.wait(lock, [&] { return announced_ || (closed_ && (!over_.empty() || uncollected_ == 0)); });
  announced_ = false;
  announce_by_ = kNever;
  uncollected_ -= static_cast<int64_t>(over_.size());
  *jobs = over_;
  over_.clear();
}

void Scheduler::close(bool drain) {
  Ending ending(this);
  closed_ = true;
  held_ = false;
  if (!drain) {
    while (!low_.empty()) {
      Job* job = *low_.begin();
      low_.erase(low_.begin());
      finish(job, Outcome::kCancelled);
    }
    for (auto at = high_.begin(); at != high_.end();) {
      Job* job = *at++;  // it may go
      job->cancelled = true;
      stop_early(job);
    }
    note_urgency();
  }
  idle_.wait(ending.lock, [&] { return low_.empty() && high_.empty(); });
  ending_ = true;
  work_.notify_all();
  collected_.notify_all();
  std::vector<std::thread> threads = std::move(threads_);
  threads_.clear();
  ending.release();
  for (std::thread& thread : threads) thread.join();
}

void Scheduler::hold(bool held) {
  Lock lock(mutex_);
  held_ = held;
  work_.notify_all();
}

Load Scheduler::load() {
  Lock lock(mutex_);
  Load load = counts_;
  load.waiting = static_cast<int64_t>(low_.size());
  load.begun = static_cast<int64_t>(high_.size());
  for (const Job* job : low_) load.nanoseconds += job->left();
  for (const Job* job : high_) load.nanoseconds += job->left();
  return load;
}

// ---- which request goes when ---------------------------------------------------------------------------------------

/// Under the lock: whether anybody may come in.
Verdict Scheduler::admit() {
  if (closed_) return Verdict::kClosed;
  if (static_cast<int64_t>(low_.size()) < places_) return Verdict::kAccepted;
  ++counts_.full;
  return Verdict::kFull;
}

/// Under the lock: says when a job is due, and whether it may come in.
Verdict Scheduler::judge(Job* job, int64_t* expected) {
  *expected = kNever;
  job->arrived = now_ns();
  job->morsel = morsel_rows(*job);
  job->due = job->deadline != kNever ? job->deadline
                                     : job->arrived + static_cast<int64_t>(kPatience * job->nanoseconds * counts_.pace);
  const Verdict verdict = admit();
  if (verdict != Verdict::kAccepted) return verdict;
  if (!place(job, expected)) {
    ++counts_.too_late;
    return Verdict::kTooLate;
  }
  return Verdict::kAccepted;
}

/// Whether a job meets its deadline without breaking promises made to others. One that has no deadline always does: it
/// is put behind those whose promises it would break.
bool Scheduler::place(Job* job, int64_t* expected) const {
  const double scale = counts_.pace / n_workers_;
  double ahead = 0;
  for (const Job* other : high_) {
    if (other->due <= job->due) ahead += other->left();
  }
  auto at = low_.begin();
  for (; at != low_.end() && (*at)->due <= job->due; ++at) ahead += (*at)->left();
  const int64_t pieces = (job->request.rows + job->morsel - 1) / std::max(job->morsel, 1);
  const double abreast = static_cast<double>(std::clamp<int64_t>(pieces, 1, job->in_order ? 1 : n_workers_));
  const double own = job->nanoseconds / abreast * n_workers_;
  *expected = job->arrived + static_cast<int64_t>(scale * (kCrowd * ahead + kMargin * own) + kHandOverNs);
  if (*expected > job->deadline) return false;
  ahead += job->nanoseconds;
  for (; at != low_.end(); ahead += (*at++)->left()) {
    if ((*at)->deadline == kNever) continue;
    const double work = kCrowd * ahead + kMargin * (*at)->left();
    const auto ends = job->arrived + static_cast<int64_t>(scale * work + kHandOverNs);
    if (ends <= (*at)->deadline) continue;
    if (job->deadline != kNever) {
      *expected = ends;
      return false;
    }
    job->due = (*at)->due + 1;
  }
  return true;
}

int32_t Scheduler::morsel_rows(const Job& job) const noexcept {
  const int64_t rows = std::max<int64_t>(job.request.rows, 1);
  const int64_t tile = std::min<int64_t>(job.program->layout->tile, rows);
  if (job.in_order) return static_cast<int32_t>(tile);
  const double per_row = std::max(job.nanoseconds / static_cast<double>(rows), 1.0);
  int64_t size = std::min<int64_t>(static_cast<int64_t>(kMorselNs / per_row), (rows + n_workers_ - 1) / n_workers_);
  size = std::max<int64_t>((size + kVectorRows / 2) / kVectorRows, 1) * kVectorRows;
  return static_cast<int32_t>(std::clamp<int64_t>(size, 1, tile));
}

/// The most urgent request that has begun and has rows to take.
Job* Scheduler::next_begun() const noexcept {
  for (Job* job : high_) {
    if (job->next < job->request.rows && !(job->in_order && job->running > 0)) return job;
  }
  return nullptr;
}

void Scheduler::note_urgency() noexcept {
  int64_t due = kNever;
  if (!low_.empty()) due = (*low_.begin())->due;
  if (const Job* job = next_begun()) due = std::min(due, job->due);
  urgent_.store(due, std::memory_order_relaxed);
}

}  // namespace pretzel
