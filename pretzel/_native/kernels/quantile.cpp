// quantiles: the position of a value among the quantiles of its column, from 0 to 1 or as a normal deviate. `limits`:
// the margin within which a value counts as the lowest or highest quantile, and the least and largest deviate.
// inverse_quantiles: the quantile at a value between 0 and 1, or at the probability below a normal deviate.
#include <cmath>
#include <limits>

#include "core/interpolation.h"
#include "core/rows.h"

namespace pretzel {
namespace {

/// Value of the polynomial whose highest coefficient comes first.
template <int N>
double polynomial(const double (&c)[N], double x) {
  double y = c[0];
  for (int i = 1; i < N; ++i) y = y * x + c[i];
  return y;
}

/// Normal deviate below which lies the probability `y`: the approximations of the Cephes library, as in SciPy.
double normal_deviate(double y) {
  constexpr double kTail = 0.13533528323661269189;  // exp(-2)
  constexpr double kSqrt2Pi = 2.50662827463100050242;
  static constexpr double kP0[] = {-5.99633501014107895267E1, 9.80010754185999661536E1, -5.66762857469070293439E1,
                                   1.39312609387279679503E1, -1.23916583867381258016E0};
  static constexpr double kQ0[] = {1.0,
                                   1.95448858338141759834E0,
                                   4.67627912898881538453E0,
                                   8.63602421390890590575E1,
                                   -2.25462687854119370527E2,
                                   2.00260212380060660359E2,
                                   -8.20372256168333339912E1,
                                   1.59056225126211695515E1,
                                   -1.18331621121330003142E0};
  static constexpr double kP1[] = {4.05544892305962419923E0,   3.15251094599893866154E1,   5.71628192246421288162E1,
                                   4.40805073893200834700E1,   1.46849561928858024014E1,   2.18663306850790267539E0,
                                   -1.40256079171354495875E-1, -3.50424626827848203418E-2, -8.57456785154685413611E-4};
  static constexpr double kQ1[] = {1.0,
                                   1.57799883256466749731E1,
                                   4.53907635128879210584E1,
                                   4.13172038254672030440E1,
                                   1.50425385692907503408E1,
                                   2.50464946208309415979E0,
                                   -1.42182922854787788574E-1,
                                   -3.80806407691578277194E-2,
                                   -9.33259480895457427372E-4};
  static constexpr double kP2[] = {3.23774891776946035970E0,  6.91522889068984211695E0,  3.93881025292474443415E0,
                                   1.33303460815807542389E0,  2.01485389549179081538E-1, 1.23716634817820021358E-2,
                                   3.01581553508235416007E-4, 2.65806974686737550832E-6, 6.23974539184983293730E-9};
  static constexpr double kQ2[] = {1.0,
                                   6.02427039364742014255E0,
                                   3.67983563856160859403E0,
                                   1.37702099489081330271E0,
                                   2.16236993594496635890E-1,
                                   1.34204006088543189037E-2,
                                   3.28014464682127739104E-4,
                                   2.89247864745380683936E-6,
                                   6.79019408009981274425E-9};
  if (y <= 0.0) return -std::numeric_limits<double>::infinity();
  if (y >= 1.0) return std::numeric_limits<double>::infinity();
  const bool upper = y > 1.0 - kTail;
  if (upper) y = 1.0 - y;
  if (y > kTail) {
    y -= 0.5;
    const double square = y * y;
    return (y + y * (square * polynomial(kP0, square) / polynomial(kQ0, square))) * kSqrt2Pi;
  }
  const double x = std::sqrt(-2.0 * std::log(y));
  const double z = 1.0 / x;
  const double first = x - std::log(x) / x;
  const double second =
      x < 8.0 ? z * polynomial(kP1, z) / polynomial(kQ1, z) : z * polynomial(kP2, z) / polynomial(kQ2, z);
  return upper ? first - second : second - first;
}

double place(double x, const double* quantiles, const double* references, int64_t n, bool normal, double margin) {
  const double first = quantiles[0], last = quantiles[n - 1];
  if (normal ? x - margin < first : x == first) return 0.0;
  if (normal ? x + margin > last : x == last) return 1.0;
  const int64_t low = last_at_most(x, {quantiles, n, false});
  // From above, the place is the first quantile that is not below `x`: another search finds it only among equal ones.
  const bool equal = low >= 0 && quantiles[low] == x;
  const int64_t high = !equal                                ? n - 2 - low
                       : low == 0 || quantiles[low - 1] != x ? n - 1 - low
                                                             : last_at_most(-x, {quantiles, n, true});
  const double below = interpolate_at(low, x, {quantiles, n, false}, {references, n, false});
  const double above = interpolate_at(high, -x, {quantiles, n, true}, {references, n, true});
  return 0.5 * (below - above);
}

constexpr Param kParams[] = {
    {"quantiles", f64, "width n+1"}, {"references", f64, "n+1"}, {"normal", u8, ""}, {"limits", f64, "3"}};
constexpr int kQuantiles = index_of(kParams, "quantiles"), kReferences = index_of(kParams, "references"),
              kNormal = index_of(kParams, "normal"), kLimits = index_of(kParams, "limits");

Status run(const RunCall& call) noexcept {
  const auto* quantiles = call.params[kQuantiles].as<double>();
  const auto* references = call.params[kReferences].as<double>();
  const bool normal = call.params[kNormal].scalar<uint8_t>() != 0;
  const auto* limits = call.params[kLimits].as<double>();
  const int64_t n = call.params[kReferences].size;
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t j = 0; j < width; ++j) {
      if (std::isnan(in[j])) {
        out[j] = in[j];
        continue;
      }
      const double y = place(in[j], quantiles + j * n, references, n, normal, limits[0]);
      const double deviate = normal ? normal_deviate(y) : y;
      out[j] = !normal ? y : deviate < limits[1] ? limits[1] : deviate > limits[2] ? limits[2] : deviate;
    }
  });
}

