// Loops of kernels that read one dense value and write another.
#pragma once

#include "core/kernel.h"

namespace pretzel {
namespace {

/// Calls `f(in, out)` for each row.
template <class F>
Status each_row(const RunCall& call, F f) noexcept {
  for (int32_t r = 0; r < call.rows; ++r) f(call.in[0].row(r), call.out->row(r));
  return Status::kOk;
}

/// Calls `f(in, out, n)` for each row, or once where rows lie one behind the other: for functions of single values.
template <class F>
Status each_stretch(const RunCall& call, F f) noexcept {
  const int32_t width = call.out->width;
  if (call.in[0].stride != call.in[0].width || call.out->stride != width) {
    return each_row(call, [=](const double* in, double* out) { f(in, out, width); });
  }
  f(call.in[0].dense, call.out->dense, call.rows * width);
  return Status::kOk;
}

/// Replaces each value x by `f(x)`.
template <class F>
Status each_value(const RunCall& call, F f) noexcept {
  return each_stretch(call, [f](const double* in, double* __restrict out, int32_t n) {
    for (int32_t j = 0; j < n; ++j) out[j] = f(in[j]);
  });
}

}  // namespace
}  // namespace pretzel
