// An immutable native program: steps over slots, built once from a physical plan and run by any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "core/layout.h"
#include "core/prefetch.h"
#include "cost/program_cost.h"
#include "cost/step_timers.h"

namespace pretzel {

struct Memo;

/// Steps that need not run for a row whose result is known: `begin` .. `end`, which read nothing but the slots `inputs`
/// and of which nobody else reads anything but the slot `output`.
struct Recall {
  Memo* memo;
  int32_t begin, end;
  int32_t output;
  std::vector<int32_t> inputs;
  RowCost cost;
};

/// What a kernel built from its parameters; nullptr: nothing.
struct State {
  const uint8_t* data = nullptr;
  int64_t bytes = 0;
};

struct Program {
  const Layout* layout = nullptr;  // outlives the program
  std::vector<Array> params;       // of all steps in their order
  std::vector<State> states;       // of each step

  /// Derives everything below; to be called once after the fields above are set.
  void finish();
  /// Has results of some steps, or of all, kept for single rows; larger ranges before those in them, and before the
  /// first request.
  void remember(Memo* memo, int32_t begin, int32_t end, int32_t output, const std::vector<int32_t>& inputs);
  const Array* params_of(const Step& step) const noexcept { return params.data() + step.first_param; }

  /// Adds the memory of this program that every request reads.
  void add_prefetch(PrefetchList* lines) const;

  /// Addresses and first lines of parameters and states, for batches of many models.
  PrefetchList heads;

  std::vector<Recall> recalls;
  std::vector<Recall> whole;  // at most one: all steps
  bool recalling = false;     // some of these have a cache; the others only say what is shared

  mutable ProgramCost cost;
  mutable StepTimers timers;  // of each step
};

}  // namespace pretzel
