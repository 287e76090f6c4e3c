// sub_div: (x - mean) / scale, one of which may be left out.
// mul_add: x * scale + offset, clipped to a range.
// sub_div_float32, mul_add_float32: the same with every result rounded to float32.
// soft_clip: x / sqrt(1 + (x / limit)^2), or a limit where the second input is infinite.
// to_float32: every value rounded to float32.
// scale_sparse: entries times the factor of their column, clipped to a range.
#include <cmath>

#include "core/rows.h"
#include "core/simd.h"

namespace pretzel {
namespace {

/// NaN passes through.
double clip(double x, const double* range) { return x < range[0] ? range[0] : x > range[1] ? range[1] : x; }
f64xn clip(f64xn x, const double* range) {
  const f64xn low = f64xn{} + range[0], high = f64xn{} + range[1];
  x = x < low ? low : x;
  return x > high ? high : x;
}

template <bool kFloat32>
f64xn rounded(f64xn x) {
  return kFloat32 ? to_float32(x) : x;
}

template <bool kFloat32>
Status run_sub_div(const RunCall& call) noexcept {
  const double* mean = call.params[0].size > 0 ? call.params[0].as<double>() : nullptr;
  const double* scale = call.params[1].size > 0 ? call.params[1].as<double>() : nullptr;
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    if (mean != nullptr && scale != nullptr) {
      each_register(width, [=](int32_t j, auto lanes) {
        const f64xn difference = rounded<kFloat32>(lanes.load(in + j) - lanes.load(mean + j));
        lanes.store(out + j, rounded<kFloat32>(difference / lanes.load(scale + j)));
      });
    } else if (mean != nullptr) {
      each_register(width, [=](int32_t j, auto lanes) {
        lanes.store(out + j, rounded<kFloat32>(lanes.load(in + j) - lanes.load(mean + j)));
      });
    } else {
      each_register(width, [=](int32_t j, auto lanes) {
        lanes.store(out + j, rounded<kFloat32>(lanes.load(in + j) / lanes.load(scale + j)));
      });
    }
  });
}

const char* check_given(const Array* params) {
  return params[0].size > 0 || params[1].size > 0 ? nullptr : "has neither 'mean' nor 'scale'";
}

const char* bind_sub_div(const BindCall& call) { return check_given(call.params); }
const char* check_sub_div(const LoadCall& call) { return check_given(call.params.data()); }

template <bool kFloat32>
double soft_clipped(double x, double limit) {
  const auto rounded = [](double value) { return kFloat32 ? static_cast<double>(static_cast<float>(value)) : value; };
  const double part = rounded(x / limit);
  return rounded(x / rounded(std::sqrt(rounded(1.0 + rounded(part * part)))));
}

Status run_soft_clip(const RunCall& call) noexcept {
  const auto limit = call.params[0].scalar<double>();
  const bool is_float32 = call.params[1].scalar<uint8_t>() != 0;
  for (int32_t r = 0; r < call.rows; ++r) {
    const double *x = call.in[0].row(r), *given = call.in[1].row(r);
    double* out = call.out->row(r);
    for (int32_t j = 0; j < call.out->width; ++j) {
      const double clipped = is_float32 ? soft_clipped<true>(x[j], limit) : soft_clipped<false>(x[j], limit);
      out[j] = std::isinf(given[j]) ? std::copysign(limit, given[j]) : clipped;
    }
  }
  return Status::kOk;
}

const char* check_soft_clip(const LoadCall& call) { return call.in.size() == 2 ? nullptr : "does not read two values"; }

Cost cost_soft_clip(const CostCall& call) { return Cost{}.rows({{"call", 3.0}, {"columns", 8.0 * call.out_width}}); }

