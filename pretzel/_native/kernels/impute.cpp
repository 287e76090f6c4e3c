// impute: fill[j] where x[j] is the missing value.        params: fill float64[width], missing float64
// missing_mask: 1 where a column holds the missing value.  params: columns int32[n], missing float64, refuse_new
// uint8[1] impute_cells: constants in place of missing cells.
//   params: columns int32[n], packed constants[n] (5 arrays, see cells.h), packed missing (5 arrays), refuse_nan
//   uint8[1]
#include "core/cells.h"
#include "core/kernel.h"

namespace pretzel {
namespace {

bool is_missing(double x, double missing) { return x == missing || (x != x && missing != missing); }

Status run_impute(const RunCall& call) noexcept {
  const double* fill = call.params[0].as<double>();
  const double missing = call.params[1].scalar<double>();
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* x = in.row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < in.width; ++j) out[j] = is_missing(x[j], missing) ? fill[j] : x[j];
  }
  return Status::kOk;
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

Status run_missing_mask(const RunCall& call) noexcept {
  const int32_t* columns = call.params[0].as<int32_t>();
  const int64_t n = call.params[0].size;
  const double missing = call.params[1].scalar<double>();
  const bool refuse_new = call.params[2].scalar<uint8_t>() != 0;
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* x = in.row(r);
    if (refuse_new) {
      const int32_t column = new_missing(x, in.width, columns, n, missing);
      if (column >= 0) {
        call.error->row = r;
        call.error->column = column;
        return Status::kNotANumber;
      }
    }
    double* out = call.out->row(r);
    for (int64_t i = 0; i < n; ++i) out[i] = is_missing(x[columns[i]], missing) ? 1.0 : 0.0;
  }
  return Status::kOk;
}

Status bind_cells(const BindCall& call) {
  if (call.n_params != 12 || call.params[0].dtype != DType::kInt32 || call.params[1].size != call.params[0].size ||
      !PackedCells::valid(call.params + 1) || !PackedCells::valid(call.params + 6)) {
    call.error->what = "impute_cells: constants do not fit the columns";
    return Status::kBadParameter;
  }
  return Status::kOk;
}

Status run_cells(const RunCall& call) noexcept {
  const int32_t* columns = call.params[0].as<int32_t>();
  const auto n = static_cast<int32_t>(call.params[0].size);
  const PackedCells fill(call.params + 1), missing(call.params + 6);
  const bool refuse_nan = call.params[11].scalar<uint8_t>() != 0;
  const View& in = call.in[0];
  auto* out = call.arena->alloc_n<Cell>(static_cast<size_t>(call.rows) * n);
  if (out == nullptr) return Status::kNoMemory;
  call.out->cells = out;
  call.out->stride = n;
  const Arena::Mark mark = call.arena->mark();
  TextScratch scratch(call.arena);
  for (int32_t r = 0; r < call.rows; ++r, out += n) {
    for (int32_t j = 0; refuse_nan && j < in.width; ++j) {
      if (!is_nan(in.cell(r, j))) continue;
      call.error->row = r;
      call.error->column = j;
      return Status::kNotANumber;
    }
    for (int32_t j = 0; j < n; ++j) {
      const Cell& cell = in.cell(r, columns[j]);
      out[j] = is_one_of(cell, missing, scratch) ? fill.cell(j) : cell;
    }
  }
  call.arena->release(mark);
  return Status::kOk;
}

Cost cost_impute(const CostCall& call) { return Cost{}.rows({{"call", 2.0}, {"columns", 0.4 * call.in_width}}); }

Cost cost_mask(const CostCall& call) {
  const bool refuse_new = call.params[2].scalar<uint8_t>() != 0;
  return Cost{}.rows(
      {{"call", 2.0}, {"columns", 1.0 * call.out_width}, {"checked_columns", refuse_new ? 1.0 * call.in_width : 0.0}});
}

Cost cost_cells(const CostCall& call) {
  const bool refuse_nan = call.params[11].scalar<uint8_t>() != 0;
  return Cost{}
      .rows({{"call", 5.0},
             {"columns", 4.0 * call.out_width},
             {"checked_columns", refuse_nan ? 1.0 * call.in_width : 0.0}})
      .produces_nnz(1.0, 0.0)
      .scratch(64.0 + static_cast<double>(sizeof(Cell)) * call.out_width, 4.0);
}

}  // namespace
PRETZEL_KERNEL(impute, nullptr, run_impute, cost_impute, kAllParams)
PRETZEL_KERNEL(missing_mask, nullptr, run_missing_mask, cost_mask, kAllParams)
PRETZEL_KERNEL(impute_cells, bind_cells, run_cells, cost_cells, kAllParams)
}  // namespace pretzel
