// Runs a program over rows: tile by tile through all steps, in the calling thread, in its arena.
#pragma once

#include <cstdint>
#include <vector>

#include "plan.h"

namespace pretzel {

/// Element types that a column of the caller's data may have.
enum class ColumnType : uint8_t { kF64, kF32, kF16, kI64, kI32, kI16, kI8, kU64, kU32, kU16, kU8, kBool };

/// One column of numbers where it lies: element r is at `data + r * stride` bytes.
struct NumberColumn {
  const char* data;
  int64_t stride;
  ColumnType type;
};

/// Compressed sparse rows as SciPy holds them; exactly one of the index pointers is set.
struct CsrMatrix {
  const int32_t* indptr32;
  const int64_t* indptr64;
  const int32_t* indices32;
  const int64_t* indices64;
  const double* data;
};

/// Whether every row lies within `nnz` entries and every index within `width` columns.
bool fits(const CsrMatrix& matrix, int64_t rows, int64_t nnz, int64_t width) noexcept;

enum class LeafForm : uint8_t { kRows, kColumns, kCsr, kCells };

/// What a request brings for one leaf.
struct LeafInput {
  LeafForm form;
  const double* rows;  // kRows: float64, `row_stride` elements apart
  int64_t row_stride;
  const NumberColumn* columns;  // kColumns: one for each column of the leaf
  CsrMatrix csr;                // kCsr
  Cell* cells;                  // kCells: rows x width
};

/// Collects sparse result rows as the arrays of a CSR matrix, indices ascending.
struct CsrResult {
  std::vector<int64_t> indptr{0};
  std::vector<int32_t> indices;
  std::vector<double> data;
};

/// Called with the output of each step when a program is traced.
struct Tracer {
  virtual ~Tracer() = default;
  virtual void on_step(int32_t step, const View& out, int64_t first_row, int32_t rows) = 0;
};

/// Keeps a copy of what every step wrote.
struct RecordingTracer : Tracer {
  RecordingTracer(const Program& program, int64_t rows);
  void on_step(int32_t step, const View& out, int64_t first_row, int32_t rows) override;

  std::vector<std::vector<double>> dense;  // for each step, rows x width
  std::vector<CsrResult> sparse;
};

struct Request {
  const LeafInput* leaves;
  int64_t first;  // row of the caller's data and of the result to start at; cells are given from there on
  int64_t rows;
  double* result;            // dense results: rows x width, C order
  CsrResult* sparse_result;  // sparse results
  Tracer* tracer;            // nullptr but for verification
};

/// Where a request stopped: `step` is the index into Program::steps, rows count from the start of the caller's data.
struct Stop {
  Status status = Status::kOk;
  int32_t step = -1;
  int64_t row = -1;
  int32_t column = -1;
};

Stop run(const Program& program, const Request& request, Arena& arena) noexcept;

}  // namespace pretzel
