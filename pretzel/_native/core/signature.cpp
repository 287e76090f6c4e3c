// The generic checks of parameters and calls against signatures.
#include "core/signature.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/kernel.h"

namespace pretzel {
namespace {

/// The name of a number of an enumeration: "kFloat64" of "kFloat64, kFloat32, ..." without its "k".
std::string_view name_in(std::string_view names, size_t number) {
  for (; number > 0; --number) names.remove_prefix(names.find(", ") + 2);
  return names.substr(1, names.find(',') - 1);
}

size_t count_names(std::string_view names) { return 1 + std::count(names.begin(), names.end(), ','); }

/// `LoadCall::state_bytes` before the parameters are bound: all of them are there, and no state is.
constexpr int64_t kUnbound = -1;
bool is_bound(const LoadCall& call) { return call.state_bytes != kUnbound; }

/// The values that symbols have taken so far.
class Symbols {
 public:
  explicit Symbols(int64_t n_in) {
    if (n_in > 0) values_.emplace_back("n_in", n_in);
  }

  /// -1 while the symbol has no value.
  int64_t value_of(const Extent& extent) const {
    if (extent.symbol.empty()) return extent.plus;
    for (const auto& [symbol, value] : values_) {
      if (symbol == extent.symbol) return value + extent.plus;
    }
    return -1;
  }
  /// Whether an extent can be `actual`; a new symbol takes its value from it.
  bool unify(const Extent& extent, int64_t actual) {
    const int64_t known = value_of(extent);
    if (known >= 0) return known == actual;
    if (actual >= extent.plus) values_.emplace_back(extent.symbol, actual - extent.plus);
    return actual >= extent.plus;
  }
  bool unify(const Shape& shape, const Array& array) {
    if (array.rank != shape.rank) return false;
    for (int d = 0; d < shape.rank; ++d) {
      if (!unify(shape.extents[d], array.shape[d])) return false;
    }
    return true;
  }
  /// "width+1 = 4", or "width+1" while that has no value.
  std::string text_of(const Extent& extent) const {
    const int64_t value = value_of(extent);
    if (extent.symbol.empty()) return std::to_string(value);
    std::string text(extent.symbol);
    if (extent.plus != 0) text.append("+").append(std::to_string(extent.plus));
    return value < 0 ? text : text.append(" = ").append(std::to_string(value));
  }

