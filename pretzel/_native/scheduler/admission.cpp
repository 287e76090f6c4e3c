#include "scheduler/admission.h"

#include <algorithm>
#include <cmath>

#include "core/clock.h"

namespace pretzel {
namespace {

constexpr int32_t kVectorRows = 16;   // kernels process so many rows side by side
constexpr double kPatience = 8.0;     // without a deadline, a request is due after so many times its own work
constexpr double kOwnMargin = 1.2;    // for the error of one estimate
constexpr double kAheadMargin = 1.5;  // for everything that goes first, while other threads may take the cores
constexpr double kWakeUpNs = 100e3;   // of a worker, and of the thread that gets the answer
constexpr double kMemoryNs = 100e6;   // of work, after which the error ratio has forgotten most of the past

}  // namespace

AdmissionControl::AdmissionControl(int workers, int64_t queue_capacity) noexcept
    : workers_(workers), queue_capacity_(queue_capacity), expected_(kMemoryNs / 10), spent_(kMemoryNs / 10) {}

Admission AdmissionControl::check_capacity(const RequestQueue& queue) const noexcept {
  if (closed_) return Admission::kClosed;
  const auto waiting = static_cast<int64_t>(queue.waiting().size());
  return waiting < queue_capacity_ ? Admission::kAccepted : Admission::kQueueFull;
}

Admission AdmissionControl::admit(Job* job, const RequestQueue& queue, int64_t* expected) const noexcept {
  *expected = kNever;
  job->arrived = now_ns();
  job->morsel_rows = morsel_rows(*job);
  const auto patience = static_cast<int64_t>(kPatience * job->nanoseconds * error_ratio());
  job->due = job->deadline != kNever ? job->deadline : job->arrived + patience;
  const Admission admission = check_capacity(queue);
  if (admission != Admission::kAccepted) return admission;
  return meets_deadline(job, queue, expected) ? Admission::kAccepted : Admission::kDeadlineUnmet;
}

/// Whether a job meets its deadline and leaves others time to meet theirs. Without a deadline it always does: it
/// becomes due after the requests that it would make late.
bool AdmissionControl::meets_deadline(Job* job, const RequestQueue& queue, int64_t* expected) const noexcept {
  const auto end = [&](double ahead, double own) {
    const double work = (kAheadMargin * ahead + kOwnMargin * own) * error_ratio() / workers_;
    return job->arrived + static_cast<int64_t>(work + kWakeUpNs);
  };
  double ahead = 0;
  for (const Job* other : queue.started()) {
    if (other->due <= job->due) ahead += other->remaining();
  }
  auto at = queue.waiting().begin();
  const auto last = queue.waiting().end();
  for (; at != last && (*at)->due <= job->due; ++at) ahead += (*at)->remaining();
  const int64_t morsels = (job->request.rows + job->morsel_rows - 1) / std::max(job->morsel_rows, 1);
  const auto abreast = static_cast<double>(std::clamp<int64_t>(morsels, 1, job->in_order ? 1 : workers_));
  *expected = end(ahead, job->nanoseconds / abreast * workers_);
  if (*expected > job->deadline) return false;
  ahead += job->nanoseconds;
  for (; at != last; ahead += (*at++)->remaining()) {
    const int64_t other_end = end(ahead, (*at)->remaining());
    if ((*at)->deadline == kNever || other_end <= (*at)->deadline) continue;
    if (job->deadline != kNever) {
      *expected = other_end;
      return false;
    }
    job->due = (*at)->due + 1;
  }
  return true;
}

int32_t AdmissionControl::morsel_rows(const Job& job) const noexcept {
  const int64_t rows = std::max<int64_t>(job.request.rows, 1);
  const int64_t tile = std::min<int64_t>(job.program->shape->tile, rows);
  if (job.in_order) return static_cast<int32_t>(tile);
  const double per_row = std::max(job.nanoseconds / static_cast<double>(rows), 1.0);
  int64_t size = std::min<int64_t>(static_cast<int64_t>(kMorselNs / per_row), (rows + workers_ - 1) / workers_);
  size = std::max<int64_t>((size + kVectorRows / 2) / kVectorRows, 1) * kVectorRows;
  return static_cast<int32_t>(std::clamp<int64_t>(size, 1, tile));
}

/// Sums of times rather than of ratios, so that the few morsels count in full in which the worker lost its core.
void AdmissionControl::observe(double expected, int64_t spent) noexcept {
  const double kept = std::exp(-expected / kMemoryNs);
  expected_ = expected_ * kept + expected;
  spent_ = spent_ * kept + static_cast<double>(spent);
}

}  // namespace pretzel
