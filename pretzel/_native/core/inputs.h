// The inputs of a request, one for each leaf of a program, where they lie in the caller's memory.
#pragma once

#include <cstdint>

#include "core/arena.h"
#include "core/view.h"

namespace pretzel {

/// Element types that a column of the caller's data may have. Those that end in AsF32 are whole numbers that are
/// rounded to float32 at once: by way of float64 they would be rounded twice.
enum class ColumnType : uint8_t {
  kF64,
  kF32,
  kF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool,
  kI64AsF32,
  kU64AsF32
};

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

/// Strings of an Arrow array where they lie; exactly one of the offsets is set.
struct TextColumn {
  const uint8_t* data;
  const int32_t* offsets32;
  const int64_t* offsets64;
  const uint8_t* valid;  // a bit for each row; nullptr: none is missing
  int64_t start;         // of row 0 among offsets and bits
  CellKind missing;      // what a missing text is
};

/// Code units of the texts of some rows.
int64_t text_units(const TextColumn& column, int64_t first, int64_t rows) noexcept;
/// Whether all of these are ASCII.
bool is_ascii(const TextColumn& column, int64_t first, int64_t rows) noexcept;

/// One column of a leaf of cells.
struct CellColumn {
  enum class Form : uint8_t { kCells, kNumbers, kTexts };

  Form form;
  Cell* cells;           // kCells: read already, from `LeafInput::cells_from` on
  NumberColumn numbers;  // kNumbers
  TextColumn texts;      // kTexts
};

/// Whether every row lies within `nnz` entries and every index within `width` columns.
bool fits(const CsrMatrix& matrix, int64_t rows, int64_t nnz, int64_t width) noexcept;

enum class LeafForm : uint8_t { kRows, kColumns, kCsr, kCells, kCellColumns };

/// The input of one leaf.
struct LeafInput {
  LeafForm form;
  const double* rows;  // kRows: float64, `row_stride` elements apart
  int64_t row_stride;
  const NumberColumn* columns;  // kColumns: one for each column of the leaf
  CsrMatrix csr;                // kCsr
  Cell* cells;                  // cells read in advance, or nullptr; kCells: rows x width
  CellColumn* cell_columns;     // kCellColumns: one for each column of the leaf
  int64_t cells_from;           // row of the caller's data at which the cells read in advance begin
};

/// Copies `rows` rows from `first` on into the slot of a leaf, or points the slot at them. Dense rows in the caller's
/// memory need no loading. False when there is no memory.
bool load_leaf(const LeafInput& leaf, int64_t first, int32_t rows, View& slot, Arena& arena) noexcept;

}  // namespace pretzel
