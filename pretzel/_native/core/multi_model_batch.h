// A batch of single rows for many models. Programs of one shape run one after the other.
#pragma once

#include "core/plan.h"
#include "core/request.h"

namespace pretzel {

/// One row for one program.
struct BatchItem {
  const Program* program = nullptr;  // nullptr: nothing to run
  const LeafInput* leaves = nullptr;
  double* answer = nullptr;  // as wide as the result
  void* method = nullptr;    // for the caller
  RunResult result;          // an error does not affect the other items
};

/// Runs every item. Programs of one shape share the memory of their values and run in sequence, so that their code
/// stays cached and the parameters of coming items are prefetched.
void run_multi_model_batch(BatchItem* items, int64_t n, Arena& arena) noexcept;

}  // namespace pretzel
