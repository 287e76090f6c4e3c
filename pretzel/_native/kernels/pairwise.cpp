// pairwise: a function of the product, or of the distance, of a dense row and each reference row.
// sparse_pairwise: the same for references that are mostly zeros, which are kept column by column.
// product: inputs multiplied in order.
//
// Order of sums. Column after column for each reference, vectorised across references, so that neither the number of
// rows nor the width of a register shows in the bits. For `pairwise`, `bind` lays the references out in blocks of 32,
// column by column, and pads the last block with zeros. A sum over entries goes in their order; the square of a
// distance is then |x|^2 - 2 x.y + |y|^2.
#include <cmath>
#include <cstring>

#include "core/kernel.h"
#include "core/vmath.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(Function, uint8_t, kDot, kPolynomial, kSigmoid, kRbf, kLaplacian, kMatern1, kMatern3, kMatern5,
             kRationalQuadratic, kPeriodic);

constexpr int32_t kBlock = 32;                       // references that lie side by side
constexpr int kVectors = 4;                          // of references, whose sums run side by side
constexpr int32_t kChunk = kVectors * kNativeLanes;  // references of a register block
constexpr int kRows = kNativeLanes == 8 ? 4 : 2;     // rows of it, as far as there are registers
static_assert(kBlock % kChunk == 0);

int64_t padded(int64_t references) { return (references + kBlock - 1) / kBlock * kBlock; }

constexpr Param kParams[] = {{"references", f64, "n_references width", kBindOnly},
                             {.name = "function", .dtype = u8, .choices = kFunctionNames},
                             {"gamma", f64, ""},
                             {"coef0", f64, ""},
                             {"degree", i32, ""}};
constexpr Param kSparseParams[] = {{"starts", i32, "width+1", kHoldsOffsets, "", "total"},
                                   {"places", i32, "total", kHoldsIndices, "", "n_references"},
                                   {"values", f64, "total"},
                                   {"norms", f64, "n_references"},
                                   {.name = "function", .dtype = u8, .choices = kFunctionNames},
                                   {"gamma", f64, ""},
                                   {"coef0", f64, ""},
                                   {"degree", i32, ""}};

/// What is done with each product or distance.
struct Settings {
  Function function;
  double gamma, coef0;
  int32_t degree;

  explicit Settings(const Array* params)
      : function(params[0].scalar<Function>()),
        gamma(params[1].scalar<double>()),
        coef0(params[2].scalar<double>()),
        degree(params[3].scalar<int32_t>()) {}
};

/// base^exponent by repeated squares, as libsvm does.
f64xn power(f64xn base, int32_t exponent) {
  f64xn found = f64xn{} + 1.0;
  for (; exponent > 0; exponent /= 2, base *= base) {
    if (exponent % 2 == 1) found *= base;
  }
  return found;
}

f64x8 root(f64x8 x) {
  f64x8 found;
  for (int i = 0; i < 8; ++i) found[i] = std::sqrt(x[i]);
  return found;
}

f64x8 log1p8(f64x8 x) {
  f64x8 found;
  for (int i = 0; i < 8; ++i) found[i] = std::log1p(x[i]);
  return found;
}

/// Products and distances of a row to what the function makes of them.
void finish(const Settings& given, double* out, int32_t n) {
  const double gamma = given.gamma, coef0 = given.coef0;
  const int32_t degree = given.degree;
  switch (given.function) {
    case Function::kDot:
      return;
    case Function::kPolynomial:
      return each_register(n, [=](int32_t j, const auto& lanes) {
        lanes.store(out + j, power(gamma * lanes.load(out + j) + coef0, degree));
      });
    case Function::kSigmoid:
      return map_row(out, out, n, [=](f64x8 x) { return vtanh(gamma * x + coef0); });
    case Function::kRbf:
    case Function::kLaplacian:
      return exp_row(out, out, n, -gamma);
    case Function::kMatern1:
      return map_row(out, out, n, [=](f64x8 x) { return vexp(-root(x)); });
    case Function::kMatern3:
      return map_row(out, out, n, [=](f64x8 x) {
        const f64x8 scaled = root(x) * std::sqrt(3.0);
        return (1.0 + scaled) * vexp(-scaled);
      });
    case Function::kMatern5:
      return map_row(out, out, n, [=](f64x8 x) {
        const f64x8 scaled = root(x) * std::sqrt(5.0);
        return (1.0 + scaled + scaled * scaled / 3.0) * vexp(-scaled);
      });
    case Function::kRationalQuadratic:
      return map_row(out, out, n, [=](f64x8 x) { return vexp(-coef0 * log1p8((1.0 + gamma * x) - 1.0)); });
    case Function::kPeriodic:
      return map_row(out, out, n, [=](f64x8 x) {
        const f64x8 wave = vsin(gamma * root(x)) / coef0;
        return vexp(-2.0 * (wave * wave));
      });
  }
}

