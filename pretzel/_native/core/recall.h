// Runs the steps of a row, but for those whose results are remembered.
#pragma once

#include "core/frame.h"
#include "core/plan.h"

namespace pretzel {

/// Like `Frame::run` of all steps, for a tile of one row.
Stop run_recalling(const Program& program, const Request& request, Frame* frame) noexcept;

}  // namespace pretzel
