// A request on its way through the scheduler, and the morsels of rows that it is cut into.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/arena.h"
#include "core/enum_names.h"
#include "core/plan.h"
#include "core/request.h"
#include "core/tile_state.h"

namespace pretzel {

constexpr int64_t kNever = INT64_MAX;

/// `kFailed`: `Job::result` says where. `kExpired`: the deadline passed before the request started. `kLost`: the worker
/// died.
PRETZEL_ENUM(RequestOutcome, uint8_t, kPending, kDone, kFailed, kExpired, kCancelled, kLost);
constexpr size_t kOutcomes = static_cast<size_t>(RequestOutcome::kLost) + 1;

/// A request to the scheduler. Its submitter owns it and keeps it until it is over.
struct Job {
  const Program* program = nullptr;
  Request request{};
  int64_t units = 0;          // text code units or sparse entries of all rows
  double nanoseconds = 0;     // estimated work of all rows
  int64_t deadline = kNever;  // on the clock of `now_ns`
  bool in_order = false;      // one morsel at a time, because their results are appended
  bool awaited = false;       // `Scheduler::wait` waits for it; otherwise `Scheduler::collect` returns it

  // Written by the scheduler, under its mutex.
  int64_t due = 0;      // the queue is ordered by this time
  uint64_t number = 0;  // in order of arrival
  int64_t arrived = 0, started = 0;
  int32_t morsel_rows = 0;
  int64_t next = 0;     // first row that no morsel has
  int64_t done = 0;     // rows that have passed all stages
  int32_t running = 0;  // morsels that run or are preempted
  bool cancelled = false, lost = false;
  RequestOutcome outcome = RequestOutcome::kPending;
  RunResult result;
  std::condition_variable over;

  /// Estimated nanoseconds of the rows that have not passed all stages.
  double remaining() const noexcept {
    return nanoseconds * static_cast<double>(request.rows - done) / static_cast<double>(request.rows);
  }
};

/// Rows of a job, their values, and the step to run next. A preempted morsel may continue on another worker.
struct Morsel {
  Arena arena;
  TileState tile;
  Job* job = nullptr;
  Request request{};  // the request of the job, with step times of its own
  int64_t first_row = 0;
  int32_t rows = 0;
  int32_t step = -1;            // -1: the leaves have not been loaded
  int64_t spent = 0;            // nanoseconds
  bool prefix_batched = false;  // values lie in memory of the worker, so that the morsel cannot be preempted

  /// Estimated nanoseconds of all its steps.
  double expected() const noexcept { return job->nanoseconds * rows / static_cast<double>(job->request.rows); }
};

using Morsels = std::vector<std::unique_ptr<Morsel>>;

}  // namespace pretzel
