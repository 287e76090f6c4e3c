// Memory of one request of the calling thread.
#pragma once

#include "core/thread_context.h"

namespace pretzel {

/// Releases at the end of the scope the memory taken in it. The thread's arena serves one scope at a time. Reading a
/// row may call Python code that makes another request, and greenlets of one thread may end their requests in any
/// order: so a scope that begins inside another one has an arena of its own.
class RequestScope {
 public:
  RequestScope() noexcept
      : thread(&thread_context()), arena(thread->is_busy ? &own_ : &thread->arena), outermost_(!thread->is_busy) {
    thread->is_busy = true;
  }
  ~RequestScope() {
    if (!outermost_) return;
    arena->reset();
    thread->is_busy = false;
  }
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

  ThreadContext* const thread;
  Arena* const arena;

 private:
  Arena own_;
  const bool outermost_;
};

}  // namespace pretzel
