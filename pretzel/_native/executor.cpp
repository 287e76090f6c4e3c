#include "executor.h"

#include <algorithm>

#include "frame.h"
#include "recall.h"

namespace pretzel {

Stop run(const Program& program, const Request& request, Arena& arena) noexcept {
  const Arena::Mark start = arena.mark();
  const int32_t tile = static_cast<int32_t>(std::min<int64_t>(program.tile, std::max<int64_t>(request.rows, 1)));
  Frame frame;
  if (!frame.reserve(program, tile, arena)) return {Status::kNoMemory, -1, 0, -1};
  const auto steps = static_cast<int32_t>(program.steps.size());
  const bool recalling =
      request.rows == 1 && request.tracer == nullptr && !(program.recalls.empty() && program.whole.empty());
  const int64_t end = request.first + request.rows;
  Stop stop;
  for (int64_t first = request.first; first < end && stop.status == Status::kOk; first += tile) {
    const Arena::Mark mark = arena.mark();
    stop = frame.open(request, first, static_cast<int32_t>(std::min<int64_t>(tile, end - first)));
    if (stop.status == Status::kOk) {
      stop = recalling ? run_recalling(program, request, &frame) : frame.run(request, 0, steps);
    }
    if (stop.status == Status::kOk) stop = frame.close(request);
    arena.release(mark);
  }
  arena.release(start);
  return stop;
}

}  // namespace pretzel
