// The generic checks of parameters and calls against signatures.
#include "core/signature.h"

#include <algorithm>
#include <vector>

#include "core/kernel.h"

namespace pretzel {
namespace {

constexpr const char* kDTypeNames[] = {"float64", "float32", "int64",  "int32", "int16",
                                       "uint8",   "uint16",  "uint32", "uint64"};

struct Symbol {
  std::string_view name;
  int64_t value;
};

/// The values that symbols have taken so far.
class Symbols {
 public:
  explicit Symbols(int64_t n_in) {
    if (n_in > 0) symbols_.push_back({"n_in", n_in});
  }

  /// Whether an extent can be `actual`; a new symbol takes its value from it.
  bool unify(const Extent& extent, int64_t actual) {
    const int64_t value = actual - extent.plus;
    if (extent.symbol.empty()) return value == 0;
    const auto known =
        std::find_if(symbols_.begin(), symbols_.end(), [&](const Symbol& s) { return s.name == extent.symbol; });
    if (known != symbols_.end()) return known->value == value;
    if (value >= 0) symbols_.push_back({extent.symbol, value});
    return value >= 0;
  }
  bool unify(const Shape& shape, const Array& array) {
    if (array.rank != shape.rank) return false;
    for (int d = 0; d < shape.rank; ++d) {
      if (!unify(shape.extents[d], array.shape[d])) return false;
    }
    return true;
  }

  std::string text_of(const Extent& extent) const {
    if (extent.symbol.empty()) return std::to_string(extent.plus);
    std::string text(extent.symbol);
    return extent.plus == 0 ? text : text + "+" + std::to_string(extent.plus);
  }
  /// " where width = 3", for the symbols of some extents that have values.
  std::string values_of(std::span<const Extent> extents) const {
    std::string text;
    for (const Symbol& symbol : symbols_) {
      const bool used =
          std::any_of(extents.begin(), extents.end(), [&](const Extent& e) { return e.symbol == symbol.name; });
      if (used)
        text += (text.empty() ? " where " : ", ") + std::string(symbol.name) + " = " + std::to_string(symbol.value);
    }
    return text;
  }

 private:
  std::vector<Symbol> symbols_;
};

std::string type_of(DType dtype, std::span<const std::string> extents) {
  std::string text = kDTypeNames[static_cast<size_t>(dtype)];
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
  const std::span<const Extent> used(param.shape.extents, param.shape.rank);
  return type_of(param.dtype, extents) + symbols.values_of(used);
}

/// The largest of uint8 numbers, or 0.
uint8_t largest(const Array& array) {
  const auto* numbers = array.as<uint8_t>();
  return array.size == 0 ? uint8_t{0} : *std::max_element(numbers, numbers + array.size);
}

std::string check_param(const Param& param, const Array& array, Symbols* symbols) {
  const bool absent = array.size == 0 && (param.flags & kMayBeEmpty) != 0;
  if (array.dtype != param.dtype || (!absent && !symbols->unify(param.shape, array))) {
    return "parameter '" + std::string(param.name) + "' is " + found_type(array) + ", expected " +
           wanted_type(param, *symbols);
  }
  if (!param.choices.empty() && largest(array) >= param.choices.size()) {  // enumerations are uint8
    return "parameter '" + std::string(param.name) + "' holds " + std::to_string(largest(array)) +
           ", expected a number below " + std::to_string(param.choices.size());
  }
  return {};
}

std::string check_value(const char* verb, const ValueType& type, const View& value, Symbols* symbols) {
  if (!type.kinds.holds(value.kind)) return std::string(verb) + " a value of a kind that it does not know";
  const Extent& width = type.width;
  if ((width.symbol.empty() && width.plus == 0) || symbols->unify(width, value.width)) return {};
  return std::string(verb) + " a value of width " + std::to_string(value.width) + ", expected " +
         symbols->text_of(width) + symbols->values_of({&width, 1});
}

std::string explain(const Kernel& kernel, const std::string& wrong) {
  return wrong.empty() ? wrong : "kernel '" + std::string(kernel.name) + "': " + wrong;
}

std::string find_wrong(const Kernel& kernel, const LoadCall& call) {
  Symbols symbols(static_cast<int64_t>(call.in.size()));
  std::string wrong;
  for (size_t i = 0; i < kernel.params.size() && wrong.empty(); ++i) {
    if (kernel.runs_with(i)) wrong = check_param(kernel.params[i], call.params[i], &symbols);
  }
  for (size_t i = 0; i < call.in.size() && wrong.empty(); ++i)
    wrong = check_value("reads", kernel.in, call.in[i], &symbols);
  if (!wrong.empty()) return wrong;
  if (call.in.empty()) return "reads nothing";
  if ((call.out == nullptr) != (kernel.out.kinds.bits == 0))
    return "writes to a value, or to none, against its signature";
  if (call.out != nullptr) wrong = check_value("writes", kernel.out, *call.out, &symbols);
  if (!wrong.empty() || kernel.check == nullptr) return wrong;
  const char* index = kernel.check(call);
  return index == nullptr ? std::string{} : index;
}

}  // namespace

std::string check_params(const Kernel& kernel, std::span<const Array> params) {
  if (params.size() != kernel.params.size()) {
    return explain(kernel,
                   "has " + std::to_string(kernel.params.size()) + " parameters, not " + std::to_string(params.size()));
  }
  Symbols symbols(0);
  for (size_t i = 0; i < params.size(); ++i) {
    if (const std::string wrong = check_param(kernel.params[i], params[i], &symbols); !wrong.empty()) {
      return explain(kernel, wrong);
    }
  }
  return {};
}

std::string check_call(const Kernel& kernel, const LoadCall& call) { return explain(kernel, find_wrong(kernel, call)); }

}  // namespace pretzel
