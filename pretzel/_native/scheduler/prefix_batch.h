// Prefix batching: rows of different programs that begin with the same computation run through it as one batch.
#pragma once

#include <cstdint>

#include "core/plan.h"
#include "core/request.h"
#include "core/tile_state.h"

namespace pretzel {

/// The prefix that a program shares with other programs, as steps from its first one on; nullptr: none.
const CachedRange* shared_prefix(const Program& program) noexcept;

/// Rows of one program, loaded into a tile.
struct PrefixBatchPart {
  const CachedRange* prefix;  // the same computation for all parts
  TileState* tile;
  int32_t rows;
};

/// Runs the prefix of `program`, which the first part belongs to, on the rows of all parts and copies the results into
/// their tiles. False when a row is rejected or memory is short: then nothing has changed, and each part runs by
/// itself. The results lie in `arena`, which must be kept until all parts are done.
bool run_prefix_batch(const Program& program, const PrefixBatchPart* parts, int n, Arena* arena) noexcept;

}  // namespace pretzel
