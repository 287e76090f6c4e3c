// The request-response engine: a program runs over rows, tile by tile, in the calling thread and its arena.
#pragma once

#include "plan.h"
#include "request.h"

namespace pretzel {

Stop run(const Program& program, const Request& request, Arena& arena) noexcept;

}  // namespace pretzel
