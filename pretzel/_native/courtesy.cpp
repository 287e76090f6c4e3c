#include "courtesy.h"

#include <unistd.h>

#include <thread>

#include "clock.h"

namespace pretzel {
namespace {

constexpr int kBack = 10, kForward = -10;
constexpr int64_t kApartNs = 20'000;     // between two offers: each is a call of the system
constexpr int64_t kBurstNs = 1'000'000;  // requests are answered sooner; who takes longer computes
constexpr int64_t kShare = 4;            // rounds without an offer after somebody has taken one

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
  return taken;
}

}  // namespace pretzel
