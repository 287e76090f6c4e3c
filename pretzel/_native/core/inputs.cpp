#include "core/inputs.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

#include "core/cells.h"
#include "core/mix.h"

namespace pretzel {
namespace {

/// A float16.
struct Half {
  uint16_t bits;

  explicit operator double() const {
    const uint32_t sign = (bits & 0x8000u) << 16, exponent = (bits >> 10) & 31u, fraction = bits & 1023u;
    if (exponent == 0) return (sign != 0 ? -0x1p-24 : 0x1p-24) * fraction;  // subnormal
    return std::bit_cast<float>(sign | ((exponent == 31 ? 255u : exponent + 112u) << 23) | (fraction << 13));
  }
};

/// A whole number as float32 holds it.
template <class T>
struct AsFloat32 {
  T value;

  explicit operator double() const { return static_cast<double>(static_cast<float>(value)); }
};

template <class T>
void load_column(const NumberColumn& column, int64_t first, int32_t rows, double* out, int64_t stride) {
  const char* p = column.data + first * column.stride;
  for (int32_t r = 0; r < rows; ++r, p += column.stride) out[r * stride] = static_cast<double>(read<T>(p));
}

template <class T>
void load_row(const char* __restrict p, int32_t width, double* __restrict out) {
  for (int32_t j = 0; j < width; ++j) out[j] = static_cast<double>(read<T>(p + j * static_cast<int64_t>(sizeof(T))));
}

struct Loader {
  int64_t size;  // bytes of an element
  void (*column)(const NumberColumn&, int64_t, int32_t, double*, int64_t);
  void (*row)(const char*, int32_t, double*);
};

template <class T>
constexpr Loader kLoader{sizeof(T), load_column<T>, load_row<T>};

/// By the numbers of ColumnType.
constexpr Loader kLoaders[] = {kLoader<double>,
                               kLoader<float>,
                               kLoader<Half>,
                               kLoader<int64_t>,
                               kLoader<int32_t>,
                               kLoader<int16_t>,
                               kLoader<int8_t>,
                               kLoader<uint64_t>,
                               kLoader<uint32_t>,
                               kLoader<uint16_t>,
                               kLoader<uint8_t>,
                               kLoader<uint8_t>,
                               kLoader<AsFloat32<int64_t>>,
                               kLoader<AsFloat32<uint64_t>>};

const Loader& loader_of(const NumberColumn& column) { return kLoaders[static_cast<size_t>(column.type)]; }

void load(const NumberColumn& column, int64_t first, int32_t rows, double* out, int64_t stride) {
  loader_of(column).column(column, first, rows, out, stride);
}

/// Whether the columns are those of one array in which the elements of a row lie one behind the other.
bool side_by_side(const NumberColumn* columns, int32_t width) {
  const int64_t size = loader_of(columns[0]).size;
  for (int32_t j = 1; j < width; ++j) {
    const NumberColumn& column = columns[j];
    if (column.type != columns->type || column.stride != columns->stride || column.data != columns->data + j * size) {
      return false;
    }
  }
  return true;
}

void load(const NumberColumn* columns, int64_t first, int32_t rows, const View& slot) {
  if (slot.width > 1 && side_by_side(columns, slot.width)) {
    const auto load_row = loader_of(columns[0]).row;
    for (int32_t r = 0; r < rows; ++r) {
      load_row(columns->data + (first + r) * columns->stride, slot.width, slot.row(r));
    }
    return;
  }
  for (int32_t j = 0; j < slot.width; ++j) load(columns[j], first, rows, slot.dense + j, slot.stride);
}

int64_t csr_start(const CsrMatrix& m, int64_t row) { return m.indptr64 != nullptr ? m.indptr64[row] : m.indptr32[row]; }

void densify(const CsrMatrix& m, int64_t first, int32_t rows, const View& out) {
  for (int32_t r = 0; r < rows; ++r) {
    double* row = out.row(r);
    std::fill_n(row, out.width, 0.0);
    for (int64_t k = csr_start(m, first + r); k < csr_start(m, first + r + 1); ++k) {
      // += because SciPy adds duplicate entries
      row[m.indices64 != nullptr ? m.indices64[k] : m.indices32[k]] += m.data[k];
    }
  }
}

bool sparse_rows(const LeafInput& leaf, int64_t first, int32_t rows, const View& out, Arena& arena) {
  for (int32_t r = 0; r < rows; ++r) {
    if (leaf.form == LeafForm::kCsr) {
      const int64_t begin = csr_start(leaf.csr, first + r), size = csr_start(leaf.csr, first + r + 1) - begin;
      const int32_t* index = leaf.csr.indices32 != nullptr ? leaf.csr.indices32 + begin : nullptr;
      if (index == nullptr) {
        auto* copy = arena.alloc_n<int32_t>(size);
        if (copy == nullptr) return false;
        for (int64_t k = 0; k < size; ++k) copy[k] = static_cast<int32_t>(leaf.csr.indices64[begin + k]);
        index = copy;
      }
      out.sparse[r] = {index, leaf.csr.data + begin, size};
      continue;
    }
    auto* index = arena.alloc_n<int32_t>(out.width);
    auto* value = arena.alloc_n<double>(out.width);
    if (index == nullptr || value == nullptr) return false;
    int64_t size = 0;
    for (int32_t j = 0; j < out.width; ++j) {
      double x = 0.0;
      if (leaf.form == LeafForm::kRows) {
        x = leaf.rows[(first + r) * leaf.row_stride + j];
      } else {
        load(leaf.columns[j], first + r, 1, &x, 1);
      }
      if (x != 0.0) {  // NaN is kept
        index[size] = j;
        value[size++] = x;
      }
    }
    out.sparse[r] = {index, value, size};
  }
  return true;
}

template <class Offset>
void load_texts(const TextColumn& column, const Offset* offsets, int64_t first, int32_t rows, Cell* out,
                int32_t width) {
  for (int64_t at = column.start + first, end = at + rows; at < end; ++at, out += width) {
    if (column.valid != nullptr && (column.valid[at >> 3] >> (at & 7) & 1) == 0) {
      *out = {nullptr, 0.0, 0, column.missing, Encoding::kAscii, false};
      continue;
    }
    const uint8_t* text = column.data + offsets[at];
    const int64_t size = offsets[at + 1] - offsets[at];
    const Encoding encoding = is_ascii(text, size) ? Encoding::kAscii : Encoding::kUtf8;
    *out = {text, 0.0, size, CellKind::kText, encoding, false};
  }
}

void load_numbers(const NumberColumn& column, int64_t first, int32_t rows, Cell* out, int32_t width) {
  for (int32_t r = 0; r < rows; ++r, out += width) {
    double x;
    load(column, first + r, 1, &x, 1);
    const CellKind kind = x != x ? CellKind::kNaN : std::isinf(x) ? CellKind::kInfinite : CellKind::kNumber;
    *out = {nullptr, x, 0, kind, Encoding::kAscii, false};
  }
}

bool load_cells(const LeafInput& leaf, int64_t first, int32_t rows, View& slot, Arena& arena) {
  const int64_t from = first - leaf.cells_from;
  slot.stride = slot.width;
  if (leaf.form == LeafForm::kCells) {
    slot.cells = leaf.cells + from * slot.width;
    return true;
  }
  slot.cells = arena.alloc_n<Cell>(static_cast<size_t>(rows) * slot.width);
  if (slot.cells == nullptr) return false;
  for (int32_t j = 0; j < slot.width; ++j) {
    const CellColumn& column = leaf.cell_columns[j];
    Cell* out = slot.cells + j;
    if (column.form == CellColumn::Form::kCells) {
      for (int32_t r = 0; r < rows; ++r) out[int64_t{r} * slot.width] = column.cells[from + r];
    } else if (column.form == CellColumn::Form::kNumbers) {
      load_numbers(column.numbers, first, rows, out, slot.width);
    } else if (column.texts.offsets64 != nullptr) {
      load_texts(column.texts, column.texts.offsets64, first, rows, out, slot.width);
    } else {
      load_texts(column.texts, column.texts.offsets32, first, rows, out, slot.width);
    }
  }
  return true;
}

int64_t text_start(const TextColumn& column, int64_t row) {
  const int64_t at = column.start + row;
  return column.offsets64 != nullptr ? column.offsets64[at] : column.offsets32[at];
}

template <class Index>
bool all_below(const Index* index, int64_t n, int64_t width) {
  std::make_unsigned_t<Index> largest = 0;
  for (int64_t k = 0; k < n; ++k) largest = std::max(largest, static_cast<std::make_unsigned_t<Index>>(index[k]));
  return n == 0 || static_cast<uint64_t>(largest) < static_cast<uint64_t>(width);  // a negative one is very large
}

}  // namespace

bool fits(const CsrMatrix& matrix, int64_t rows, int64_t nnz, int64_t width) noexcept {
  if (rows < 0 || csr_start(matrix, 0) < 0 || csr_start(matrix, rows) > nnz) return false;
  for (int64_t r = 0; r < rows; ++r) {
    if (csr_start(matrix, r) > csr_start(matrix, r + 1)) return false;
  }
  const int64_t used = csr_start(matrix, rows);
  return matrix.indices64 != nullptr ? all_below(matrix.indices64, used, width)
                                     : all_below(matrix.indices32, used, width);
}

int64_t text_units(const TextColumn& column, int64_t first, int64_t rows) noexcept {
  return text_start(column, first + rows) - text_start(column, first);
}

bool is_ascii(const TextColumn& column, int64_t first, int64_t rows) noexcept {
  return is_ascii(column.data + text_start(column, first), text_units(column, first, rows));
}

bool load_leaf(const LeafInput& leaf, int64_t first, int32_t rows, View& slot, Arena& arena) noexcept {
  if (slot.kind == ValueKind::kCells) return load_cells(leaf, first, rows, slot, arena);
  if (slot.kind == ValueKind::kSparse) return sparse_rows(leaf, first, rows, slot, arena);
  slot.dense = arena.alloc_n<double>(static_cast<size_t>(rows) * slot.width);
  if (slot.dense == nullptr) return false;
  slot.stride = slot.width;
  if (leaf.form == LeafForm::kCsr) {
    densify(leaf.csr, first, rows, slot);
  } else {
    load(leaf.columns, first, rows, slot);
  }
  return true;
}

}  // namespace pretzel
