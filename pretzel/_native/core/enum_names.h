// Enumerations whose names Python reads, so that no list is kept twice.
#pragma once

/// An enumeration of 0, 1, 2, ..., and `kNAMENames`: its enumerators as text, separated by ", ".
#define PRETZEL_ENUM(NAME, TYPE, ...)     \
  enum class NAME : TYPE { __VA_ARGS__ }; \
  [[maybe_unused]] constexpr const char* k##NAME##Names = #__VA_ARGS__