constexpr Param kSoftClip[] = {{"limit", f64, ""}, {"float32", u8, ""}};
constexpr Param kSubDiv[] = {{"mean", f64, "width", kMayBeEmpty}, {"scale", f64, "width", kMayBeEmpty}};
constexpr Param kMulAdd[] = {{"scale", f64, "width"}, {"offset", f64, "width"}, {"range", f64, "2"}};
constexpr Param kScaleSparse[] = {{"factors", f64, "width"}, {"range", f64, "2"}};

template <bool kFloat32>
Status run_mul_add(const RunCall& call) noexcept {
  const auto* scale = call.params[index_of(kMulAdd, "scale")].as<double>();
  const auto* offset = call.params[index_of(kMulAdd, "offset")].as<double>();
  const auto* range = call.params[index_of(kMulAdd, "range")].as<double>();
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    each_register(width, [=](int32_t j, auto lanes) {
      const f64xn product = rounded<kFloat32>(lanes.load(in + j) * lanes.load(scale + j));
      lanes.store(out + j, clip(rounded<kFloat32>(product + lanes.load(offset + j)), range));
    });
  });
}

Status run_to_float32(const RunCall& call) noexcept {
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    each_register(width, [=](int32_t j, auto lanes) { lanes.store(out + j, to_float32(lanes.load(in + j))); });
  });
}

Status run_sparse(const RunCall& call) noexcept {
  const auto* factors = call.params[0].as<double>();
  const auto* range = call.params[1].as<double>();
  for (int32_t r = 0; r < call.rows; ++r) {
    const SparseRow& row = call.in[0].sparse[r];
    auto* value = call.arena->alloc_n<double>(static_cast<size_t>(row.size));
    if (value == nullptr) return Status::kNoMemory;
    for (int64_t i = 0; i < row.size; ++i) value[i] = clip(row.value[i] * factors[row.index[i]], range);
    call.out->sparse[r] = {row.index, value, row.size};
  }
  return Status::kOk;
}

Cost cost_sub_div(const CostCall& call) {
  const double vectors = std::ceil(call.out_width / 8.0);
  if (call.params[1].size > 0) return Cost{}.rows({{"call", 4.0}, {"divide", 4.0 * vectors}});
  return Cost{}.rows({{"call", 4.0}, {"subtract", 1.6 * vectors}});
}

Cost cost_mul_add(const CostCall& call) {
  return Cost{}.rows({{"call", 4.0}, {"vectors", 2.0 * std::ceil(call.out_width / 8.0)}});
}

Cost cost_to_float32(const CostCall& call) {
  return Cost{}.rows({{"call", 4.0}, {"vectors", 1.5 * std::ceil(call.out_width / 8.0)}});
}

Cost cost_sparse(const CostCall&) {
  return Cost{}.rows({{"call", 10.0}}).payload({{"entries", 1.5}}).produces_nnz(1.0, 0.0).scratch(192.0, 12.0);
}

}  // namespace
PRETZEL_KERNEL(sub_div, .params = kSubDiv, .bind = bind_sub_div, .check = check_sub_div, .run = run_sub_div<false>,
               .cost = cost_sub_div)
PRETZEL_KERNEL(sub_div_float32, .params = kSubDiv, .bind = bind_sub_div, .check = check_sub_div,
               .run = run_sub_div<true>, .cost = cost_sub_div)
PRETZEL_KERNEL(mul_add, .params = kMulAdd, .run = run_mul_add<false>, .cost = cost_mul_add)
PRETZEL_KERNEL(mul_add_float32, .params = kMulAdd, .run = run_mul_add<true>, .cost = cost_mul_add)
PRETZEL_KERNEL(soft_clip, .params = kSoftClip, .check = check_soft_clip, .run = run_soft_clip, .cost = cost_soft_clip)
PRETZEL_KERNEL(to_float32, .run = run_to_float32, .cost = cost_to_float32)
PRETZEL_KERNEL(scale_sparse, .params = kScaleSparse, .in = {kSparse, "width"}, .out = {kSparse, "width"},
               .run = run_sparse, .cost = cost_sparse)
}  // namespace pretzel
