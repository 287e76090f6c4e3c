// The request-response engine: a program runs over rows, tile by tile, in the calling thread and its arena.
#pragma once

#include "core/plan.h"
#include "core/request.h"
#include "core/thread_context.h"

namespace pretzel {

RunResult run(const Program& program, const Request& request, Arena& arena) noexcept;

/// The same, and times some requests: all long ones and the first few of a program, otherwise a sample. Their times
/// correct the estimates of the program.
RunResult run_sampled(const Program& program, const Request& request, int64_t payload, double estimated_ns,
                      ThreadContext& thread) noexcept;

/// The same in an arena of its own: the working memory that the request took, for tests of `ProgramCost::arena_bytes`.
int64_t run_measured(const Program& program, const Request& request, int64_t payload, RunResult* result) noexcept;

}  // namespace pretzel
