// Scheduling priority of the calling thread.
#pragma once

#include <unistd.h>

namespace pretzel {

inline void add_niceness([[maybe_unused]] int difference) noexcept {
#ifdef __linux__  // elsewhere, the niceness is that of the whole process
  [[maybe_unused]] const int niceness = nice(difference);
#endif
}

/// Under contention, the thread gets about a tenth of the CPU time of a default thread.
inline void lower_priority() noexcept { add_niceness(10); }
/// The opposite, if the process may: on Linux as root, with the capability SYS_NICE, or by its limits.
inline void raise_priority() noexcept { add_niceness(-10); }

}  // namespace pretzel
