// A request to a program: rows in, a result out, and how it ended.
#pragma once

#include <cstdint>
#include <vector>

#include "core/inputs.h"
#include "core/plan.h"

namespace pretzel {

/// Collects sparse result rows as the arrays of a CSR matrix.
struct CsrResult {
  std::vector<int64_t> indptr{0};
  std::vector<int32_t> indices;
  std::vector<double> data;

  /// Appends the rows of a tile, their entries as they stand or sorted by column. Throws std::bad_alloc.
  void append(const View& out, int32_t rows, bool has_order);
};

/// Keeps a copy of the output of every step.
struct Tracer {
  Tracer(const Program& program, int64_t rows);
  void on_step(int32_t step, const View& out, int64_t first_row, int32_t rows);

  std::vector<std::vector<double>> dense;  // for each step, rows x width
  std::vector<CsrResult> sparse;
};

struct Request {
  const LeafInput* leaves = nullptr;
  int64_t first = 0;  // row of the caller's data and of the result to start at
  int64_t rows = 0;
  double* result = nullptr;            // dense results: rows x width, C order
  CsrResult* sparse_result = nullptr;  // sparse results
  Tracer* tracer = nullptr;            // for verification
  int64_t* step_times = nullptr;       // nanoseconds of each step are added here

  /// Copies the rows of a tile, from `first` on, to where the caller wants the result; false when there is no memory.
  bool emit(const View& out, int32_t rows, int64_t first, bool has_order) const noexcept;
};

/// How a request ended. After an error: `step` is the index of the failed step, rows count from the start of the
/// caller's data.
struct RunResult {
  Status status = Status::kOk;
  int32_t step = -1;
  int64_t row = -1;
  int32_t column = -1;
};

}  // namespace pretzel
