// The batch engine: worker threads that run requests morsel by morsel and stage by stage, the most urgent first.
//
// A request that has not begun stands in the low queue, one that has in the high queue; its morsels may be put aside
// between two stages. What is due first goes first: a request is due at its deadline or, without one, at its arrival
// plus a multiple of its own work, so that short requests overtake long ones and nobody waits for ever. Of equally
// urgent requests the one that has begun goes on, which gives memory back sooner.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "core/clock.h"
#include "core/plan.h"
#include "core/request.h"
#include "core/tile_state.h"
#include "scheduler/courtesy.h"

namespace pretzel {

constexpr int64_t kNever = INT64_MAX;

enum class Outcome : uint8_t {
  kPending,
  kDone,
  kFailed,  // `Job::result` says where
  kLate,    // its deadline passed before it began
  kCancelled,
  kLost,  // its worker died
};

/// A request on its way through the engine. Whoever submits it owns it, and keeps it until it is over.
struct Job {
  const Program* program = nullptr;
  Request request{};
  int64_t units = 0;          // text code units or sparse entries of all rows
  double nanoseconds = 0;     // estimated work of all rows
  int64_t deadline = kNever;  // on the clock of `now_ns`
  bool in_order = false;      // one morsel after the other: their results are appended
  bool awaited = false;       // somebody will `wait` for it; otherwise it goes to `collect`

  // Kept by the scheduler, under its lock.
  int64_t due = 0;
  uint64_t number = 0;  // of arrival
  int64_t arrived = 0, begun = 0, ended = 0;
  int32_t morsel = 0;   // rows
  int64_t next = 0;     // first row that nobody has taken
  int64_t done = 0;     // rows that have passed through all stages
  int32_t running = 0;  // morsels under way or aside
  bool cancelled = false, lost = false;
  Outcome outcome = Outcome::kPending;
  RunResult result;
  std::condition_variable over;

  /// Estimated nanoseconds of the rows that have not passed.
  double left() const noexcept {
    return nanoseconds * static_cast<double>(request.rows - done) / static_cast<double>(request.rows);
  }
};

enum class Verdict : uint8_t { kAccepted, kFull, kTooLate, kClosed };

/// What a scheduler has to do, and what it has done.
struct Load {
  int64_t waiting, begun;                                // requests
  double nanoseconds;                                    // estimated work that is left
  double pace;                                           // time taken / time estimated, lately
  int64_t accepted, full, too_late;                      // refused, the latter two
  int64_t done, overdue, failed, late, cancelled, lost;  // overdue: done, but after the deadline
  int64_t morsels, put_aside, together;  // pieces of work; those interrupted, and those that shared a beginning
};

class Scheduler {
 public:
  /// `workers` threads are started by the first request; at most `places` requests wait. Each worker gets `bytes` of
  /// working memory in advance, and keeps them. With `yielding` the system is to prefer other threads of the process to
  /// the workers; otherwise the workers, and the thread that collects.
  Scheduler(int workers, int64_t places, size_t bytes, bool yielding) noexcept;
  /// Cancels what is left and joins the workers.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// Takes a job, or says why not. `expected` is set to when it would be over. Throws when no thread can be started.
  Verdict submit(Job* job, int64_t* expected);
  /// What `submit` would say of a job that is only described by program, rows, estimate and deadline; without a
  /// deadline its place is all that counts.
  Verdict foresee(Job* job, int64_t* expected);
  /// Ends a job: rows that nobody has taken will not be computed. False when it is over.
  bool cancel(Job* job);
  /// Waits until a job is over, at most `timeout` nanoseconds; returns whether it is.
  bool wait(Job* job, int64_t timeout);
  /// Hands over jobs that are over and not awaited; waits until there are some, or nothing more will come.
  void collect(std::vector<Job*>* jobs);
  /// Accepts nothing more, finishes what is left (`drain`) or cancels it, and joins the workers. Harmless when
  /// repeated.
  void close(bool drain);

  Load load();
  int workers() const noexcept { return n_workers_; }
  /// The next morsel ends with an exception outside of any kernel; for tests.
  void poison() noexcept { poisoned_ = true; }
  /// Workers begin nothing more (`true`), or go on; for tests.
  void hold(bool held);

