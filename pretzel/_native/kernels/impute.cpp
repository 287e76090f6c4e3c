// impute: fill[j] where x[j] is the missing value.
// zero_to_nan: NaN where x is zero, or as small as LightGBM takes for zero.
// missing_mask: 1 where one of the columns holds the missing value, else 0.
// impute_cells: some columns of cells, with a constant in place of each missing one; blank texts may be missing, too.
#include <algorithm>
#include <limits>

#include "core/cells.h"
#include "core/rows.h"

namespace pretzel {
namespace {

bool is_missing(double x, double missing) { return x == missing || (x != x && missing != missing); }

Status run_impute(const RunCall& call) noexcept {
  const double* fill = call.params[0].as<double>();
  const double missing = call.params[1].scalar<double>();
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t j = 0; j < width; ++j) out[j] = is_missing(in[j], missing) ? fill[j] : in[j];
  });
}

/// First column outside the ascending `columns` that holds `missing`, or -1.
int32_t new_missing(const double* x, int32_t width, const int32_t* columns, int64_t n, double missing) {
  int64_t known = 0;
  for (int32_t j = 0; j < width; ++j) {
    if (known < n && columns[known] == j) {
      ++known;
    } else if (is_missing(x[j], missing)) {
      return j;
    }
  }
  return -1;
}

constexpr Param kImpute[] = {{"fill", f64, "width"}, {"missing", f64, ""}};
constexpr Param kMask[] = {
    {"columns", i32, "n_columns", kHoldsIndices, "", "width"}, {"missing", f64, ""}, {"reject_new", u8, ""}};
constexpr int kMaskColumns = index_of(kMask, "columns"), kMaskMissing = index_of(kMask, "missing"),
              kRejectNew = index_of(kMask, "reject_new");
constexpr Param kCellParams[] = {{"columns", i32, "n_columns", kHoldsIndices, "", "width"},
                                 PRETZEL_PACKED_CELLS("fill_", "n_columns", 0),
                                 PRETZEL_PACKED_CELLS("missing_", "n_missing", 0),
                                 {"reject_nan", u8, ""},
                                 {"na", u8, ""},
                                 {"blanks", i32, "n_blanks"},
                                 {"texts", u8, ""},
                                 {"spared", u8, "n_columns"}};
constexpr int kCellColumns = index_of(kCellParams, "columns"), kFill = index_of(kCellParams, "fill_kinds"),
              kMissing = index_of(kCellParams, "missing_kinds"), kRejectNan = index_of(kCellParams, "reject_nan"),
              kNa = index_of(kCellParams, "na"), kBlanks = index_of(kCellParams, "blanks"),
              kTexts = index_of(kCellParams, "texts"), kSpared = index_of(kCellParams, "spared");

Status run_missing_mask(const RunCall& call) noexcept {
  const int32_t* columns = call.params[kMaskColumns].as<int32_t>();
  const int64_t n = call.params[kMaskColumns].size;
  const double missing = call.params[kMaskMissing].scalar<double>();
  const bool reject_new = call.params[kRejectNew].scalar<uint8_t>() != 0;
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* x = in.row(r);
    if (reject_new) {
      const int32_t column = new_missing(x, in.width, columns, n, missing);
      if (column >= 0) return call.reject(Status::kNotANumber, r, column);
    }
    double* out = call.out->row(r);
    for (int64_t i = 0; i < n; ++i) out[i] = is_missing(x[columns[i]], missing) ? 1.0 : 0.0;
  }
  return Status::kOk;
}

const char* check_constants(const Array* params) {
  const char* wrong = PackedCells::check(params + kFill);
  return wrong != nullptr ? wrong : PackedCells::check(params + kMissing);
}

const char* bind_cells(const BindCall& call) { return check_constants(call.params); }
const char* check_cells(const LoadCall& call) { return check_constants(call.params.data()); }

template <class Unit>
bool are_all(const Unit* units, int64_t size, const int32_t* known, int64_t n) {
  for (int64_t i = 0; i < size; ++i) {
    if (std::find(known, known + n, static_cast<int32_t>(units[i])) == known + n) return false;
  }
  return true;
}

/// The same of UTF-8; what is malformed is not blank.
bool are_all_utf8(const uint8_t* units, int64_t size, const int32_t* known, int64_t n) {
  for (int64_t i = 0; i < size;) {
    const int64_t length = units[i] < 0x80 ? 1 : units[i] < 0xe0 ? 2 : units[i] < 0xf0 ? 3 : 4;
    uint32_t point = 0;
    if (i + length > size || decode_utf8(units + i, length, &point) != 1) return false;
    if (!are_all(&point, 1, known, n)) return false;
    i += length;
  }
  return true;
}

