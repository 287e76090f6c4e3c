#include "core/thread_context.h"

namespace pretzel {

ThreadContext& thread_context() noexcept {
  thread_local ThreadContext context;
  return context;
}

}  // namespace pretzel
