// Typed, non-owning views of values as they flow between kernels. No Python here.
#pragma once

#include <cstdint>

#include "core/enum_names.h"

namespace pretzel {

/// How the code units of a text cell are stored.
PRETZEL_ENUM(Encoding, uint8_t, kAscii, kLatin1, kUcs2, kUcs4, kUtf8);

/// What one cell of a table holds. kNA and kNaT are the missing values of pandas; kInfinite is an infinite element of
/// an array of numbers, which encoders reject, whereas an infinite float object is a number; kOther equals no constant.
enum class CellKind : uint8_t { kText, kNumber, kNone, kNaN, kNA, kNaT, kInfinite, kOther };

/// One value of a row exactly as it lay in the caller's object: text is borrowed, not copied.
struct Cell {
  const void* text;  // kText: first code unit; never null (an empty string points anywhere valid)
  double number;     // kNumber: the value of a bool, an int or a float
  int64_t size;      // kText: number of code units
  CellKind kind;
  Encoding encoding;  // kText only
  bool normalized;    // kText: lower-casing and accent stripping have already been applied
};

/// One sparse row. Indices are unique; their order is fixed by the producer, not always ascending.
struct SparseRow {
  const int32_t* index;
  const double* value;
  int64_t size;
};

PRETZEL_ENUM(ValueKind, uint8_t, kDense, kSparse, kCells);

/// `rows x width` values of one tile. Dense and cell rows are `stride` elements apart.
struct View {
  ValueKind kind;
  int32_t width;
  int64_t stride;
  double* dense;
  SparseRow* sparse;
  Cell* cells;

  double* row(int64_t r) const { return dense + r * stride; }
  const Cell& cell(int64_t r, int32_t c) const { return cells[r * stride + c]; }
};

}  // namespace pretzel
