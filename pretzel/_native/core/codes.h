// Category codes as positions in tables of all columns one behind the other.
#pragma once

#include <cstdint>

#include "core/kernel.h"

namespace pretzel {
namespace {

/// Position of a code that is not negative: `offsets[0]` is where the table of its column begins, `offsets[1]` where it
/// ends. -1 when the column has no such code.
inline int32_t place_of_code(double code, const int32_t* offsets) {
  const auto number = static_cast<uint32_t>(static_cast<int32_t>(code));
  return number < static_cast<uint32_t>(offsets[1] - offsets[0]) ? offsets[0] + static_cast<int32_t>(number) : -1;
}

}  // namespace
}  // namespace pretzel
