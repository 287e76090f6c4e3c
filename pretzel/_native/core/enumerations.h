// The enumerations that Python reads, by name: the extension hands them on, so that no list is kept twice.
#pragma once

#include <span>

#include "core/enum_names.h"

namespace pretzel {

struct Enumeration {
  const char* name;
  EnumNames names;  // of the numbers 0, 1, 2, ...
};

std::span<const Enumeration> enumerations();

}  // namespace pretzel
