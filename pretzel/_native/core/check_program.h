// The checks of a program against the signatures of its kernels, made once when it is loaded.
#pragma once

#include <string>

#include "core/plan.h"

namespace pretzel {

/// The first call whose parameters, state or values do not fit its kernel, in words; empty: there is none. A program
/// that passes reads and writes nothing outside its arrays, whatever the request holds.
std::string check_program(const Program& program);

}  // namespace pretzel
