#include "scheduler/thread_priority.h"

#include <unistd.h>

namespace pretzel {
namespace {

void add_niceness([[maybe_unused]] int difference) noexcept {
#ifdef __linux__  // elsewhere, the niceness is that of the whole process
  [[maybe_unused]] const int niceness = nice(difference);
#endif
}

}  // namespace

void lower_priority() noexcept { add_niceness(10); }
void raise_priority() noexcept { add_niceness(-10); }

}  // namespace pretzel
