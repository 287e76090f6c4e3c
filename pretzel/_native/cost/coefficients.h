// Calibrated coefficients: the time that one nominal nanosecond of each term takes on this machine.
//
// Correct what the cost functions of the kernels get wrong about single terms. The shipped coefficients
// (default_coefficients.h) were measured on one machine; `pretzel.calibrate` measures those of another.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "cost/cost.h"

namespace pretzel {

struct Coefficients {
  double unmeasured = 1.0;                // of a term that calibration says nothing of: the median of all others
  std::map<std::string, double> by_term;  // "kernel.regime.term"

  double of(const std::string& term) const noexcept;
};

/// The name under which a term has its coefficient.
std::string term_name(const char* kernel, Regime regime, const char* term);

/// Those of this process: the shipped ones, until others are set.
std::shared_ptr<const Coefficients> cost_coefficients();
/// For programs that are priced from now on; nullptr: the shipped ones.
void set_cost_coefficients(std::shared_ptr<const Coefficients> coefficients);

}  // namespace pretzel
