// An immutable native program: steps over slots, built once from a physical plan and run by any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel.h"
#include "meter.h"

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
  const void* shape = nullptr;      // equal for programs that differ in parameters and states only

  /// Derives everything below; to be called once after the fields above are set.
  void finish();
  /// Has results of some steps, or of all, kept for single rows; larger ranges before those in them, and before the
  /// first request.
  void remember(Memo* memo, int32_t begin, int32_t end, int32_t output, const std::vector<int32_t>& inputs);
  /// Sum over some steps.
  Cost cost_of(int32_t begin, int32_t end) const;

  /// Adds what every request reads of this program.
  void ahead(Lines* lines) const;

  std::vector<Recall> recalls;
  std::vector<Recall> whole;  // at most one: all steps
  bool recalling = false;     // some of these have a cache; the others only say what is shared

  int32_t max_inputs = 0;
  int64_t row_bytes = 0;       // arena bytes per row for dense buffers, sparse heads and loaded leaves
  int32_t tile = 1;            // rows per pass: what keeps a tile in the second-level cache
  bool writes_result = false;  // the last step writes the output slot, so it can write into the result itself

  /// Nanoseconds that `rows` rows with `units` text code units or sparse entries will take from open to close. Cheap,
  /// from any thread; never falls when rows or units grow.
  double estimate(int64_t rows, int64_t units) const noexcept { return meter.corrected(price(rows, units)); }
  /// Tells what a request, or a morsel of one, took in fact: later estimates are the better for it.
  void observe(int64_t rows, int64_t units, double nanoseconds) const noexcept {
    meter.observe(price(rows, units), nanoseconds);
  }
  /// The estimate before it is corrected by what was observed.
  Estimate price(int64_t rows, int64_t units) const noexcept {
    const int64_t n = tiles(rows);
    return {call_cost + static_cast<double>(n) * one_row,
            static_cast<double>(rows - n) * per_row + static_cast<double>(units) * per_unit};
  }

  int64_t tiles(int64_t rows) const noexcept { return rows <= tile ? 1 : (rows + tile - 1) / tile; }

  double call_cost = 0;  // nanoseconds, sums over steps: of a request,
  double one_row = 0;    // the first row of a tile,
  double per_row = 0;    // every further row,
  double per_unit = 0;   // every unit of any row
  mutable Meter meter;
};

}  // namespace pretzel
