// branch: each row goes through the sub-plan that its code names.
// loop: rows go through one sub-plan again and again, until the first column of their state is negative.
#include "core/kernel.h"

namespace pretzel {
namespace {

/// The executor runs the sub-plans, because a kernel that did would need the C stack for sub-plans of sub-plans.
Status run(const RunCall&) noexcept { return Status::kRunsSubPlans; }

const char* check_branch(const LoadCall& call) {
  return call.in[0].kind == ValueKind::kDense && call.in[0].width == 1 ? nullptr
                                                                       : "reads codes of another kind or width";
}

const char* check_loop(const LoadCall& call) {
  if (call.in[0].kind != ValueKind::kDense || call.in[0].width != call.out->width || call.out->width == 0) {
    return "reads a state of another kind or width than it writes";
  }
  return call.params[0].scalar<int32_t>() < 0 ? "repeats a negative number of times" : nullptr;
}

Cost cost(const CostCall& call) {
  return Cost{}
      .rows({{"rows", 20.0}, {"inputs", 2.0 * call.n_in}, {"columns", 0.5 * (call.in_width + call.out_width)}})
      .first_row({{"call", 60.0}, {"inputs", 2.0 * call.n_in}});
}

constexpr Param kLoopParams[] = {{.name = "limit", .dtype = i32}};

}  // namespace
PRETZEL_KERNEL(branch, .in = {kDense | kSparse | kCells}, .out = {kDense}, .check = check_branch, .run = run,
               .cost = cost, .flags = kBranches)
PRETZEL_KERNEL(loop, .params = kLoopParams, .in = {kDense | kSparse | kCells}, .out = {kDense}, .check = check_loop,
               .run = run, .cost = cost, .flags = kLoops)
}  // namespace pretzel