 private:
  std::vector<std::pair<std::string_view, int64_t>> values_;
};

std::string type_of(DType dtype, std::span<const std::string> extents) {
  std::string text(name_in(kDTypeNames, static_cast<size_t>(dtype)));
  text[0] = static_cast<char>(text[0] | 0x20);  // NumPy's names are lower-case
  for (size_t d = 0; d < extents.size(); ++d) text += (d == 0 ? "[" : ", ") + extents[d];
  return extents.empty() ? text : text + "]";
}

std::string found_type(const Array& array) {
  std::vector<std::string> extents;
  for (int d = 0; d < array.rank; ++d) extents.push_back(std::to_string(array.shape[d]));
  return type_of(array.dtype, extents);
}

std::string wanted_type(const Param& param, const Symbols& symbols) {
  std::vector<std::string> extents;
  for (int d = 0; d < param.shape.rank; ++d) extents.push_back(symbols.text_of(param.shape.extents[d]));
  return type_of(param.dtype, extents);
}

/// The largest of uint8 numbers, or 0.
uint8_t largest(const Array& array) {
  const auto* numbers = array.as<uint8_t>();
  return array.size == 0 ? uint8_t{0} : *std::max_element(numbers, numbers + array.size);
}

std::string check_param(const Param& param, const Array& array, Symbols* symbols) {
  const bool absent = array.size == 0 && (param.flags & kMayBeEmpty) != 0;
  if (!absent && array.data == nullptr) return "parameter '" + std::string(param.name) + "' is not there";
  if (array.dtype != param.dtype || (!absent && !symbols->unify(param.shape, array))) {
    return "parameter '" + std::string(param.name) + "' is " + found_type(array) + ", expected " +
           wanted_type(param, *symbols);
  }
  if (*param.choices != 0 && largest(array) >= count_names(param.choices)) {  // enumerations are uint8
    return "parameter '" + std::string(param.name) + "' holds " + std::to_string(largest(array)) +
           ", expected a number below " + std::to_string(count_names(param.choices));
  }
  return {};
}

/// Checks indices and offsets, as far as the extent that they point into is known.
template <class Index>
std::string check_pointers(const Param& param, const Array& array, Symbols* symbols) {
  const auto* begin = array.as<Index>();
  const auto* end = begin + array.size;
  const std::string name = "parameter '" + std::string(param.name) + "' ";
  if ((param.flags & kHoldsOffsets) != 0) {
    const bool ascend = begin != end && *begin == 0 && std::is_sorted(begin, end);
    if (!ascend || !symbols->unify(param.into, end[-1])) {
      return name + "does not ascend from 0 to " + symbols->text_of(param.into);
    }
  }
  const int64_t size = symbols->value_of(param.into), least = (param.flags & kOrNone) != 0 ? -1 : 0;
  if ((param.flags & kHoldsIndices) == 0 || size < 0) return {};
  const auto* wrong = std::find_if(begin, end, [&](int64_t at) { return at < least || at >= size; });
  return wrong == end ? std::string{}
                      : name + "holds " + std::to_string(*wrong) + ", no index below " + symbols->text_of(param.into);
}

std::string check_value(const char* verb, const ValueType& type, const View& value, Symbols* symbols) {
  if (!type.kinds.holds(value.kind)) return std::string(verb) + " a value of a kind that it does not know";
  if (value.width < 0) return std::string(verb) + " a value of a negative width";
  const Extent& width = type.width;
  if ((width.symbol.empty() && width.plus == 0) || symbols->unify(width, value.width)) return {};
  return std::string(verb) + " a value of width " + std::to_string(value.width) + ", expected " +
         symbols->text_of(width);
}

std::string check_values(const Kernel& kernel, const LoadCall& call, Symbols* symbols) {
  if (kernel.has(kHasState) && is_bound(call) && call.state == nullptr) return "has no state";
  if (call.in.empty()) return "reads nothing";
  if ((call.out == nullptr) != (kernel.out.kinds.bits == 0))
    return "writes to a value, or to none, against its signature";
  std::string wrong;
  for (size_t i = 0; i < call.in.size() && wrong.empty(); ++i)
    wrong = check_value("reads", kernel.in, call.in[i], symbols);
  if (call.out != nullptr && wrong.empty()) wrong = check_value("writes", kernel.out, *call.out, symbols);
  return wrong;
}

/// Checks the bytes of a state.
const char* find_wrong_state(const Kernel& kernel, const LoadCall& call) {
  constexpr uintptr_t kAlignment = 64;
  if (!kernel.has(kHasState)) return call.state == nullptr ? nullptr : "has a state, which it does not read";
  if (reinterpret_cast<uintptr_t>(call.state) % kAlignment != 0) return "has a state that does not begin a cache line";
  return kernel.check_state(call);
}

/// `call`: nullptr while parameters are bound. `trusted`: the state was built by this process.
std::string find_wrong(const Kernel& kernel, std::span<const Array> params, const LoadCall* call, bool trusted = true) {
  if (params.size() != kernel.params.size()) {
    return "has " + std::to_string(kernel.params.size()) + " parameters, not " + std::to_string(params.size());
  }
  Symbols symbols(call == nullptr ? 0 : static_cast<int64_t>(call->in.size()));
  const auto is_given = [&](size_t i) { return call == nullptr || !is_bound(*call) || kernel.runs_with(i); };
  std::string wrong;
  for (size_t i = 0; i < params.size() && wrong.empty(); ++i) {
    if (is_given(i)) wrong = check_param(kernel.params[i], params[i], &symbols);
  }
  if (call != nullptr && wrong.empty()) wrong = check_values(kernel, *call, &symbols);
  for (size_t i = 0; i < params.size() && wrong.empty(); ++i) {
    if (!is_given(i)) continue;
    const auto check = kernel.params[i].dtype == u16 ? check_pointers<uint16_t> : check_pointers<int32_t>;
    wrong = check(kernel.params[i], params[i], &symbols);
  }
  if (!wrong.empty() || call == nullptr) return wrong;
  const char* found = trusted ? nullptr : find_wrong_state(kernel, *call);
  const bool has_all = is_bound(*call) || !kernel.has(kHasState);
  if (found == nullptr && has_all && kernel.check != nullptr) found = kernel.check(*call);
  return found == nullptr ? std::string{} : found;
}

std::string explain(const Kernel& kernel, const std::string& wrong) {
  return wrong.empty() ? wrong : "kernel '" + std::string(kernel.name) + "': " + wrong;
}

}  // namespace

std::string check_params(const Kernel& kernel, std::span<const Array> params) {
  return explain(kernel, find_wrong(kernel, params, nullptr));
}

std::string check_call(const Kernel& kernel, const LoadCall& call) {
  return explain(kernel, find_wrong(kernel, call.params, &call));
}

std::string check_state(const Kernel& kernel, const LoadCall& call) {
  return explain(kernel, find_wrong(kernel, call.params, &call, false));
}

}  // namespace pretzel
