#include "core/thread_context.h"

namespace pretzel {

// Not inline: the compiler looks up the address of an inlined thread_local several times in one caller.
ThreadContext& thread_context() noexcept {
  thread_local ThreadContext context;
  return context;
}

}  // namespace pretzel
