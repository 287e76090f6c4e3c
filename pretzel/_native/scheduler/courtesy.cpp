#include "scheduler/courtesy.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <utility>

#include "core/clock.h"

namespace pretzel {
namespace {

constexpr int kBack = 10, kForward = -10;
constexpr int64_t kApartNs = 20'000;     // between two offers: each is a call of the system
constexpr int64_t kBurstNs = 1'000'000;  // requests are answered sooner; who takes longer computes
constexpr int64_t kShare = 4;            // rounds without an offer after somebody has taken one
// Between two moves to another core: at first, where they do not help, and where somebody computes on the other one.
constexpr int64_t kSoonNs = 50'000, kLaterNs = 2'000'000, kRarelyNs = 100'000'000;
constexpr unsigned kCores = 256;  // those with higher numbers share the places of others

/// Who was the last to offer a core. Never followed: whom they point to may be gone.
std::array<std::atomic<const Courtesy*>, kCores> last_offers;

std::atomic<const Courtesy*>& last_offer(int core) noexcept {
  return last_offers[static_cast<unsigned>(core) % kCores];
}

/// The core that runs the calling thread; -1 where nobody tells.
int current_core() noexcept {
#ifdef __linux__
  return sched_getcpu();
#else
  return -1;
#endif
}

/// Has the system run the calling thread on another core, if it may use any.
void leave([[maybe_unused]] int core) noexcept {
#ifdef __linux__
  cpu_set_t all, others;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;  // as with more cores than a set can hold
  others = all;
  CPU_CLR(core, &others);
  if (CPU_COUNT(&others) == 0 || sched_setaffinity(0, sizeof others, &others) != 0) return;
  sched_setaffinity(0, sizeof all, &all);
#endif
}

/// On Linux the priority is that of a thread; elsewhere it is that of the process, which is none of our business.
void change_priority(int nicer) noexcept {
#ifdef __linux__
  [[maybe_unused]] const int now = nice(nicer);
#else
  static_cast<void>(nicer);
#endif
}

}  // namespace

void step_back() noexcept { change_priority(kBack); }
void step_forward() noexcept { change_priority(kForward); }

int64_t Courtesy::offer() noexcept {
  const int64_t before = now_ns();
  if (before < next_) return 0;
  std::this_thread::yield();
  separate();
  const int64_t after = now_ns(), taken = after - before;
  next_ = after + (taken > kBurstNs ? kShare * taken : kApartNs);
  return taken;
}

void Courtesy::separate() noexcept {
  const int core = current_core();
  if (core < 0) return;
  const Courtesy* last = last_offer(core).exchange(this, std::memory_order_relaxed);
  if (std::exchange(core_, core) != core) return;
  if (last == this) {
    between_moves_ = 0;
    return;
  }
  const int64_t before = now_ns();
  if (before < next_move_) return;
  last_offer(core).store(last, std::memory_order_relaxed);  // or the other one would leave, too
  leave(core);
  core_ = current_core();
  last_offer(core_).store(this, std::memory_order_relaxed);
  const int64_t after = now_ns();
  between_moves_ = after - before > kBurstNs ? kRarelyNs : std::clamp(2 * between_moves_, kSoonNs, kLaterNs);
  next_move_ = after + between_moves_;
}

}  // namespace pretzel
