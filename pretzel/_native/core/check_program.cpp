#include "core/check_program.h"

#include <vector>

namespace pretzel {
namespace {

View view_of(const SlotSpec& slot) { return {slot.kind, slot.width, slot.width, nullptr, nullptr, nullptr}; }

}  // namespace

std::string check_program(const Program& program) {
  const ProgramShape& shape = *program.shape;
  std::vector<View> in;
  for (size_t s = 0; s < shape.steps.size(); ++s) {
    const Step& step = shape.steps[s];
    const State& state = program.states[s];
    in.clear();
    for (const int32_t slot : shape.inputs_of(step)) in.push_back(view_of(shape.slots[slot]));
    const View out = step.output >= 0 ? view_of(shape.slots[step.output]) : View{};
    const LoadCall call{program.params_of(step), state.data, state.bytes, in, step.output >= 0 ? &out : nullptr};
    if (static_cast<size_t>(step.n_params) != step.kernel->params.size()) {
      return "kernel '" + std::string(step.kernel->name) + "': has another number of parameters";
    }
    if (step.kernel->has(kHasState) && state.data == nullptr) {
      return "kernel '" + std::string(step.kernel->name) + "': has no state";
    }
    if (std::string wrong = check_call(*step.kernel, call); !wrong.empty()) return wrong;
  }
  return {};
}

}  // namespace pretzel
