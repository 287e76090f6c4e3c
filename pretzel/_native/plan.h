// An immutable native program: steps over slots, built once from a physical plan and run by any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel.h"

namespace pretzel {

/// How a leaf of the graph is read; mirrors the leaf nodes of the oven.
enum class LeafKind : uint8_t { kNumeric, kCells, kSparse };

struct LeafSpec {
  LeafKind kind;
  int32_t slot;
};

/// A value of the program. Dense slots live in a buffer at a column offset, so that concatenation needs no copy.
struct SlotSpec {
  ValueKind kind;
  int32_t width;
  int32_t buffer;  // -1: the slot is a leaf's own memory or the result
  int32_t offset;  // first column inside the buffer
};

struct Step {
  const Kernel* kernel;
  std::vector<Array> params;
  const uint8_t* state;
  std::vector<int32_t> inputs;  // slots
  int32_t output;               // slot; kernels that only check write to none: -1
};

struct Memo;

/// Steps that need not run for a row whose result is known: `begin` .. `end`, which read nothing but the slots `inputs`
/// and of which nobody else reads anything but the slot `output`.
struct Recall {
  Memo* memo;
  int32_t begin, end;
  int32_t output;
  std::vector<int32_t> inputs;
  Cost cost;
};

struct Program {
  std::vector<LeafSpec> leaves;
  std::vector<SlotSpec> slots;
  std::vector<int32_t> buffers;  // width of each, in doubles per row
  std::vector<Step> steps;
  std::vector<int32_t> stage_ends;  // for each stage, the index after its last step
  int32_t output = -1;              // slot

  std::vector<Recall> recalls;  // larger ranges before those in them
  std::vector<Recall> whole;    // at most one: all steps

  /// Derives everything below; to be called once after the fields above are set.
  void finish();
  /// Sum over some steps.
  Cost cost_of(int32_t begin, int32_t end) const;

  int32_t max_inputs = 0;
  int64_t row_bytes = 0;       // arena bytes per row for dense buffers, sparse heads and loaded leaves
  int32_t tile = 1;            // rows per pass: what keeps a tile in the second-level cache
  Cost cost{0, 0};             // sum over steps
  bool writes_result = false;  // the last step writes the output slot, so it can write into the result itself
};

}  // namespace pretzel
