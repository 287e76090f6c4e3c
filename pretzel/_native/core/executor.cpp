#include "core/executor.h"

#include <algorithm>

#include "core/clock.h"
#include "core/subplan_cache.h"
#include "core/tile_state.h"

namespace pretzel {
namespace {

/// Cached steps may be left out, so the time of such a request says nothing about its cost.
bool uses_cache(const Program& program, const Request& request) {
  return program.caches_ranges && request.rows == 1 && request.tracer == nullptr;
}

}  // namespace

RunResult run(const Program& program, const Request& request, Arena& arena) noexcept {
  const Arena::Mark start = arena.mark();
  const int32_t tile_rows =
      static_cast<int32_t>(std::min<int64_t>(program.shape->tile, std::max<int64_t>(request.rows, 1)));
  TileState tile;
  if (!tile.reserve(program, tile_rows, arena)) return {Status::kNoMemory, -1, 0, -1};
  const auto steps = static_cast<int32_t>(program.shape->steps.size());
  const bool caches_ranges = uses_cache(program, request);
  const int64_t end = request.first + request.rows;
  RunResult result;
  for (int64_t first = request.first; first < end && result.status == Status::kOk; first += tile_rows) {
    const Arena::Mark mark = arena.mark();
    result = tile.open(request, first, static_cast<int32_t>(std::min<int64_t>(tile_rows, end - first)));
    if (result.status == Status::kOk) {
      result = caches_ranges ? run_cached(program, request, &tile) : tile.run(request, 0, steps);
    }
    if (result.status == Status::kOk) result = tile.close(request);
    arena.release(mark);
  }
  arena.release(start);
  return result;
}

namespace {

constexpr double kAlwaysTimedNs = 20'000.0;     // reading the clock is nothing beside such a request
constexpr double kAlwaysTimedStepNs = 5'000.0;  // ... and beside one tile of such a step

/// Times a request; also each of its steps unless `weight` is 0. The steps stand for `weight` requests like it.
RunResult run_timed(const Program& program, Request request, int64_t payload, int64_t weight, Arena& arena) noexcept {
  const Arena::Mark start = arena.mark();
  const size_t n = program.shape->steps.size();
  if (weight > 0 && request.step_times == nullptr) request.step_times = arena.alloc_n<int64_t>(n + 1);
  if (request.step_times != nullptr) std::fill_n(request.step_times, n, int64_t{0});
  const int64_t readings = request.step_times == nullptr ? 1 : 1 + program.shape->tiles(request.rows) * (n + 1);
  const int64_t begin = now_ns();
  const RunResult result = run(program, request, arena);
  const int64_t taken = now_ns() - begin - readings * reading_ns();
  if (result.status == Status::kOk) {
    if (request.step_times != nullptr) program.timers.add(request.step_times, n, request.rows, weight);
    program.cost.observe(request.rows, payload, static_cast<double>(taken));
  }
  arena.release(start);
  return result;
}

}  // namespace

RunResult run_sampled(const Program& program, const Request& request, int64_t payload, double estimated_ns,
                      ThreadContext& thread) noexcept {
  Arena& arena = thread.arena;
  Sampler& sampler = thread.sampler;
  const bool always = estimated_ns > kAlwaysTimedNs || program.cost.feedback().is_warming_up();
  if ((!sampler.due() && !always) || request.tracer != nullptr || uses_cache(program, request))
    return run(program, request, arena);
  int64_t weight = always ? 1 : Sampler::kPeriod;
  const double clocks = static_cast<double>(program.shape->steps.size()) * program.shape->tiles(request.rows);
  if (estimated_ns < kAlwaysTimedStepNs * clocks) weight = sampler.steps_due() ? weight * Sampler::kStepPeriod : 0;
  return run_timed(program, request, payload, weight, arena);
}

int64_t run_measured(const Program& program, const Request& request, int64_t payload, RunResult* result) noexcept {
  constexpr uint8_t kPaint = 0xa5;
  Arena arena;
  auto size = static_cast<size_t>(4 * program.cost.arena_bytes(request.rows, payload) + (int64_t{1} << 16));
  const Arena::Mark start = arena.mark();
  auto* memory = static_cast<uint8_t*>(arena.alloc(size));
  *result = {Status::kNoMemory, 0, 0, -1};
  if (memory == nullptr) return 0;
  std::fill_n(memory, size, kPaint);
  arena.release(start);
  *result = run(program, request, arena);
  while (memory[size - 1] == kPaint) --size;
  return static_cast<int64_t>(size);
}

}  // namespace pretzel
