// What the requests of one program cost: the terms of its steps, added up once, and corrected by feedback from then on.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "cost/cost.h"
#include "cost/cost_feedback.h"

namespace pretzel {

struct Program;
struct ProgramShape;

/// A sum over steps.
struct Nanoseconds {
  double first_row = 0;  // the first row of a tile
  double row = 0;        // every further row
  double payload = 0;    // every unit of the request's payload
};

/// The terms of a step, and how much payload it reads for each unit of payload and each row of the request.
struct StepCost {
  const char* kernel;
  Cost cost;
  double per_payload, per_row;
  Nanoseconds subplans = {};  // that the step runs
};

class ProgramCost {
 public:
  /// Prices `program` with the coefficients that are in use; to be called once, before the first request.
  void finish(const Program& program);
  /// Prices it again, unless feedback has begun: that corrects the price it has seen.
  void refresh(const Program& program);

  /// Nanoseconds that a request takes, from the first value that has been read to the last of the result. Cheap, from
  /// any thread; never falls when rows or payload grow.
  double estimate_ns(int64_t rows, int64_t payload) const noexcept {
    return feedback_.corrected(uncorrected(rows, payload));
  }
  /// Corrects later estimates by the time that a request, or a morsel of one, took.
  void observe(int64_t rows, int64_t payload, double ns) noexcept {
    feedback_.observe(uncorrected(rows, payload), ns);
    if (payload_.load(std::memory_order_relaxed) > 0) feedback_.observe_payload(rows, payload);
  }
  /// Most bytes of working memory of a request: those of a tile of rows, and scratch for its payload.
  int64_t arena_bytes(int64_t rows, int64_t payload) const noexcept;

  /// The price of a single row, without feedback.
  double row_price_ns(int64_t payload) const noexcept {
    const PriceParts price = uncorrected(1, payload);
    return price.fixed + price.slope;
  }
  const CostFeedback& feedback() const noexcept { return feedback_; }
  /// The price of all steps, without feedback.
  Nanoseconds price() const noexcept;
  /// Most bytes of working memory of the kernels and sub-plans of a program that runs sub-plans, or is one.
  double inner_bytes(int64_t rows) const noexcept;

 private:
  void set_inner_bytes(const Program& program, double scratch_per_row);
  void set_price(const std::vector<StepCost>& steps);
  PriceParts uncorrected(int64_t rows, int64_t payload) const noexcept {
    const auto ns = [](const std::atomic<double>& part) { return part.load(std::memory_order_relaxed); };
    const int64_t tiles = rows <= tile_ ? 1 : (rows + tile_ - 1) / tile_;
    return {static_cast<double>(tiles) * ns(first_row_),
            static_cast<double>(rows - tiles) * ns(row_) + static_cast<double>(payload) * ns(payload_)};
  }

  const ProgramShape* shape_ = nullptr;
  int32_t tile_ = 1;
  // Written again while other threads read them when coefficients come late.
  std::atomic<double> first_row_{0}, row_{0}, payload_{0};
  double fixed_bytes_ = 0, row_bytes_ = 0, payload_bytes_ = 0;  // of the arena
  std::vector<double> inner_bytes_;                             // of tiles of 1, 2, 3, 4, 8, 16, ... rows
  CostFeedback feedback_;
};

/// The terms of all steps, then those of the overhead of a tile: opening it, loading leaves, handing over the result.
std::vector<StepCost> step_costs(const Program& program);

/// The price of some steps.
Nanoseconds price_of(const Program& program, int32_t begin, int32_t end);

}  // namespace pretzel
