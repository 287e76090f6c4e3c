// Sub-plan cache: runs a row without the steps whose joint result is already known.
#pragma once

#include "core/plan.h"
#include "core/tile_state.h"

namespace pretzel {

/// Like `TileState::run` of all steps, for a tile of one row.
RunResult run_cached(const Program& program, const Request& request, TileState* tile) noexcept;

}  // namespace pretzel
