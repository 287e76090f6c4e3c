#include "courtesy.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <thread>

#include "clock.h"

namespace pretzel {
namespace {

constexpr int kBack = 10, kForward = -10;
constexpr int64_t kApartNs = 20'000;                         // between two offers: each is a call of the system
constexpr int64_t kBurstNs = 1'000'000;                      // requests are answered sooner; who takes longer computes
constexpr int64_t kShare = 4;                                // rounds without an offer after somebody has taken one
constexpr int64_t kNapNs = 500'000, kRareNs = 128 * kNapNs;  // between two naps: at first, and where they do not help
constexpr unsigned kCores = 256;                             // those with higher numbers share the places of others

/// Who was the last to offer a core. Never followed: whom they point to may be gone.
std::array<std::atomic<const Courtesy*>, kCores> last_offers;

/// Takes the place of whoever made the last offer of the core that runs this thread; whether that was another worker.
bool meets_another(const Courtesy* me) noexcept {
#ifdef __linux__
  const int core = sched_getcpu();
  if (core < 0) return false;
  auto& last = last_offers[static_cast<unsigned>(core) % kCores];
  return last.exchange(me, std::memory_order_relaxed) != me;
#else
  static_cast<void>(me);
  return false;
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
  const int64_t after = now_ns(), taken = after - before;
  next_ = after + (taken > kBurstNs ? kShare * taken : kApartNs);
  if (!meets_another(this)) {
    between_naps_ = 0;
  } else if (after >= next_nap_) {
    between_naps_ = std::clamp(2 * between_naps_, kNapNs, kRareNs);
    next_nap_ = after + between_naps_;
    std::this_thread::sleep_for(std::chrono::microseconds(1));
    return now_ns() - before;
  }
  return taken;
}

}  // namespace pretzel