/// Probability of less than the normal deviate `x`.
double probability_below(double x) {
  constexpr double kSqrtHalf = 0.70710678118654752440;
  const double scaled = x * kSqrtHalf, size = std::fabs(scaled);
  if (size < kSqrtHalf) return 0.5 + 0.5 * std::erf(scaled);
  const double tail = 0.5 * std::erfc(size);
  return scaled > 0.0 ? 1.0 - tail : tail;
}

constexpr Param kInverse[] = {
    {"quantiles", f64, "width n+1"}, {"references", f64, "n+1"}, {"normal", u8, ""}, {"margin", f64, ""}};

Status run_inverse(const RunCall& call) noexcept {
  const auto* quantiles = call.params[0].as<double>();
  const auto* references = call.params[1].as<double>();
  const bool normal = call.params[2].scalar<uint8_t>() != 0;
  const auto margin = call.params[3].scalar<double>();
  const int64_t n = call.params[1].size;
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    for (int32_t j = 0; j < width; ++j) {
      const double* mine = quantiles + j * n;
      const double x = normal ? probability_below(in[j]) : in[j];
      out[j] = std::isnan(x)      ? x
               : x - margin < 0.0 ? mine[0]
               : x + margin > 1.0 ? mine[n - 1]
                                  : interpolate(x, {references, n, false}, {mine, n, false});
    }
  });
}

Cost cost(const CostCall& call) {
  const double width = call.out_width, levels = std::log2(1.0 + static_cast<double>(call.params[kReferences].size));
  const double misses = doublings(8.0 * static_cast<double>(call.params[kQuantiles].size), 8e3);
  const bool normal = call.params[kNormal].scalar<uint8_t>() != 0;
  return Cost{}.rows({{"call", 2.0},
                      {"columns", 10.0 * width},
                      {"search", 3.0 * width * levels},
                      {"normal", normal ? 15.0 * width : 0.0},
                      {"misses", 5.0 * width * misses}});
}

}  // namespace
PRETZEL_KERNEL(inverse_quantiles, .params = kInverse, .run = run_inverse, .cost = cost)
PRETZEL_KERNEL(quantiles, .params = kParams, .run = run, .cost = cost)
}  // namespace pretzel
