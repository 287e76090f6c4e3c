// What a kernel takes and gives: its parameters by name, dtype and shape, and the widths of the values around it.
//
// A shape is written as text: "width n_out" is a matrix, "width" a vector, "" a scalar. An extent is a symbol, a number
// or a symbol plus a number ("width+1"). A symbol has one value for each call of a kernel, wherever it occurs; `n_in`
// is the number of inputs. All of it is constant data that is parsed by the compiler. Parameters are checked when they
// are bound, the values around a call when a program is loaded, and neither when a request runs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/view.h"

namespace pretzel {

PRETZEL_ENUM(DType, uint8_t, kFloat64, kFloat32, kInt64, kInt32, kUint8, kUint16, kUint32);

/// A read-only, C-contiguous, 64-byte aligned parameter; equal arrays of all models are one. Never owned by a kernel.
struct Array {
  const void* data = nullptr;
  int64_t size = 0;           // elements
  int64_t shape[2] = {0, 0};  // {size, 1} for vectors, {1, 1} for scalars
  DType dtype = {};
  uint8_t rank = 0;
  uint8_t element_bytes = 0;

  int64_t bytes() const { return size * element_bytes; }
  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
  template <class T>
  T scalar() const {
    return *static_cast<const T*>(data);
  }
};

/// `symbol + plus`; without a symbol the number `plus`.
struct Extent {
  std::string_view symbol;
  int64_t plus = 0;

  constexpr Extent() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): declarations read as text
  consteval Extent(const char* text) : Extent(std::string_view(text)) {}
  constexpr explicit Extent(std::string_view text) {
    const size_t sum = text.find('+');
    const bool is_number = !text.empty() && text[0] >= '0' && text[0] <= '9';
    if (!is_number) symbol = text.substr(0, sum);
    for (const char c : is_number ? text : sum == text.npos ? std::string_view{} : text.substr(sum + 1)) {
      if (c < '0' || c > '9') throw "an extent is a symbol, a number, or symbol+number";
      plus = 10 * plus + (c - '0');
    }
  }
};

struct Shape {
  Extent extents[2];
  uint8_t rank = 0;

  constexpr Shape() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): declarations read as text
  consteval Shape(const char* text) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const size_t space = rest.find(' ');
      extents[rank++] = Extent(rest.substr(0, space));  // a third extent is a compile-time error
      rest.remove_prefix(space == rest.npos ? rest.size() : space + 1);
    }
  }
};

/// What is special about a parameter.
enum ParamFlags : uint8_t {
  kBindOnly = 1,      // `bind` reads it, `run` does not: it is dropped once the state has been built
  kMayBeEmpty = 2,    // no elements: the parameter is not given
  kHoldsOffsets = 4,  // int32 numbers that ascend from 0 to the extent `into`
  kHoldsIndices = 8,  // int32 or uint16 numbers below the extent `into`
  kOrNone = 16,       // ... or -1
};

struct Param {
  const char* name = nullptr;
  DType dtype = DType::kFloat64;
  Shape shape = {};
  uint8_t flags = 0;         // of ParamFlags
  const char* choices = "";  // where elements are numbers of an enumeration: its names
  Extent into = {};          // where they are offsets or indices: what they point into
};

/// Position of a parameter, found by the compiler.
template <size_t kParams>
consteval int index_of(const Param (&params)[kParams], std::string_view name) {
  for (size_t i = 0; i < kParams; ++i) {
    if (params[i].name == name) return static_cast<int>(i);
  }
  throw "the kernel has no parameter of that name";
}

/// Kinds of values that a kernel reads or writes, as a set.
struct Kinds {
  uint8_t bits = 0;

  constexpr Kinds operator|(Kinds other) const { return {static_cast<uint8_t>(bits | other.bits)}; }
  constexpr bool holds(ValueKind kind) const { return (bits >> static_cast<int>(kind) & 1) != 0; }
};
constexpr Kinds kDense{1 << static_cast<int>(ValueKind::kDense)};
constexpr Kinds kSparse{1 << static_cast<int>(ValueKind::kSparse)};
constexpr Kinds kCells{1 << static_cast<int>(ValueKind::kCells)};

/// What a kernel reads from each input, or writes. No kinds: it writes nothing. No width: `Kernel::check` judges it.
struct ValueType {
  Kinds kinds = {};
  Extent width = {};
};

struct Kernel;
struct LoadCall;

/// What is wrong with parameters that are about to be bound; empty: nothing.
std::string check_params(const Kernel& kernel, std::span<const Array> params);
/// What is wrong with a call of a program that is about to be loaded; empty: nothing.
std::string check_call(const Kernel& kernel, const LoadCall& call);
/// The same of a call from outside this process, whose state may be damaged.
std::string check_state(const Kernel& kernel, const LoadCall& call);

// Short forms for declarations of parameters, which each kernel file has for itself.
namespace {

constexpr DType f64 = DType::kFloat64, i64 = DType::kInt64, i32 = DType::kInt32, u8 = DType::kUint8,
                u16 = DType::kUint16, u32 = DType::kUint32;

}  // namespace
}  // namespace pretzel
