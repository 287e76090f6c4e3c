// Room `core`: what every part of the native code shares. Views of values, the arena, the contract of kernels, programs
// and the executor that runs them. It knows no Python. Bindings build a `Program` from a plan and call `run`; the
// scheduler runs the same programs stage by stage on its workers; `TileState` calls the kernels.
//
// This header is the contract between kernels and everything else: how parameters are bound once and rows run many
// times. Room `kernels` holds one .cpp for each family of computations, under the name of its file in pretzel/oven/ir.
// Such a file declares the parameters of its kernels and ends with PRETZEL_KERNEL(name, .params = ..., .run = ...); the
// members of `Kernel` follow in their order, those that are left out have their defaults. Nothing but the registry
// refers to a kernel.
//
// Each of these files is compiled once per instruction-set level (PRETZEL_ISA = 0, 1, 2) with identical results: write
// the loops with the lane types of simd.h, keep everything that is not registered in an anonymous namespace, and never
// call a non-inline standard-library template from `run`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/arena.h"
#include "core/signature.h"
#include "core/view.h"
#include "cost/cost.h"

#ifndef PRETZEL_ISA
#define PRETZEL_ISA 0
#endif

namespace pretzel {

/// How `run` ended.
PRETZEL_ENUM(Status, int32_t, kOk,
             kNotANumber,       // NaN where the source estimator rejects it
             kInfinite,         // infinity, or a value too large for the estimator's float32
             kUnknownCategory,  // a category that the encoder was told to reject
             kWrongType,        // text where a number is needed, or the reverse
             kPandasNA,         // NA of pandas, where the source treats it in a way of its own
             kNoMemory,
             kLoneSurrogate,  // text that has no UTF-8 form, where the source encodes it
             kOutOfRange,     // a code, class or column number computed by another step, not in this kernel's table
             kBeyondLimits,   // a number outside of the range that the source estimator knows
             kNoNeighbors,    // a row near none of those that the source estimator has stored
             kRepeated,       // two entries of a row in one column, which the steps of the source add up or not
             kUndecided,      // a row about which rounding decides in the source
             kTied,           // a row about which the order of equal numbers decides in the source
             kUnknownLabel,   // a label that is no class, of which the source warns by name
             kRunsSubPlans);  // no end: the caller runs the sub-plans of the step (subplan.h)

/// Whether another part answers a row that a kernel stops at: the source, or the request without unknown labels.
constexpr bool leaves_row(Status status) {
  return status == Status::kUndecided || status == Status::kTied || status == Status::kUnknownLabel;
}

/// Where `run` stopped. Rows count from the start of the tile.
struct ErrorLocation {
  int32_t row = -1;
  int32_t column = -1;
};

/// Read-only state that `bind` builds from parameters: flat bytes, offsets instead of pointers, 64-byte aligned when
/// run, so that the same bytes can be mapped from disk by many processes.
using StateBytes = std::vector<uint8_t>;

struct BindCall {
  const Array* params;  // checked against the signature
  StateBytes* state;
};

/// A call as it is known when a program is loaded.
struct LoadCall {
  std::span<const Array> params;  // those that only `bind` reads are empty
  const uint8_t* state;
  int64_t state_bytes;
  std::span<const View> in;  // kinds and widths
  const View* out;           // nullptr: nothing is written
};

struct RunCall {
  const Array* params;  // those that only `bind` reads have no data
  const uint8_t* state;
  const View* in;
  int32_t n_in;
  View* out;     // dense: memory is ready. sparse: `out->sparse[r]` is to be filled, its arrays from the arena
  int32_t rows;  // 1 .. tile; may be anything, results must not depend on it
  Arena* arena;  // allocate outputs first; scratch under mark()/release()
  ErrorLocation* error;

  /// Says where a value is rejected; returns `status`, for `run` to return.
  Status reject(Status status, int32_t row, int32_t column = -1) const {
    *error = {row, column};
    return status;
  }
};

/// Builds the state; returns what is wrong with the parameters beyond their shapes, or nullptr.
using BindFn = const char* (*)(const BindCall&);
/// Returns which index in a parameter or the state lies outside the values of the call, or nullptr.
using CheckFn = const char* (*)(const LoadCall&);
/// Returns what is wrong with a state of unknown origin, whose bytes may be anything, or nullptr: then `check`, `cost`
/// and `run` end and touch nothing outside the state, the parameters and the values of the call. Takes time and memory
/// that grow with the bytes that are there, not with numbers in them. `call` fits the signature.
using CheckStateFn = const char* (*)(const LoadCall& call);
using RunFn = Status (*)(const RunCall&) noexcept;

enum KernelFlags : uint8_t {
  kHasState = 1,     // `run` reads a state
  kStatePerIsa = 2,  // its bytes depend on the instruction-set level that built it; every level runs them
  kBranches = 4,     // runs one of several sub-plans for each row
  kLoops = 8,        // runs a sub-plan again and again
  kHasOrder = 16,    // entries of its sparse rows have an order that readers see; others are sorted by column
  kLeavesRows = 32,  // ends with kUndecided or kTied where the source estimator itself has to answer
  kRunsSubPlan = kBranches | kLoops,
};

struct Kernel {
  const char* name = nullptr;
  int isa = 0;
  std::span<const Param> params = {};
  ValueType in = {kDense, "width"};
  ValueType out = {kDense, "width"};
  BindFn bind = nullptr;    // nullptr: nothing to build
  CheckFn check = nullptr;  // nullptr: shapes say it all
  CheckStateFn check_state = nullptr;
  RunFn run = nullptr;
  CostFn cost = nullptr;
  int state_version = 1;  // of the layout of the state: rises with every change of the bytes
  uint8_t flags = 0;      // of KernelFlags

  /// Whether `run` reads a parameter.
  bool runs_with(size_t param) const noexcept { return (params[param].flags & kBindOnly) == 0; }
  constexpr bool has(uint8_t any) const noexcept { return (flags & any) != 0; }
};

/// Adds a kernel, which lives as long as the process, to the table; called by static initialisers only. Clashes are
/// recorded, not thrown.
void register_kernel(const Kernel& kernel) noexcept;
/// Best variant of `name` for the active instruction-set level, or nullptr.
const Kernel* find_kernel(const char* name) noexcept;
/// A clash of names found while registering, or nullptr.
const char* registry_clash() noexcept;
/// Baseline variants of all kernels, by name.
std::vector<const Kernel*> all_kernels();
/// Active level (0 baseline, 1 x86-64-v3, 2 x86-64-v4), at most what the machine has; PRETZEL_ISA forces it lower.
int active_isa() noexcept;
int machine_isa() noexcept;
void set_active_isa(int level) noexcept;

struct Registrar {
  explicit Registrar(const Kernel& kernel) noexcept { register_kernel(kernel); }
};

}  // namespace pretzel

#define PRETZEL_KERNEL(NAME, ...)                                                                   \
  namespace {                                                                                       \
  constexpr ::pretzel::Kernel kernel_##NAME{.name = #NAME, .isa = PRETZEL_ISA, __VA_ARGS__};        \
  static_assert(kernel_##NAME.has(::pretzel::kHasState) == (kernel_##NAME.check_state != nullptr)); \
  const ::pretzel::Registrar registrar_##NAME(kernel_##NAME);                                       \
  }