 private:
  /// Rows under way, their values, and the stage that is next.
  struct Morsel {
    Arena arena;
    TileState tile;
    Job* job = nullptr;
    Request request{};  // that of the job, with times of its own
    int64_t first = 0;
    int32_t rows = 0;
    int32_t step = 0;       // the next one; -1: the leaves have not been loaded
    int64_t spent = 0;      // nanoseconds
    int64_t given = 0;      // of these, while others had the core
    bool together = false;  // its values lie with those of others, and only for as long as all of them run

    /// Estimated nanoseconds of all its steps.
    double expected() const noexcept { return job->nanoseconds * rows / static_cast<double>(job->request.rows); }
  };
  /// A thread, its vectors, and what it has taken: several morsels where they begin with the same computation.
  struct Worker {
    std::vector<std::unique_ptr<Morsel>> pool;
    std::vector<std::unique_ptr<Morsel>> taken;
    Arena arena;  // for what they do together
    Courtesy courtesy;
  };
  static constexpr double kMorselNs = 100e3;  // work between two looks at the queues
  static constexpr double kLatelyNs = 100e6;  // work from which the pace is known

  struct Sooner {
    bool operator()(const Job* a, const Job* b) const noexcept {
      return a->due != b->due ? a->due < b->due : a->number < b->number;
    }
  };
  using Queue = std::set<Job*, Sooner>;
  using Lock = std::unique_lock<std::mutex>;
  /// The lock of those who may end requests. Whoever collects is woken after it, not within, for it counts for more
  /// than a worker: it would take the core, run into the lock, and have to wait for the worker to get the core again.
  class Ending {
   public:
    explicit Ending(Scheduler* scheduler) : lock(scheduler->mutex_), scheduler_(*scheduler) {}
    ~Ending() { release(); }
    Ending(const Ending&) = delete;
    Ending& operator=(const Ending&) = delete;
    void release() noexcept;

    Lock lock;

   private:
    Scheduler& scheduler_;
  };

  Verdict admit();
  Verdict judge(Job* job, int64_t* expected);
  bool place(Job* job, int64_t* expected) const;
  int32_t morsel_rows(const Job& job) const noexcept;
  void start();
  void work() noexcept;
  static void fill(Worker* worker);
  /// Bytes that the vectors of a morsel keep: what a reservation has taken, and the alignment of it.
  size_t kept() const noexcept;
  bool serve(Worker* worker);
  Job* next_begun() const noexcept;
  bool anything_waits() const noexcept {
    return !held_ && (!low_.empty() || !aside_.empty() || next_begun() != nullptr);
  }
  bool take(Worker* worker) noexcept;
  void take_rows(Worker* worker, Job* job) noexcept;
  void take_companions(Worker* worker) noexcept;
  void begin_together(Worker* worker) noexcept;
  static RunResult load_leaves(Morsel* morsel) noexcept;
  static void learn(const Morsel& morsel) noexcept;
  RunResult advance(Worker* worker, Morsel* morsel, bool* aside) noexcept;
  int64_t ends(const std::vector<std::unique_ptr<Morsel>>& taken) const noexcept;
  void announce(int64_t next) noexcept;
  void note_pace(double expected, int64_t spent) noexcept;
  void settle(Worker* worker, const RunResult& result, bool aside) noexcept;
  void lose(Worker* worker) noexcept;
  void stop_early(Job* job) noexcept;
  void finish_if_over(Job* job) noexcept;
  void finish(Job* job, Outcome outcome) noexcept;
  void note_urgency() noexcept;

  const int n_workers_;
  const int64_t places_;
  const size_t bytes_;
  const bool yielding_;

  std::mutex mutex_;
  std::condition_variable work_, collected_, idle_;
  Queue low_, high_;  // requests that have not begun, and those that have
  std::vector<std::unique_ptr<Morsel>> aside_;
  std::vector<Job*> over_;                   // to be collected
  int64_t uncollected_ = 0;                  // accepted, and to be collected
  int64_t announce_by_ = kNever;             // when who collects is to know of the jobs that are over
  bool announced_ = false, untold_ = false;  // by `announce`, and has yet to be woken
  bool collecting_ = false;                  // of interest to the thread that collects
  std::vector<std::thread> threads_;
  std::atomic<int64_t> urgent_{kNever};  // when the most urgent of what waits is due
  std::atomic<bool> poisoned_{false};
  bool closed_ = false, ending_ = false, held_ = false;
  uint64_t arrivals_ = 0;
  double lately_expected_, lately_spent_;  // nanoseconds
  Load counts_{};
};

}  // namespace pretzel
