#include "cost/cost.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <map>
#include <mutex>
#include <string>

#include "cost/cost_weights.h"

namespace pretzel {
namespace {

struct Table {
  std::mutex mutex;
  std::map<std::string, Weights, std::less<>> weights;
};

Table& table() noexcept {
  static Table instance;
  return instance;
}

}  // namespace

double doublings(double bytes, double cache) noexcept { return bytes > cache ? std::log2(bytes / cache) : 0.0; }

Weights weights_of(const char* kernel) noexcept {
  Table& t = table();
  const std::lock_guard lock(t.mutex);
  const auto at = t.weights.find(kernel);
  if (at != t.weights.end()) return at->second;
  Weights found;
  for (auto& regime : found.of) std::fill(std::begin(regime), std::end(regime), 1.0);
  for (const ShippedWeights& shipped : kShippedWeights) {
    if (std::strcmp(shipped.kernel, kernel) == 0) found = shipped.weights;
  }
  return found;
}

void set_weights(const char* kernel, const Weights& weights) {
  Table& t = table();
  const std::lock_guard lock(t.mutex);
  t.weights.insert_or_assign(kernel, weights);
}

void forget_weights() noexcept {
  Table& t = table();
  const std::lock_guard lock(t.mutex);
  t.weights.clear();
}

}  // namespace pretzel
