// Scheduling priority of threads.
#pragma once

namespace pretzel {

/// Lowers the priority of the calling thread (nice +10). Under contention, it gets about a tenth of the CPU time of a
/// default thread.
void lower_priority() noexcept;

/// Raises it (nice -10), if the process may: on Linux as root, with the capability SYS_NICE, or by its limits.
void raise_priority() noexcept;

}  // namespace pretzel
