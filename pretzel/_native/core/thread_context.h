// What a thread keeps from one request to the next.
#pragma once

#include "core/arena.h"
#include "cost/step_timers.h"

namespace pretzel {

struct ThreadContext {
  Arena arena;
  Sampler sampler;
  const void* last = nullptr;  // `PrefetchSpan::lines` of the owner of this thread's latest request; may dangle
  bool is_busy = false;        // a request is using the arena
};

/// The context of the calling thread, made on first use and freed when the thread ends.
ThreadContext& thread_context() noexcept;

}  // namespace pretzel
