#include "courtesy.h"

#ifdef __linux__
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <thread>

#include "clock.h"

namespace pretzel {
namespace {

constexpr int kNice = 10;
constexpr int64_t kApartNs = 20'000;     // between two offers: each is a call of the system
constexpr int64_t kBurstNs = 1'000'000;  // requests are answered sooner; who takes longer computes
constexpr int64_t kShare = 4;            // rounds without an offer after somebody has taken one

}  // namespace

void step_back() noexcept {
#ifdef __linux__
  setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kNice);
#endif
}

int64_t Courtesy::offer() noexcept {
  const int64_t before = now_ns();
  if (before < next_) return 0;
  std::this_thread::yield();
  const int64_t after = now_ns(), taken = after - before;
  next_ = after + (taken > kBurstNs ? kShare * taken : kApartNs);
  return taken;
}

}  // namespace pretzel
