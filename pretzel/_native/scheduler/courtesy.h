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
/// Two workers that offer the same core to each other may go on like that while another core has nothing to do: neither
/// ever waits for so long that the system would think it worth moving. So who finds that another worker has offered its
/// core meanwhile goes elsewhere; less and less often where that does not separate them.
class Courtesy {
 public:
  /// Returns the nanoseconds for which others had it.
  int64_t offer() noexcept;

 private:
  void separate() noexcept;

  int64_t next_ = 0, next_move_ = 0;  // when, on the clock of `now_ns`
  int64_t between_moves_ = 0;         // nanoseconds
  int core_ = -1;                     // at the latest offer
};

}  // namespace pretzel
