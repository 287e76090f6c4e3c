// How workers share the cores with the threads that ask: these answer single rows, and hold the lock of Python when
// they submit a table, so that every other request waits for them.
#pragma once

#include <cstdint>

namespace pretzel {

/// Has the system give the calling thread about a tenth of what other threads get where both want a core. Only threads
/// of this process are concerned, as far as the system groups threads by process or container.
void step_back() noexcept;
/// The opposite, nine cores of ten, where the system allows it to the process.
void step_forward() noexcept;

/// Offers the core of the calling thread to others, again and again between two pieces of work.
///
/// A system that schedules for throughput lets a thread run on for milliseconds although one that counts for more has
/// woken up. To offer the core is cheap when nobody wants it; when somebody took it for long, who computes and will
/// want it again, the next offer is put off, for the system makes who yields wait for a whole round of the others.
///
/// Two workers that offer the same core to each other never look idle, nor does either seem worth moving, and the other
/// cores may have nothing to do meanwhile. So whoever finds that another worker has been here sleeps for a moment:
/// the system chooses a core for those that wake up.
class Courtesy {
 public:
  /// Returns the nanoseconds for which others had it.
  int64_t offer() noexcept;

 private:
  int64_t next_ = 0, next_nap_ = 0;  // when, on the clock of `now_ns`
  int64_t between_naps_ = 0;
};

}  // namespace pretzel