/// Whether a cell is a text of nothing but these characters; none are given where no text is missing for its blanks.
bool is_blank(const Cell& cell, const Array& blanks) {
  const auto* known = blanks.as<int32_t>();
  const int64_t n = blanks.size;
  if (n == 0 || cell.kind != CellKind::kText) return false;
  if (cell.encoding == Encoding::kUcs2) return are_all(static_cast<const uint16_t*>(cell.text), cell.size, known, n);
  if (cell.encoding == Encoding::kUcs4) return are_all(static_cast<const uint32_t*>(cell.text), cell.size, known, n);
  const auto* bytes = static_cast<const uint8_t*>(cell.text);
  return cell.encoding == Encoding::kUtf8 ? are_all_utf8(bytes, cell.size, known, n)
                                          : are_all(bytes, cell.size, known, n);
}

Status run_cells(const RunCall& call) noexcept {
  const int32_t* columns = call.params[kCellColumns].as<int32_t>();
  const auto n = static_cast<int32_t>(call.params[kCellColumns].size);
  const PackedCells fill(call.params + kFill), missing(call.params + kMissing);
  const bool reject_nan = call.params[kRejectNan].scalar<uint8_t>() != 0;
  const bool na = call.params[kNa].scalar<uint8_t>() != 0, texts = call.params[kTexts].scalar<uint8_t>() != 0;
  const Array& blanks = call.params[kBlanks];
  const auto* spared = call.params[kSpared].as<uint8_t>();
  const View& in = call.in[0];
  auto* out = call.arena->alloc_n<Cell>(static_cast<size_t>(call.rows) * n);
  if (out == nullptr) return Status::kNoMemory;
  call.out->cells = out;
  call.out->stride = n;
  const Arena::Mark mark = call.arena->mark();
  TextScratch scratch(call.arena);
  for (int32_t r = 0; r < call.rows; ++r, out += n) {
    for (int32_t j = 0; !na && j < in.width; ++j) {
      const Cell& cell = in.cell(r, j);
      if (cell.kind == CellKind::kNA) return call.reject(Status::kPandasNA, r, j);
      if (reject_nan && is_nan_or_nat(cell)) return call.reject(Status::kNotANumber, r, j);
    }
    for (int32_t j = 0; j < n; ++j) {
      const Cell& cell = in.cell(r, columns[j]);
      const bool is_spared = cell.kind == CellKind::kText && spared[j] != 0;
      const bool is_missing =
          cell.kind == CellKind::kNA || (!is_spared && (is_blank(cell, blanks) || is_one_of(cell, missing, scratch)));
      if (texts && !is_missing && cell.kind != CellKind::kText) return call.reject(Status::kWrongType, r, columns[j]);
      out[j] = is_missing ? fill.cell(j) : cell;
      if (out[j].kind == CellKind::kInfinite) out[j].kind = CellKind::kNumber;  // the source makes objects of numbers
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

Status run_zero_to_nan(const RunCall& call) noexcept {
  constexpr double kTiny = 1.0000000180025095e-35;  // float32 1e-35
  return each_value(call,
                    [](double x) { return x <= kTiny && x >= -kTiny ? std::numeric_limits<double>::quiet_NaN() : x; });
}

Cost cost_impute(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"columns", 0.4 * call.in_width}}); }

Cost cost_mask(const CostCall& call) {
  const bool reject_new = call.params[kRejectNew].scalar<uint8_t>() != 0;
  return Cost{}.rows(
      {{"call", 2.0}, {"columns", 1.0 * call.out_width}, {"checked_columns", reject_new ? 1.0 * call.in_width : 0.0}});
}

Cost cost_cells(const CostCall& call) {
  const bool na = call.params[kNa].scalar<uint8_t>() != 0;
  const double known =
      static_cast<double>(std::max<int64_t>(call.params[kMissing].size - 2, 0));  // beside None and NaN
  return Cost{}
      .rows({{"call", 5.0},
             {"columns", (4.0 + known) * call.out_width},
             {"checked_columns", na ? 0.0 : 1.0 * call.in_width}})
      .produces_nnz(1.0, 0.0)
      .scratch(64.0 + static_cast<double>(sizeof(Cell)) * call.out_width, 4.0);
}

}  // namespace
PRETZEL_KERNEL(zero_to_nan, .run = run_zero_to_nan, .cost = cost_impute)
PRETZEL_KERNEL(impute, .params = kImpute, .run = run_impute, .cost = cost_impute)
PRETZEL_KERNEL(missing_mask, .params = kMask, .out = {kDense, "n_columns"}, .run = run_missing_mask, .cost = cost_mask)
PRETZEL_KERNEL(impute_cells, .params = kCellParams, .in = {kCells, "width"}, .out = {kCells, "n_columns"},
               .bind = bind_cells, .check = check_cells, .run = run_cells, .cost = cost_cells)
}  // namespace pretzel
