// Prefix batching: rows of different programs that begin with the same computation go through it together.
#pragma once

#include <cstdint>

#include "core/plan.h"
#include "core/request.h"
#include "core/tile_state.h"

namespace pretzel {

/// What a program has in common with others, from its first step on; nullptr where there is nothing, or nobody else.
const Recall* shared_prefix(const Program& program) noexcept;

/// Rows of one program, loaded into a tile.
struct Part {
  const Recall* prefix;  // the same computation for all parts that go together
  TileState* tile;
  int32_t rows;
};

/// Runs the prefix of `program`, that of the first part, for the rows of all parts and puts the results into their
/// frames. False when a row is refused or there is no memory: then nothing has happened, and each part is to run by
/// itself. The memory that it needs is taken from `arena`, and has to stay until the parts are done.
bool run_together(const Program& program, const Part* parts, int n, Arena* arena) noexcept;

}  // namespace pretzel
