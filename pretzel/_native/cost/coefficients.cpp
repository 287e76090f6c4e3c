#include "cost/coefficients.h"

#include <cmath>
#include <mutex>
#include <utility>

#include "cost/default_coefficients.h"

namespace pretzel {
namespace {

std::shared_ptr<const Coefficients> shipped() {
  Coefficients found{kUnmeasured, {}};
  for (const DefaultCoefficients& each : kDefaultCoefficients) {
    for (const auto& [term, first_row, row, payload] : each.terms) {
      if (first_row > 0) found.by_term.emplace(term_name(each.kernel, Regime::kFirstRow, term), first_row);
      if (row > 0) found.by_term.emplace(term_name(each.kernel, Regime::kRow, term), row);
      if (payload > 0) found.by_term.emplace(term_name(each.kernel, Regime::kPayload, term), payload);
    }
  }
  return std::make_shared<const Coefficients>(std::move(found));
}

struct InUse {
  std::mutex mutex;
  std::shared_ptr<const Coefficients> coefficients = shipped();
};

InUse& in_use() {
  static InUse instance;
  return instance;
}

}  // namespace

double doublings(double bytes, double cache) noexcept { return bytes > cache ? std::log2(bytes / cache) : 0.0; }

double Coefficients::of(const std::string& term) const noexcept {
  const auto at = by_term.find(term);
  return at == by_term.end() ? unmeasured : at->second;
}

std::string term_name(const char* kernel, Regime regime, const char* term) {
  return std::string(kernel) + '.' + kRegimeNames[static_cast<int>(regime)] + '.' + term;
}

std::shared_ptr<const Coefficients> cost_coefficients() {
  InUse& use = in_use();
  const std::lock_guard lock(use.mutex);
  return use.coefficients;
}

void set_cost_coefficients(std::shared_ptr<const Coefficients> coefficients) {
  if (coefficients == nullptr) coefficients = shipped();
  InUse& use = in_use();
  const std::lock_guard lock(use.mutex);
  use.coefficients.swap(coefficients);
}

}  // namespace pretzel
