#include "executor.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>
#include <type_traits>

namespace pretzel {
namespace {

double half_to_double(uint16_t h) {
  const uint32_t sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 31u, fraction = h & 1023u;
  float value;
  if (exponent == 0) {
    value = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -static_cast<double>(value) : static_cast<double>(value);
  }
  const uint32_t bits = sign | ((exponent == 31 ? 255u : exponent + 112u) << 23) | (fraction << 13);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <class T>
void load_column(const NumberColumn& column, int64_t first, int32_t rows, double* out, int64_t stride) {
  const char* p = column.data + first * column.stride;
  for (int32_t r = 0; r < rows; ++r, p += column.stride) {
    T value;
    std::memcpy(&value, p, sizeof value);
    out[r * stride] = static_cast<double>(value);
  }
}

void load_half(const NumberColumn& column, int64_t first, int32_t rows, double* out, int64_t stride) {
  const char* p = column.data + first * column.stride;
  for (int32_t r = 0; r < rows; ++r, p += column.stride) {
    uint16_t value;
    std::memcpy(&value, p, sizeof value);
    out[r * stride] = half_to_double(value);
  }
}

void load(const NumberColumn& column, int64_t first, int32_t rows, double* out, int64_t stride) {
  switch (column.type) {
    case ColumnType::kF64:
      return load_column<double>(column, first, rows, out, stride);
    case ColumnType::kF32:
      return load_column<float>(column, first, rows, out, stride);
    case ColumnType::kF16:
      return load_half(column, first, rows, out, stride);
    case ColumnType::kI64:
      return load_column<int64_t>(column, first, rows, out, stride);
    case ColumnType::kI32:
      return load_column<int32_t>(column, first, rows, out, stride);
    case ColumnType::kI16:
      return load_column<int16_t>(column, first, rows, out, stride);
    case ColumnType::kI8:
      return load_column<int8_t>(column, first, rows, out, stride);
    case ColumnType::kU64:
      return load_column<uint64_t>(column, first, rows, out, stride);
    case ColumnType::kU32:
      return load_column<uint32_t>(column, first, rows, out, stride);
    case ColumnType::kU16:
      return load_column<uint16_t>(column, first, rows, out, stride);
    case ColumnType::kU8:
    case ColumnType::kBool:
      return load_column<uint8_t>(column, first, rows, out, stride);
  }
}

int64_t csr_start(const CsrMatrix& m, int64_t row) { return m.indptr64 != nullptr ? m.indptr64[row] : m.indptr32[row]; }

void densify(const CsrMatrix& m, int64_t first, int32_t rows, const View& out) {
  for (int32_t r = 0; r < rows; ++r) {
    double* row = out.row(r);
    std::fill_n(row, out.width, 0.0);
    for (int64_t k = csr_start(m, first + r); k < csr_start(m, first + r + 1); ++k) {
      // += : scipy adds duplicate entries, too
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

/// Points or copies the rows of a leaf into its slot.
bool load_leaf(const LeafInput& leaf, int64_t base, int64_t first, int32_t rows, View& slot, Arena& arena) {
  if (slot.kind == ValueKind::kCells) {
    slot.cells = leaf.cells + (first - base) * slot.width;
    slot.stride = slot.width;
    return true;
  }
  if (slot.kind == ValueKind::kSparse) return sparse_rows(leaf, first, rows, slot, arena);
  if (leaf.form == LeafForm::kRows) {
    slot.dense = const_cast<double*>(leaf.rows) + first * leaf.row_stride;  // never written: inputs are read-only
    slot.stride = leaf.row_stride;
    return true;
  }
  slot.dense = arena.alloc_n<double>(static_cast<size_t>(rows) * slot.width);
  if (slot.dense == nullptr) return false;
  slot.stride = slot.width;
  if (leaf.form == LeafForm::kCsr) {
    densify(leaf.csr, first, rows, slot);
  } else {
    for (int32_t j = 0; j < slot.width; ++j) load(leaf.columns[j], first, rows, slot.dense + j, slot.stride);
  }
  return true;
}

/// Appends rows to a CSR matrix, indices ascending. Throws std::bad_alloc.
void append(const View& out, int32_t rows, CsrResult& csr) {
  std::vector<int32_t> order;
  for (int32_t r = 0; r < rows; ++r) {
    const SparseRow& row = out.sparse[r];
    order.resize(row.size);
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row.index[a] < row.index[b]; });
    for (int32_t k : order) {
      csr.indices.push_back(row.index[k]);
      csr.data.push_back(row.value[k]);
    }
    csr.indptr.push_back(static_cast<int64_t>(csr.indices.size()));
  }
}

bool emit(const View& out, int32_t rows, int64_t first, const Request& request) {
  if (out.kind == ValueKind::kDense) {
    for (int32_t r = 0; r < rows; ++r) {
      std::memcpy(request.result + (first + r) * out.width, out.row(r), sizeof(double) * out.width);
    }
    return true;
  }
  try {
    append(out, rows, *request.sparse_result);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

/// One tile: leaves, then every step.
Stop run_tile(const Program& program, const Request& request, int64_t first, int32_t rows, View* slots, View* inputs,
              double* const* buffers, Arena& arena) {
  const Stop no_memory{Status::kNoMemory, -1, first, -1};
  for (size_t i = 0; i < program.slots.size(); ++i) {
    const SlotSpec& spec = program.slots[i];
    View& slot = slots[i];
    slot = {spec.kind, spec.width, spec.width, nullptr, nullptr, nullptr};
    if (spec.kind == ValueKind::kSparse) {
      slot.sparse = arena.alloc_n<SparseRow>(rows);
      if (slot.sparse == nullptr) return no_memory;
    } else if (spec.buffer >= 0) {
      slot.dense = buffers[spec.buffer] + spec.offset;
      slot.stride = program.buffers[spec.buffer];
    }
  }
  for (size_t i = 0; i < program.leaves.size(); ++i) {
    if (!load_leaf(request.leaves[i], request.first, first, rows, slots[program.leaves[i].slot], arena))
      return no_memory;
  }
  if (program.writes_result) slots[program.output].dense = request.result + first * slots[program.output].width;
  for (size_t s = 0; s < program.steps.size(); ++s) {
    const Step& step = program.steps[s];
    for (size_t i = 0; i < step.inputs.size(); ++i) inputs[i] = slots[step.inputs[i]];
    View* out = step.output >= 0 ? &slots[step.output] : nullptr;
    Fault fault;
    const RunCall call{
        step.params.data(), step.state, inputs, static_cast<int32_t>(step.inputs.size()), out, rows, &arena, &fault};
    const Status status = step.kernel->run(call);
    if (status != Status::kOk) {
      return {status, static_cast<int32_t>(s), fault.row < 0 ? first : first + fault.row, fault.column};
    }
    if (request.tracer != nullptr && out != nullptr) {
      request.tracer->on_step(static_cast<int32_t>(s), *out, first, rows);
    }
  }
  if (!program.writes_result && !emit(slots[program.output], rows, first, request)) return no_memory;
  return {};
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

RecordingTracer::RecordingTracer(const Program& program, int64_t rows)
    : dense(program.steps.size()), sparse(program.steps.size()) {
  for (size_t s = 0; s < program.steps.size(); ++s) {
    const int32_t slot = program.steps[s].output;
    if (slot >= 0 && program.slots[slot].kind == ValueKind::kDense) dense[s].resize(rows * program.slots[slot].width);
  }
}

void RecordingTracer::on_step(int32_t step, const View& out, int64_t first_row, int32_t rows) {
  if (out.kind == ValueKind::kCells) return;  // texts are not kept: they belong to the caller
  if (out.kind == ValueKind::kSparse) return append(out, rows, sparse[step]);
  for (int32_t r = 0; r < rows; ++r) {
    std::memcpy(dense[step].data() + (first_row + r) * out.width, out.row(r), sizeof(double) * out.width);
  }
}

Stop run(const Program& program, const Request& request, Arena& arena) noexcept {
  const Stop no_memory{Status::kNoMemory, -1, 0, -1};
  const Arena::Mark start = arena.mark();
  const int32_t tile = static_cast<int32_t>(std::min<int64_t>(program.tile, std::max<int64_t>(request.rows, 1)));
  auto* slots = arena.alloc_n<View>(program.slots.size());
  auto* inputs = arena.alloc_n<View>(std::max<int32_t>(program.max_inputs, 1));
  auto** buffers = arena.alloc_n<double*>(program.buffers.size() + 1);
  if (slots == nullptr || inputs == nullptr || buffers == nullptr) return no_memory;
  for (size_t b = 0; b < program.buffers.size(); ++b) {
    buffers[b] = arena.alloc_n<double>(static_cast<size_t>(program.buffers[b]) * tile);
    if (buffers[b] == nullptr) return no_memory;
  }
  Stop stop;
  const int64_t end = request.first + request.rows;
  for (int64_t first = request.first; first < end; first += tile) {
    const Arena::Mark mark = arena.mark();
    const auto rows = static_cast<int32_t>(std::min<int64_t>(tile, end - first));
    stop = run_tile(program, request, first, rows, slots, inputs, buffers, arena);
    if (stop.status != Status::kOk) break;
    arena.release(mark);
  }
  arena.release(start);
  return stop;
}

}  // namespace pretzel
