// An immutable native program: steps over slots, built once from a physical plan and run by any number of threads.
#pragma once

#include <cstdint>
#include <vector>

#include "core/layout.h"
#include "cost/meter.h"

namespace pretzel {

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
  /// Sets the prices below with the weights that are known now; `finish` does it, too.
  void price();
  /// Has results of some steps, or of all, kept for single rows; larger ranges before those in them, and before the
  /// first request.
  void remember(Memo* memo, int32_t begin, int32_t end, int32_t output, const std::vector<int32_t>& inputs);
  const Array* params_of(const Step& step) const noexcept { return params.data() + step.first_param; }
  /// Sum over some steps.
  RowCost cost_of(int32_t begin, int32_t end) const;

  /// Adds the memory of this program that every request reads.
  void add_prefetch(PrefetchList* lines) const;

  /// Addresses and first lines of parameters and states, for batches of many models.
  PrefetchList heads;

  std::vector<Recall> recalls;
  std::vector<Recall> whole;  // at most one: all steps
  bool recalling = false;     // some of these have a cache; the others only say what is shared

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
    const int64_t n = layout->tiles(rows);
    return {static_cast<double>(n) * one_row,
            static_cast<double>(rows - n) * per_row + static_cast<double>(units) * per_unit};
  }

  /// Bytes of working memory that a request takes at most: those of a tile of rows, and what kernels need for its
  /// units.
  int64_t arena_bytes(int64_t rows, int64_t units) const noexcept;
  /// Terms of all steps, then those of the overhead of a request (cost kernel "frame").
  std::vector<StepCost> costs() const;

  double one_row = 0;   // nanoseconds, sums over steps: of the first row of a tile,
  double per_row = 0;   // every further row,
  double per_unit = 0;  // every unit of any row
  double fixed_bytes = 0, kernel_row_bytes = 0, kernel_unit_bytes = 0;  // of the arena, besides `row_bytes`
  mutable Meter meter;
};

}  // namespace pretzel