struct Product {
  static f64xn add(f64xn sum, f64xn x, f64xn reference) { return sum + x * reference; }
};
struct SquaredDifference {
  static f64xn add(f64xn sum, f64xn x, f64xn reference) {
    const f64xn difference = x - reference;
    return sum + difference * difference;
  }
};
struct AbsoluteDifference {
  static f64xn add(f64xn sum, f64xn x, f64xn reference) {
    const f64xn difference = x - reference;
    return sum + (difference < 0.0 ? -difference : difference);
  }
};

/// R rows and the references of a register block, of which the first n exist.
template <class Term, int R>
void block(const double* const* x, int32_t width, const double* references, double* const* out, int32_t n) {
  f64xn sum[R][kVectors] = {};
  for (int32_t k = 0; k < width; ++k, references += kBlock) {
    f64xn reference[kVectors];
    for (int v = 0; v < kVectors; ++v) reference[v] = loadn(references + v * kNativeLanes);
    for (int r = 0; r < R; ++r) {
      const f64xn value = x[r][k] - f64xn{};
      for (int v = 0; v < kVectors; ++v) sum[r][v] = Term::add(sum[r][v], value, reference[v]);
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      double* to = out[r] + v * kNativeLanes;
      if (n >= (v + 1) * kNativeLanes) {
        std::memcpy(to, &sum[r][v], sizeof sum[r][v]);
      } else {
        FirstLanes(n - v * kNativeLanes).store(to, sum[r][v]);
      }
    }
  }
}

template <class Term>
void sums(const RunCall& call) {
  const View& in = call.in[0];
  const int32_t width = in.width, count = call.out->width;
  const auto* state = reinterpret_cast<const double*>(call.state);
  for (int32_t j = 0; j < count; j += kChunk) {
    const double* references = state + static_cast<int64_t>(j / kBlock) * kBlock * width + j % kBlock;
    for (int32_t r = 0; r < call.rows; r += kRows) {
      const double* x[kRows];
      double* out[kRows];
      const int32_t rows = call.rows - r < kRows ? call.rows - r : kRows;
      for (int32_t i = 0; i < rows; ++i) {
        x[i] = in.row(r + i);
        out[i] = call.out->row(r + i) + j;
      }
      if (rows == kRows) {
        block<Term, kRows>(x, width, references, out, count - j);
      } else {
        for (int32_t i = 0; i < rows; ++i) block<Term, 1>(x + i, width, references, out + i, count - j);
      }
    }
  }
}

Status run(const RunCall& call) noexcept {
  const Settings settings(call.params + index_of(kParams, "function"));
  switch (settings.function) {
    case Function::kDot:
    case Function::kPolynomial:
    case Function::kSigmoid:
      sums<Product>(call);
      break;
    case Function::kLaplacian:
      sums<AbsoluteDifference>(call);
      break;
    default:
      sums<SquaredDifference>(call);
  }
  for (int32_t r = 0; r < call.rows; ++r) finish(settings, call.out->row(r), call.out->width);
  return Status::kOk;
}

const char* bind(const BindCall& call) {
  const Array& given = call.params[index_of(kParams, "references")];
  const int64_t count = given.shape[0], width = given.shape[1];
  call.state->assign(static_cast<size_t>(padded(count) * width) * sizeof(double), 0);
  auto* to = reinterpret_cast<double*>(call.state->data());
  for (int64_t j = 0; j < count; ++j) {
    double* block = to + j / kBlock * kBlock * width + j % kBlock;
    for (int64_t k = 0; k < width; ++k) block[k * kBlock] = given.as<double>()[j * width + k];
  }
  return nullptr;
}

const char* check(const LoadCall& call) {
  constexpr int64_t kBytes = sizeof(double);
  const int64_t numbers = padded(call.out->width) * call.in[0].width;
  const bool fits = call.state_bytes % kBytes == 0 && call.state_bytes / kBytes == numbers;
  return fits ? nullptr : "has references of other widths";
}

/// Adds the products of one value with a column of the references.
struct Column {
  const int32_t *starts, *places;
  const double* values;

  void add(int32_t column, double value, double* __restrict out) const {
    for (int32_t i = starts[column]; i < starts[column + 1]; ++i) out[places[i]] += value * values[i];
  }
};

