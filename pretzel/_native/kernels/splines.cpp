// splines: the values of the B-splines of each column, by the recursion of de Boor and Cox in the order of SciPy. A
// column has n_knots - degree - 1 of them, whose coefficients are 1; periodic ones have degree fewer, because the last
// are the first again.
//
// Beyond the inner knots, from `degree` to `degree` before the last, values are those at the border (constant), on its
// tangent (linear), those of the polynomials there (continue), rejected (error), or those of the period (periodic).
#include <cmath>

#include "core/kernel.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(Beyond, uint8_t, kConstant, kLinear, kContinue, kError, kPeriodic);

constexpr int32_t kMostDegree = 30;

constexpr Param kParams[] = {{"knots", f64, "width n_knots"},
                             {"degree", i32, ""},
                             {.name = "beyond", .dtype = u8, .choices = kBeyondNames},
                             {"borders", f64, "width n_borders"},  // values and slopes at the first and last inner knot
                             {"kept", i32, ""}};                   // splines of each column that are part of the result
constexpr int kKnots = index_of(kParams, "knots"), kDegree = index_of(kParams, "degree"),
              kBeyond = index_of(kParams, "beyond"), kBorders = index_of(kParams, "borders"),
              kKept = index_of(kParams, "kept");

int64_t count_of(const Array* params) {
  const int64_t degree = params[kDegree].scalar<int32_t>();
  const bool periodic = params[kBeyond].scalar<Beyond>() == Beyond::kPeriodic;
  return params[kKnots].shape[1] - degree - 1 - (periodic ? degree : 0);
}

const char* check(const LoadCall& call) {
  const Array* params = call.params.data();
  const int64_t degree = params[kDegree].scalar<int32_t>(), kept = params[kKept].scalar<int32_t>();
  if (degree < 0 || degree > kMostDegree) return "has a degree out of range";
  if (params[kKnots].shape[1] < 2 * degree + 2 || count_of(params) < 1) return "has too few knots";
  if (kept < 1 || kept > count_of(params)) return "keeps another number of splines than there are";
  if (call.out->width != kept * call.in[0].width) return "writes another number of splines";
  return params[kBorders].shape[1] == 4 * count_of(params) ? nullptr : "has borders of other splines";
}

double remainder(double x, double divisor) {  // of the sign of the divisor, which is positive
  const double rest = std::fmod(x, divisor);
  return rest < 0.0 ? rest + divisor : rest;
}

struct Column {
  const double* knots;
  int64_t n_inner;  // number of the last inner knot
  int32_t degree;
  Beyond beyond;
  const double* borders;
  int64_t count;  // splines
  int64_t kept;

  void add_values(double x, double* out) const {
    double h[kMostDegree + 1], before[kMostDegree + 1];
    int64_t at = degree;
    while (at != n_inner - 1 && x >= knots[at + 1]) ++at;
    h[0] = 1.0;
    for (int32_t j = 1; j <= degree; ++j) {
      for (int32_t i = 0; i < j; ++i) before[i] = h[i];
      h[0] = 0.0;
      for (int32_t i = 1; i <= j; ++i) {
        const double high = knots[at + i], low = knots[at + i - j];
        if (high == low) {
          h[i] = 0.0;
          continue;
        }
        const double weight = before[i - 1] / (high - low);
        h[i - 1] += weight * (high - x);
        h[i] = weight * (x - low);
      }
    }
    double zero = 0.0;
    for (int32_t i = 0; i <= degree; ++i) zero += 0.0 * h[i];
    if (zero != 0.0) return put_products(at - degree, h, out);
    for (int32_t i = 0; i <= degree; ++i) {
      const int64_t spline = number(at - degree + i);
      if (spline < kept) out[spline] += h[i];
    }
  }

  int64_t number(int64_t spline) const { return spline >= count ? spline - count : spline; }

  /// Values that are infinite, or no numbers, times all coefficients, of which most are 0.
  void put_products(int64_t start, const double* h, double* out) const {
    for (int64_t k = 0; k < kept; ++k) {
      for (int32_t i = 0; i <= degree; ++i) out[k] += (number(start + i) == k ? 1.0 : 0.0) * h[i];
    }
  }

  /// The splines from `begin` to `end` beyond a border, where the others are zero.
  void put_beyond(double distance, const double* values, int64_t begin, int64_t end, double* out) const {
    const double* slopes = values + count;
    for (int64_t i = begin; i < (end < kept ? end : kept); ++i) {
      out[i] = beyond == Beyond::kLinear ? values[i] + distance * slopes[i] : values[i];
    }
  }

  bool put(double x, double* out) const {
    const double first = knots[degree], last = knots[n_inner];
    for (int64_t i = 0; i < kept; ++i) out[i] = 0.0;
    if (x != x) return true;
    if (beyond == Beyond::kPeriodic) {
      add_values(first + remainder(x - first, last - first), out);
    } else if ((x >= first && x <= last) || beyond == Beyond::kContinue) {
      add_values(x, out);
    } else if (beyond == Beyond::kError) {
      return false;
    } else if (x < first) {
      put_beyond(x - first, borders, 0, degree, out);
    } else {
      put_beyond(x - last, borders + 2 * count, count - degree, count, out);
    }
    return true;
  }
};

Status run(const RunCall& call) noexcept {
  const int64_t n_knots = call.params[kKnots].shape[1], count = count_of(call.params);
  const auto degree = call.params[kDegree].scalar<int32_t>();
  const auto beyond = call.params[kBeyond].scalar<Beyond>();
  const int64_t kept = call.params[kKept].scalar<int32_t>();
  for (int32_t r = 0; r < call.rows; ++r) {
    const double* in = call.in[0].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < call.in[0].width; ++j, out += kept) {
      const double* knots = call.params[kKnots].as<double>() + j * n_knots;
      const double* borders = call.params[kBorders].as<double>() + j * 4 * count;
      const Column column{knots, n_knots - degree - 1, degree, beyond, borders, count, kept};
      if (!column.put(in[j], out)) return call.reject(Status::kBeyondLimits, r, j);
    }
  }
  return Status::kOk;
}

Cost cost(const CostCall& call) {
  const double degree = call.params[kDegree].scalar<int32_t>(), width = call.in_width;
  return Cost{}.rows({{"call", 3.0},
                      {"columns", 6.0 * width},
                      {"products", 3.0 * width * degree * degree},
                      {"outputs", 0.5 * call.out_width}});
}

}  // namespace
PRETZEL_KERNEL(splines, .params = kParams, .out = {kDense, "n_out"}, .check = check, .run = run, .cost = cost)
}  // namespace pretzel
