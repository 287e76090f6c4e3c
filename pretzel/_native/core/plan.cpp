#include "core/plan.h"

#include <algorithm>

#include "core/cache.h"
#include "core/subplan.h"

namespace pretzel {
namespace {

constexpr int64_t kSmall = 4096;     // bytes that a row reads all of; in larger arrays it picks what it needs
constexpr int64_t kHead = 128;       // bytes of a larger state
constexpr int64_t kHeadBytes = 192;  // of a parameter that are prefetched for one of many small requests

template <class T>
void add_vector(const std::vector<T>& items, PrefetchList* lines) {
  lines->add(items.data(), items.size() * sizeof(T));
}

}  // namespace

std::string Program::check() const {
  const auto view_of = [&](int32_t at) {
    const SlotSpec& slot = shape->slots[at];
    return View{slot.kind, slot.width, slot.width, nullptr, nullptr, nullptr};
  };
  std::vector<View> in;
  std::string wrong;
  for (size_t s = 0; s < shape->steps.size() && wrong.empty(); ++s) {
    const Step& step = shape->steps[s];
    in.clear();
    for (const int32_t slot : shape->inputs_of(step)) in.push_back(view_of(slot));
    const View out = step.output >= 0 ? view_of(step.output) : View{};
    const View* written = step.output >= 0 ? &out : nullptr;
    wrong = check_call(*step.kernel, {params_of(step), states[s].data, states[s].bytes, in, written});
  }
  if (wrong.empty() && !(shape->subplan_steps.empty() && bodies.empty())) wrong = check_subplans(*this);
  return wrong;
}

void Program::finish() {
  params.shrink_to_fit();
  states.shrink_to_fit();
  add_vector(params, &heads);
  add_vector(states, &heads);
  for (const State& state : states) heads.add(state.data, 1);
  for (const Array& param : params) heads.add(param.data, static_cast<size_t>(std::min(param.bytes(), kHeadBytes)));
  heads.finish();
  cost.finish(*this);
  timers.resize(shape->steps.size());
}

void Program::cache_range(CachedComputation* computation, int32_t begin, int32_t end, int32_t output,
                          const std::vector<int32_t>& inputs) {
  const bool all = begin == 0 && end == static_cast<int32_t>(states.size());
  (all ? whole : cached_ranges).push_back({computation, begin, end, output, inputs, price_of(*this, begin, end)});
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
    for (const Array& param : params_of(step)) {
      if (param.bytes() <= kSmall) lines->add(param.data, static_cast<size_t>(param.bytes()));
    }
    lines->add(state.data, static_cast<size_t>(state.bytes <= kSmall ? state.bytes : kHead));
  }
}

}  // namespace pretzel
