// An immutable native program: steps over slots, built once from a physical plan and run by any number of threads.
#pragma once

#include <cstdint>
#include <span>
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

/// One call of a kernel. What it is given lies with that of the other steps in vectors of the program.
struct Step {
  const Kernel* kernel;
  const uint8_t* state;
  int64_t state_bytes;
  int32_t first_param, n_params;
  int32_t first_input, n_inputs;
  int32_t output;  // slot; kernels that only check write to none: -1
};

struct Memo;

/// Nanoseconds of some steps for a single row.
struct RowCost {
  double per_row, per_unit;
};

/// Steps that need not run for a row whose result is known: `begin` .. `end`, which read nothing but the slots `inputs`
/// and of which nobody else reads anything but the slot `output`.
struct Recall {
  Memo* memo;
  int32_t begin, end;
  int32_t output;
  std::vector<int32_t> inputs;
  RowCost cost;
};

/// The counted terms of a step, and how many units or entries it reads for each unit and row of the request.
struct StepCost {
  const char* kernel;
  Cost cost;
  double unit_entries, row_entries;
};

struct Program {
  std::vector<LeafSpec> leaves;
  std::vector<SlotSpec> slots;
  std::vector<int32_t> buffers;  // width of each, in doubles per row
  std::vector<Step> steps;
  std::vector<Array> params;        // of all steps in their order
  std::vector<int32_t> inputs;      // slots
  std::vector<int32_t> stage_ends;  // for each stage, the index after its last step
  int32_t output = -1;              // slot
  const void* shape = nullptr;      // equal for programs that differ in parameters and states only

  /// Derives everything below; to be called once after the fields above are set.
  void finish();
  /// Sets the prices below with the weights that are known now; `finish` does it, too.
  void price();
  /// Has results of some steps, or of all, kept for single rows; larger ranges before those in them, and before the
  /// first request.
  void remember(Memo* memo, int32_t begin, int32_t end, int32_t output, const std::vector<int32_t>& inputs);
  const Array* params_of(const Step& step) const noexcept { return params.data() + step.first_param; }
  std::span<const int32_t> inputs_of(const Step& step) const noexcept {
    return {inputs.data() + step.first_input, static_cast<size_t>(step.n_inputs)};
  }
  /// Sum over some steps.
  RowCost cost_of(int32_t begin, int32_t end) const;

  /// Adds what every request reads of this program.
  void ahead(Lines* lines) const;

  /// Of the steps, and where their parameters and states begin: what is enough for small ones.
  Lines heads;

  std::vector<Recall> recalls;
  std::vector<Recall> whole;  // at most one: all steps
  bool recalling = false;     // some of these have a cache; the others only say what is shared

  int32_t max_inputs = 0;
  int64_t row_bytes = 0;       // arena bytes per row for dense buffers, sparse heads and loaded leaves
  int32_t tile = 1;            // rows per pass: what keeps a tile in the second-level cache
  bool dense = false;          // every slot is
  bool unary = false;          // every step reads one slot
  bool writes_result = false;  // the last step writes the output slot, so it can write into the result itself

  /// Nanoseconds that `rows` rows with `units` text code units or sparse entries will take from open to close. Cheap,
  /// from any thread; never falls when rows or units grow.
  double estimate(int64_t rows, int64_t units) const noexcept { return meter.corrected(uncorrected(rows, units)); }
  /// Tells what a request, or a morsel of one, took in fact: later estimates are the better for it.
  void observe(int64_t rows, int64_t units, double nanoseconds) const noexcept {
    meter.observe(uncorrected(rows, units), nanoseconds);
    if (per_unit > 0) meter.note_units(rows, units);
  }
  /// The estimate before it is corrected by what was observed.
  Estimate uncorrected(int64_t rows, int64_t units) const noexcept {
    const int64_t n = tiles(rows);
    return {static_cast<double>(n) * one_row,
            static_cast<double>(rows - n) * per_row + static_cast<double>(units) * per_unit};
  }

  int64_t tiles(int64_t rows) const noexcept { return rows <= tile ? 1 : (rows + tile - 1) / tile; }

  /// Bytes of working memory that a request takes at most: those of a tile of rows, and what kernels need for its
  /// units.
  int64_t arena_bytes(int64_t rows, int64_t units) const noexcept;
  /// Terms of all steps, then those of the frame that carries the values.
  std::vector<StepCost> costs() const;

  double one_row = 0;   // nanoseconds, sums over steps: of the first row of a tile,
  double per_row = 0;   // every further row,
  double per_unit = 0;  // every unit of any row
  double fixed_bytes = 0, kernel_row_bytes = 0, kernel_unit_bytes = 0;  // of the arena, besides `row_bytes`
  mutable Meter meter;
};

}  // namespace pretzel
