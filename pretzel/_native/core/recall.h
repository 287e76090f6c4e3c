// Runs the steps of a row, but for those whose results are remembered.
#pragma once

#include "core/plan.h"
#include "core/tile_state.h"

namespace pretzel {

/// Like `TileState::run` of all steps, for a tile of one row.
RunResult run_recalling(const Program& program, const Request& request, TileState* tile) noexcept;

}  // namespace pretzel