Status run_sparse(const RunCall& call) noexcept {
  const Column columns{call.params[index_of(kSparseParams, "starts")].as<int32_t>(),
                       call.params[index_of(kSparseParams, "places")].as<int32_t>(),
                       call.params[index_of(kSparseParams, "values")].as<double>()};
  const auto* norms = call.params[index_of(kSparseParams, "norms")].as<double>();
  const Settings settings(call.params + index_of(kSparseParams, "function"));
  const View& in = call.in[0];
  const int32_t count = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    double norm = 0.0;
    const auto take = [&](int32_t column, double value) {
      norm += value * value;
      columns.add(column, value, out);
    };
    for (int32_t j = 0; j < count; ++j) out[j] = 0.0;
    if (in.kind == ValueKind::kSparse) {
      const SparseRow& row = in.sparse[r];
      for (int64_t i = 0; i < row.size; ++i) take(row.index[i], row.value[i]);
    } else {
      const double* row = in.row(r);
      for (int32_t k = 0; k < in.width; ++k) {
        if (row[k] != 0.0) take(k, row[k]);
      }
    }
    if (settings.function == Function::kRbf) {
      for (int32_t j = 0; j < count; ++j) {
        const double sum = -2.0 * out[j] + norm + norms[j];
        out[j] = sum < 0.0 ? 0.0 : sum;
      }
    }
    finish(settings, out, count);
  }
  return Status::kOk;
}

const char* check_sparse(const LoadCall& call) {
  const auto function = call.params[index_of(kSparseParams, "function")].scalar<Function>();
  return function <= Function::kRbf ? nullptr : "has a function that sparse references do not have";
}

Status run_product(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* out = call.out->row(r);
    for (int32_t j = 0; j < width; ++j) {
      double product = call.in[0].row(r)[j];
      for (int32_t i = 1; i < call.n_in; ++i) product *= call.in[i].row(r)[j];
      out[j] = product;
    }
  }
  return Status::kOk;
}

/// Nanoseconds that a function takes for eight references.
double time_of(Function function) {
  switch (function) {
    case Function::kDot:
      return 0.0;
    case Function::kPolynomial:
      return 4.0;
    case Function::kSigmoid:
      return 14.0;
    case Function::kRationalQuadratic:
      return 70.0;
    case Function::kPeriodic:
      return 40.0;
    default:
      return 12.0;
  }
}

Cost cost(const CostCall& call) {
  const double count = call.out_width, vectors = std::ceil(count / 8.0);
  const double products = 0.012 * static_cast<double>(call.state_bytes);
  const double functions = vectors * time_of(call.params[index_of(kParams, "function")].scalar<Function>());
  return Cost{}
      .rows({{"call", 8.0}, {"references", 0.3 * count}, {"products", products}, {"functions", functions}})
      .first_row({{"call", 15.0}, {"references", 0.3 * count}, {"products", 2.0 * products}, {"functions", functions}});
}

Cost cost_sparse(const CostCall& call) {
  const double count = call.out_width, entries = static_cast<double>(call.params[2].size);
  const double each = entries / (call.in_width > 0 ? call.in_width : 1);  // of a column
  const double misses = doublings(12.0 * entries, 1e6);
  const double functions =
      std::ceil(count / 8.0) * time_of(call.params[index_of(kSparseParams, "function")].scalar<Function>());
  if (call.sparse_in) {
    return Cost{}
        .rows({{"sparse_call", 10.0}, {"references", 1.0 * count}, {"functions", functions}})
        .payload({{"products", 2.0 + 1.0 * each}, {"misses", 0.5 * misses}});
  }
  return Cost{}.rows({{"call", 10.0},
                      {"references", 1.0 * count},
                      {"functions", functions},
                      {"columns", 1.0 * call.in_width},
                      {"dense_products", 1.0 * entries}});
}

Cost cost_product(const CostCall& call) {
  return Cost{}.rows({{"call", 2.0}, {"inputs", 0.5 * call.in_width}, {"outputs", 0.5 * call.out_width}});
}

}  // namespace
PRETZEL_KERNEL(product, .run = run_product, .cost = cost_product)
PRETZEL_KERNEL(pairwise, .params = kParams, .out = {kDense, "n_references"}, .bind = bind, .check = check,
               .check_state = check, .run = run, .cost = cost, .flags = kHasState)
PRETZEL_KERNEL(sparse_pairwise, .params = kSparseParams, .in = {kDense | kSparse, "width"},
               .out = {kDense, "n_references"}, .check = check_sparse, .run = run_sparse, .cost = cost_sparse)
}  // namespace pretzel
