// Names of enumerators, read from the compiler, so that Python sees the enumerations of C++ and no list is kept twice.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

namespace pretzel {
namespace {

/// "kName" of an enumerator; empty for a number that none has.
template <auto kValue>
constexpr std::string_view enumerator_name() {
  std::string_view text = __PRETTY_FUNCTION__;  // "... [with auto kValue = pretzel::Status::kOk; ...", or "(Status)9"
  text.remove_prefix(text.find("kValue = ") + 9);
  text = text.substr(0, text.find_first_of(";]"));
  if (const size_t scope = text.rfind("::"); scope != text.npos) text.remove_prefix(scope + 2);
  return text.empty() || text[0] != 'k' ? std::string_view{} : text.substr(1);
}

template <class Enum, size_t kFrom = 0>
constexpr size_t count_enumerators() {
  if constexpr (enumerator_name<static_cast<Enum>(kFrom)>().empty()) {
    return kFrom;
  } else {
    return count_enumerators<Enum, kFrom + 1>();
  }
}

template <class Enum, size_t... kValues>
constexpr std::array<std::string_view, sizeof...(kValues)> list_enumerators(std::index_sequence<kValues...>) {
  return {enumerator_name<static_cast<Enum>(kValues)>()...};
}

template <class Enum>
constexpr auto kEnumerators = list_enumerators<Enum>(std::make_index_sequence<count_enumerators<Enum>()>());

}  // namespace

using EnumNames = std::span<const std::string_view>;

/// Names of the enumerators 0, 1, 2, ... without their "k".
template <class Enum>
constexpr EnumNames enum_names() {
  return kEnumerators<Enum>;
}

}  // namespace pretzel
