#include "scheduler.h"

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cmath>
#include <new>
#include <stdexcept>

#include "together.h"

namespace pretzel {
namespace {

constexpr double kMorselNs = 100e3;    // work between two looks at the queues
constexpr int32_t kVectorRows = 16;    // rows that kernels take side by side
constexpr double kPatience = 8.0;      // a request without a deadline is due after this many times its own work
constexpr double kMargin = 1.2;        // what estimates may be wrong by before a promise breaks
constexpr double kHandOverNs = 100e3;  // to wake a worker, and whoever waits for the answer
constexpr double kLatelyNs = 100e6;    // of work, from which the pace is known
constexpr size_t kTogether = 8;        // morsels that a worker takes at once, at most
constexpr int kNice = 10;
constexpr int kLookAhead = 32;             // waiting requests among which it looks for them
constexpr size_t kKeep = size_t{1} << 20;  // bytes that the vectors of a morsel keep

/// Has the system prefer every thread that answers single rows to this one. Only threads of this process are concerned,
/// as far as the system groups threads by process or container.
void give_way() noexcept {
#ifdef __linux__
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
#endif
}

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
  return judge(job, expected);
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
  Lock lock(mutex_);
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
  Lock lock(mutex_);
  collected_.wait(lock, [&] { return !over_.empty() || (closed_ && uncollected_ == 0); });
  uncollected_ -= static_cast<int64_t>(over_.size());
  *jobs = over_;
  over_.clear();
}

void Scheduler::close(bool drain) {
  Lock lock(mutex_);
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
  idle_.wait(lock, [&] { return low_.empty() && high_.empty(); });
  ending_ = true;
  work_.notify_all();
  collected_.notify_all();
  std::vector<std::thread> threads = std::move(threads_);
  threads_.clear();
  lock.unlock();
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

/// Under the lock: says when a job is due, and whether it may come in.
Verdict Scheduler::judge(Job* job, int64_t* expected) {
  *expected = kNever;
  if (closed_) return Verdict::kClosed;
  job->arrived = now_ns();
  job->morsel = morsel_rows(*job);
  job->due = job->deadline != kNever ? job->deadline
                                     : job->arrived + static_cast<int64_t>(kPatience * job->nanoseconds * counts_.pace);
  if (static_cast<int64_t>(low_.size()) >= places_) {
    ++counts_.full;
    return Verdict::kFull;
  }
  if (!place(job, expected)) {
    ++counts_.too_late;
    return Verdict::kTooLate;
  }
  return Verdict::kAccepted;
}

/// Whether a job meets its deadline without breaking promises made to others. One that has no deadline always does: it
/// is put behind those whose promises it would break.
bool Scheduler::place(Job* job, int64_t* expected) const {
  const double scale = counts_.pace * kMargin / n_workers_;
  double ahead = 0;
  for (const Job* other : high_) {
    if (other->due <= job->due) ahead += other->left();
  }
  auto at = low_.begin();
  for (; at != low_.end() && (*at)->due <= job->due; ++at) ahead += (*at)->left();
  const int64_t pieces = (job->request.rows + job->morsel - 1) / std::max(job->morsel, 1);
  const double abreast = static_cast<double>(std::clamp<int64_t>(pieces, 1, job->in_order ? 1 : n_workers_));
  const double own = job->nanoseconds / abreast * n_workers_;
  *expected = job->arrived + static_cast<int64_t>(scale * (ahead + own) + kHandOverNs);
  if (*expected > job->deadline) return false;
  double until = ahead + job->nanoseconds;
  for (; at != low_.end(); ++at) {
    until += (*at)->left();
    if ((*at)->deadline == kNever) continue;
    const auto ends = job->arrived + static_cast<int64_t>(scale * until + kHandOverNs);
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
  const int64_t tile = std::min<int64_t>(job.program->tile, rows);
  if (job.in_order) return static_cast<int32_t>(tile);
  const double per_row = std::max(job.nanoseconds / static_cast<double>(rows), 1.0);
  int64_t size = std::min<int64_t>(static_cast<int64_t>(kMorselNs / per_row), (rows + n_workers_ - 1) / n_workers_);
  size = (size + kVectorRows - 1) / kVectorRows * kVectorRows;
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

// ---- workers -------------------------------------------------------------------------------------------------------

void Scheduler::start() {
  while (static_cast<int>(threads_.size()) < n_workers_) {
    threads_.emplace_back([this] { work(); });
  }
}

void Scheduler::work() noexcept {
  if (yielding_) give_way();
  for (;;) {
    Worker worker;  // a new one, with vectors of its own, after an exception
    try {
      worker.pool.reserve(kTogether);
      worker.taken.reserve(kTogether);
      worker.arena.alloc(bytes_);
      worker.arena.reset(bytes_);
      while (serve(&worker)) {
      }
      return;
    } catch (...) {
      lose(&worker);
    }
  }
}

/// Waits for work and does one piece of it; false when there will be no more.
bool Scheduler::serve(Worker* worker) {
  while (worker->pool.size() < kTogether) worker->pool.push_back(std::make_unique<Morsel>());
  {
    Lock lock(mutex_);
    work_.wait(lock, [&] { return ending_ || anything_waits(); });
    if (!anything_waits()) return false;
    if (!take(worker)) return true;
  }
  if (poisoned_.exchange(false)) throw std::runtime_error("poisoned");
  if (worker->taken.size() > 1) begin_together(worker);
  while (!worker->taken.empty()) {
    bool aside = false;
    const Stop stop = advance(worker->taken.back().get(), &aside);
    Lock lock(mutex_);
    settle(worker, stop, aside);
  }
  worker->arena.reset(std::max(bytes_, kKeep));
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
  morsel.spent = 0;
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
    if (work > kMorselNs || rows > first.program->tile) return;
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
    parts[n++] = {shared_prefix(*morsel->job->program), &morsel->frame, morsel->rows};
    if (parts[n - 1].prefix == nullptr || parts[n - 1].prefix->memo != parts[0].prefix->memo) return;
  }
  if (!run_together(*worker->taken.front()->job->program, parts, n, &worker->arena)) return;
  const int64_t each = (now_ns() - start) / n;
  for (int i = 0; i < n; ++i) {
    worker->taken[static_cast<size_t>(i)]->step = parts[i].prefix->end;
    worker->taken[static_cast<size_t>(i)]->spent = each;
  }
  Lock lock(mutex_);
  counts_.together += n;
}

Stop Scheduler::load_leaves(Morsel* morsel) noexcept {
  const Job& job = *morsel->job;
  if (!morsel->frame.reserve(*job.program, morsel->rows, morsel->arena)) {
    return {Status::kNoMemory, -1, morsel->first, -1};
  }
  morsel->step = 0;
  morsel->request = job.request;
  const size_t steps = job.program->steps.size();
  morsel->request.step_times = morsel->arena.alloc_n<int64_t>(steps + 1);
  if (morsel->request.step_times != nullptr) std::fill_n(morsel->request.step_times, steps, int64_t{0});
  return morsel->frame.open(morsel->request, morsel->first, morsel->rows);
}

/// What a morsel took makes later estimates better.
void Scheduler::learn(const Morsel& morsel) noexcept {
  const Job& job = *morsel.job;
  const int64_t units = job.units * morsel.rows / std::max<int64_t>(job.request.rows, 1);
  job.program->observe(morsel.rows, units, static_cast<double>(morsel.spent));
  if (morsel.request.step_times != nullptr) {
    job.program->meter.add_steps(morsel.request.step_times, job.program->steps.size(), morsel.rows, 1);
  }
}

/// Runs a morsel from its next step on, to its end unless something more urgent has come.
Stop Scheduler::advance(Morsel* morsel, bool* aside) noexcept {
  const Job& job = *morsel->job;
  const int64_t start = now_ns();
  Stop stop;
  if (morsel->step < 0) stop = load_leaves(morsel);
  for (const int32_t end : job.program->stage_ends) {
    if (stop.status != Status::kOk || *aside) break;
    if (end <= morsel->step) continue;
    stop = morsel->frame.run(morsel->request, morsel->step, end);
    morsel->step = end;
    *aside = stop.status == Status::kOk && end < job.program->stage_ends.back() &&
             urgent_.load(std::memory_order_relaxed) < job.due;
  }
  if (stop.status == Status::kOk && !*aside) stop = morsel->frame.close(morsel->request);
  morsel->spent += now_ns() - start;
  if (stop.status == Status::kOk && !*aside) learn(*morsel);
  return stop;
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
void Scheduler::settle(Worker* worker, const Stop& stop, bool aside) noexcept {
  std::unique_ptr<Morsel> taken = std::move(worker->taken.back());
  worker->taken.pop_back();
  Morsel& morsel = *taken;
  Job* job = morsel.job;
  if (aside && !job->cancelled && job->stop.status == Status::kOk) {
    ++counts_.put_aside;
    aside_.push_back(std::move(taken));
    work_.notify_one();
    return;
  }
  ++counts_.morsels;
  --job->running;
  job->done += morsel.rows;
  if (stop.status != Status::kOk) {
    // Rows are taken in order, so the first that is refused is found, whichever morsel ends first.
    if (job->stop.status == Status::kOk || stop.row < job->stop.row) job->stop = stop;
    stop_early(job);
  } else {
    if (!aside && job->nanoseconds > 0) {
      note_pace(job->nanoseconds * morsel.rows / static_cast<double>(job->request.rows), morsel.spent);
    }
    finish_if_over(job);
  }
  note_urgency();
  if (anything_waits()) work_.notify_one();
  morsel.arena.reset(kKeep);
  if (worker->pool.size() < kTogether) worker->pool.push_back(std::move(taken));
}

/// An exception outside of any kernel: the requests that were under way fail, the others go on.
void Scheduler::lose(Worker* worker) noexcept {
  Lock lock(mutex_);
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
  finish(job, job->cancelled                    ? Outcome::kCancelled
              : job->lost                       ? Outcome::kLost
              : job->stop.status != Status::kOk ? Outcome::kFailed
                                                : Outcome::kDone);
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
    over_.push_back(job);
    collected_.notify_one();
  }
  if (low_.empty() && high_.empty()) idle_.notify_all();
}

}  // namespace pretzel
