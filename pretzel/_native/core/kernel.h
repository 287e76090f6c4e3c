// The contract between kernels and everything else: how parameters are bound once and rows are run many times.
//
// A kernel is one .cpp in kernels/ that ends with PRETZEL_KERNEL(name, bind, run, cost, run_params), or with
// PRETZEL_KERNEL_AHEAD and one function more. Each such file is compiled once per instruction-set level (PRETZEL_ISA =
// 0, 1, 2) with identical results: write the loops with the lane types of simd.h, keep everything that is not
// registered in an anonymous namespace, and never call a non-inline standard-library template from `run`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/prefetch.h"
#include "core/arena.h"
#include "core/view.h"
#include "cost/cost.h"

#ifndef PRETZEL_ISA
#define PRETZEL_ISA 0
#endif

namespace pretzel {

enum class DType : uint8_t { kFloat64, kFloat32, kInt64, kInt32, kInt16, kUint8, kUint16, kUint32, kUint64 };

/// A read-only, C-contiguous, 64-byte aligned parameter; equal arrays of all models are one. Never owned by a kernel.
struct Array {
  const void* data;
  int64_t size;      // elements
  int64_t shape[2];  // {size, 1} for vectors, {1, 1} for scalars
  DType dtype;

  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
  template <class T>
  T scalar() const {
    return *static_cast<const T*>(data);
  }
};

enum class Status : int32_t {
  kOk = 0,
  kNotANumber,       // NaN where the source estimator refuses it
  kInfinite,         // infinity, or a value too large for the estimator's float32
  kUnknownCategory,  // a category the encoder was told to refuse
  kWrongType,        // text where a number is needed, or the reverse
  kNoMemory,
  kBadParameter,   // bind only: shapes or dtypes do not fit together
  kLoneSurrogate,  // text that has no UTF-8 form, where the source encodes it
};

/// Where and why `run` or `bind` stopped. Rows count from the start of the tile.
struct ErrorLocation {
  int32_t row = -1;
  int32_t column = -1;
  const char* what = nullptr;  // bind only: static text
};

/// Read-only state that `bind` builds from parameters: flat bytes, offsets instead of pointers, 64-byte aligned when
/// run, so that the same bytes can be mapped from disk by many processes.
using StateBytes = std::vector<uint8_t>;

struct BindCall {
  const Array* params;
  int32_t n_params;
  StateBytes* state;
  ErrorLocation* error;
};

struct RunCall {
  const Array* params;  // only those named in `run_params` have data
  const uint8_t* state;
  const View* in;
  int32_t n_in;
  View* out;     // dense: memory is ready. sparse: `out->sparse[r]` is to be filled, its arrays from the arena
  int32_t rows;  // 1 .. tile; may be anything, results must not depend on it
  Arena* arena;  // allocate outputs first; scratch under mark()/release()
  ErrorLocation* error;
};

using BindFn = Status (*)(const BindCall&);
using RunFn = Status (*)(const RunCall&) noexcept;

/// Adds what `run` reads whatever the row.
using AheadFn = void (*)(const Array* params, int32_t n_params, const uint8_t* state, PrefetchList* lines);

struct Kernel {
  const char* name;
  int isa;
  BindFn bind;  // nullptr: nothing to build, `run` reads the parameters
  RunFn run;
  CostFn cost;
  uint64_t run_params;      // bit i set: `run` reads params[i]; the others are needed by `bind` alone and then dropped
  AheadFn ahead = nullptr;  // nullptr: small parameters whole, and the head of the state
};

constexpr uint64_t kAllParams = ~uint64_t{0};

/// Adds a kernel to the table; called by static initialisers only. Clashes are recorded, not thrown.
void register_kernel(const Kernel& kernel) noexcept;
/// Best variant of `name` for the active instruction-set level, or nullptr.
const Kernel* find_kernel(const char* name) noexcept;
/// A clash of names found while registering, or nullptr.
const char* registry_clash() noexcept;
std::vector<const char*> kernel_names();
/// Active level (0 baseline, 1 x86-64-v3, 2 x86-64-v4), at most what the machine has; PRETZEL_ISA forces it lower.
int active_isa() noexcept;
int machine_isa() noexcept;
void set_active_isa(int level) noexcept;

struct Registrar {
  explicit Registrar(const Kernel& kernel) noexcept { register_kernel(kernel); }
};

}  // namespace pretzel

#define PRETZEL_KERNEL_AHEAD(NAME, BIND, RUN, COST, RUN_PARAMS, AHEAD)                                           \
  namespace {                                                                                                    \
  const ::pretzel::Registrar registrar_##NAME(::pretzel::Kernel{#NAME, PRETZEL_ISA, BIND, RUN, COST, RUN_PARAMS, \
                                                                AHEAD});                                         \
  }
#define PRETZEL_KERNEL(NAME, BIND, RUN, COST, RUN_PARAMS) \
  PRETZEL_KERNEL_AHEAD(NAME, BIND, RUN, COST, RUN_PARAMS, nullptr)
