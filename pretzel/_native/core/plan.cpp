#include "core/plan.h"

#include <algorithm>
#include <span>

#include "core/cache.h"

namespace pretzel {
namespace {

constexpr int64_t kSmall = 4096;     // bytes that a row reads all of; in larger arrays it picks what it needs
constexpr int64_t kHead = 128;       // bytes of a larger state
constexpr int64_t kHeadBytes = 192;  // of a parameter that are prefetched for one of many small requests

int64_t bytes_of(const Array& array) {
  switch (array.dtype) {
    case DType::kFloat64:
    case DType::kInt64:
    case DType::kUint64:
      return array.size * 8;
    case DType::kFloat32:
    case DType::kInt32:
    case DType::kUint32:
      return array.size * 4;
    case DType::kInt16:
    case DType::kUint16:
      return array.size * 2;
    case DType::kUint8:
      return array.size;
  }
  return 0;
}

template <class T>
void add_vector(const std::vector<T>& items, PrefetchList* lines) {
  lines->add(items.data(), items.size() * sizeof(T));
}

}  // namespace

void Program::finish() {
  params.shrink_to_fit();
  states.shrink_to_fit();
  add_vector(params, &heads);
  add_vector(states, &heads);
  for (const State& state : states) heads.add(state.data, 1);
  for (const Array& param : params) heads.add(param.data, static_cast<size_t>(std::min(bytes_of(param), kHeadBytes)));
  heads.finish();
  cost.finish(*this);
  timers.resize(shape->steps.size());
}

void Program::cache_range(CachedComputation* computation, int32_t begin, int32_t end, int32_t output,
                          const std::vector<int32_t>& inputs) {
  const bool all = begin == 0 && end == static_cast<int32_t>(states.size());
  (all ? whole : cached_ranges).push_back({computation, begin, end, output, inputs, row_cost(*this, begin, end)});
  caches_ranges = caches_ranges || computation->cache->budget() > 0;
}

void Program::add_prefetch(PrefetchList* lines) const {
  add_vector(shape->leaves, lines);
  add_vector(shape->slots, lines);
  add_vector(shape->buffers, lines);
  add_vector(shape->steps, lines);
  add_vector(shape->inputs, lines);
  add_vector(states, lines);
  for (const Array& param : params) {
    if (param.data != nullptr) lines->add(&param, sizeof param);  // the others are of no use to a request
  }
  for (size_t s = 0; s < states.size(); ++s) {
    const Step& step = shape->steps[s];
    const State& state = states[s];
    for (const Array& param : std::span(params_of(step), static_cast<size_t>(step.n_params))) {
      if (bytes_of(param) <= kSmall) lines->add(param.data, static_cast<size_t>(bytes_of(param)));
    }
    lines->add(state.data, static_cast<size_t>(state.bytes <= kSmall ? state.bytes : kHead));
  }
}

}  // namespace pretzel
