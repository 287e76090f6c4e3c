// The request-response engine: a program runs over rows, tile by tile, in the calling thread and its arena.
#pragma once

#include "core/plan.h"
#include "core/request.h"
#include "core/thread_context.h"

namespace pretzel {

RunResult run(const Program& program, const Request& request, Arena& arena) noexcept;

/// The same, where the request was estimated at `nanoseconds`: some requests are timed, and the program told.
RunResult run_metered(const Program& program, const Request& request, int64_t units, double nanoseconds,
                      ThreadContext& thread) noexcept;

}  // namespace pretzel
