// The shape of a program: its steps, and where the values lie that they read and write. Parameters and states are not
// part of it, so models that differ in numbers only share one shape.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/kernel.h"

namespace pretzel {

/// How a leaf of the graph is read; mirrors `pretzel.plan.LeafKind`.
enum class LeafKind : uint8_t { kNumeric, kCells, kSparse };

struct LeafSpec {
  LeafKind kind;
  int32_t slot;
};

/// Memory of a value. A dense slot is a piece of a buffer, so that parts of a concatenation are written in place.
struct SlotSpec {
  ValueKind kind;
  int32_t width;
  int32_t buffer;  // -1: the slot is a leaf's own memory or the result
  int32_t offset;  // first column inside the buffer
};

/// One call of a kernel. The parameters and inputs of all steps lie in common vectors.
struct Step {
  const Kernel* kernel;
  int32_t first_param, n_params;
  int32_t first_input, n_inputs;
  int32_t output;  // slot; -1 for a check
};

/// A step that runs sub-plans: `n_bodies` of the program's, from `first_body` on.
struct SubPlanStep {
  int32_t step;
  int32_t first_body, n_bodies;
};

struct ProgramShape {
  std::vector<LeafSpec> leaves;
  std::vector<SlotSpec> slots;
  std::vector<int32_t> buffers;  // width of each, in doubles per row
  std::vector<Step> steps;
  std::vector<int32_t> inputs;             // slots
  std::vector<int32_t> stage_ends;         // for each stage, the index after its last step
  int32_t output = -1;                     // slot
  std::vector<int32_t> sources;            // of a sub-plan: which value of the step that runs it each leaf is
  std::vector<SubPlanStep> subplan_steps;  // in the order of the steps
  int64_t subplan_row_bytes = 0;           // arena bytes per row of the deepest sub-plan, about

  /// What is wrong with the fields above, or nullptr: a slot that is read before it exists or lies outside its buffer,
  /// a number that names nothing, or rows that would take a gigabyte.
  const char* check() const;
  /// Derives everything below; to be called once after the fields above are set.
  void finish();
  std::span<const int32_t> inputs_of(const Step& step) const noexcept {
    return {inputs.data() + step.first_input, static_cast<size_t>(step.n_inputs)};
  }

  /// The entry of a step that runs sub-plans.
  const SubPlanStep& subplans_of(int32_t step) const noexcept;

  int32_t max_inputs = 0;
  int64_t row_bytes = 0;       // arena bytes per row for dense buffers, sparse heads and loaded leaves
  int32_t tile = 1;            // rows per pass: what keeps a tile in the second-level cache
  bool dense = false;          // every slot is
  bool unary = false;          // every step reads one slot
  bool writes_result = false;  // the last step writes the output slot, so it can write into the result itself
  bool has_order = false;      // entries of sparse results stay in the order in which the last step makes them

  int64_t tiles(int64_t rows) const noexcept { return rows <= tile ? 1 : (rows + tile - 1) / tile; }
};

}  // namespace pretzel
