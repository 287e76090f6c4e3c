// An immutable native program: steps over slots, built once from a physical plan and run by any number of threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/prefetch.h"
#include "core/program_shape.h"
#include "cost/program_cost.h"
#include "cost/step_timers.h"

namespace pretzel {

struct CachedComputation;

/// Steps `begin` .. `end`, which need not run for a row whose result is in the cache. They read only the slots
/// `inputs`, and no other step reads anything that they write except the slot `output`.
struct CachedRange {
  CachedComputation* computation;
  int32_t begin, end;
  int32_t output;
  std::vector<int32_t> inputs;
  Nanoseconds cost;
};

/// What a kernel built from its parameters; nullptr: nothing.
struct State {
  const uint8_t* data = nullptr;
  int64_t bytes = 0;
};

struct Program {
  const ProgramShape* shape = nullptr;  // outlives the program
  std::vector<Array> params;            // of all steps in their order
  std::vector<State> states;            // of each step
  std::vector<const Program*> bodies;   // sub-plans, of all steps in their order; they outlive the program

  /// The first call whose parameters, state or values do not fit its kernel, in words; empty: there is none. A program
  /// that passes reads and writes nothing outside its arrays, whatever the request holds.
  std::string check() const;
  /// Derives everything below; to be called once after the fields above are set.
  void finish();
  /// Caches the results of some or all steps for single rows. Call it before the first request, and for a range before
  /// the ranges inside it.
  void cache_range(CachedComputation* computation, int32_t begin, int32_t end, int32_t output,
                   const std::vector<int32_t>& inputs);
  std::span<const Array> params_of(const Step& step) const noexcept {
    return {params.data() + step.first_param, static_cast<size_t>(step.n_params)};
  }

  /// Adds the memory of this program that every request reads.
  void add_prefetch(PrefetchList* lines) const;

  /// Addresses and first lines of parameters and states, for batches of many models.
  PrefetchList heads;

  std::vector<CachedRange> cached_ranges;
  std::vector<CachedRange> whole;  // at most one: all steps
  bool caches_ranges = false;      // a cache with a budget is among them; the others only say what models share

  mutable ProgramCost cost;
  mutable StepTimers timers;  // of each step
};

}  // namespace pretzel
