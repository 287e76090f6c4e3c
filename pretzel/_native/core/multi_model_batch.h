// Many small requests at once: one row for each of many programs, those of one layout one after the other.
#pragma once

#include "core/plan.h"
#include "core/request.h"

namespace pretzel {

/// One row for one program.
struct BatchItem {
  const Program* program = nullptr;  // nullptr: there is nothing to run
  const LeafInput* leaves = nullptr;
  double* answer = nullptr;  // the result's width
  void* method = nullptr;    // whose row it is; not looked at here
  RunResult result;          // where it stopped; one that stops leaves the others alone
};

/// Runs every item. Programs of one layout share the memory of their values and follow each other, so that kernels stay
/// in the processor and the next parameters arrive while the last are being used.
void run_multi_model_batch(BatchItem* items, int64_t n, Arena& arena) noexcept;

}  // namespace pretzel
