// Sub-plans: programs that a step of another program runs for some or all rows of its tile.
//
// A step of the kernel `branch` runs, for each row, the sub-plan that the row's code names; a step of `loop` runs one
// sub-plan until all rows are done. The rows of one sub-plan are gathered in their order, where they do not lie side by
// side already; their results are written to the rows that they came from. `run_subplans` (tile_state.h) keeps the
// calls under way on a stack in the arena. Sub-plans cannot call themselves, so that the depth, and with it the memory,
// is known before a request runs.
#pragma once

#include <cstdint>
#include <string>

#include "core/plan.h"

namespace pretzel {

/// Most bytes of the arena for a tile of `rows` rows, without scratch of kernels and without sub-plans.
double tile_bytes(const ProgramShape& shape, int64_t rows, bool loads_leaves) noexcept;

/// Most bytes that the sub-plans of a program take for a tile of `rows` rows: those of the step that takes most.
double subplan_bytes(const Program& program, int64_t rows) noexcept;

/// What is wrong with the sub-plans of a program: their leaves and results against the steps that run them; empty:
/// nothing.
std::string check_subplans(const Program& program);

}  // namespace pretzel
