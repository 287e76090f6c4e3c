// What a column of categories rejects, in bits that Python sets.
#pragma once

#include <cstdint>

#include "core/enum_names.h"

namespace pretzel {

/// Numbers of bits. Where NA is rejected, NaT counts as NaN, and infinity is allowed. kObject: all cells but numbers
/// and missing ones, if they are unknown. kNumbersToNan rejects nothing: unknown cells that are neither texts nor
/// missing become NaN.
PRETZEL_ENUM(Reject, uint8_t, kUnknown, kNan, kNa, kNone, kObject, kNumbersToNan);
constexpr uint8_t kAllRejects = 63;

}  // namespace pretzel
