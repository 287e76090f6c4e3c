// Memory of one request of the calling thread.
#pragma once

#include "core/thread_context.h"

namespace pretzel {

/// Releases at the end of the scope the memory taken from the thread's arena. Scopes nest, because reading a row may
/// call Python code that makes another request; the outermost one resets the arena.
class RequestScope {
 public:
  RequestScope() noexcept : thread(&thread_context()), arena(&thread->arena), start_(arena->mark()) { ++thread->depth; }
  ~RequestScope() {
    arena->release(start_);
    if (--thread->depth == 0) arena->reset();
  }
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

  ThreadContext* const thread;
  Arena* const arena;

 private:
  Arena::Mark start_;
};

}  // namespace pretzel
