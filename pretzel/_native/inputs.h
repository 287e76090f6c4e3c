// What a request brings for each leaf of a program, where it lies in the caller's memory.
#pragma once

#include <cstdint>

#include "arena.h"
#include "view.h"

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

/// Copies `rows` rows from `first` on into the slot of a leaf, or points at them; cells are given from row `base` on.
/// Dense rows that lie in memory as they are need no loading. False when there is no memory.
bool load_leaf(const LeafInput& leaf, int64_t base, int64_t first, int32_t rows, View& slot, Arena& arena) noexcept;

}  // namespace pretzel
