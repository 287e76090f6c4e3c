#include "ahead.h"

#include <algorithm>

namespace pretzel {

void Lines::add(const void* data, size_t bytes) {
  if (data == nullptr || bytes == 0) return;
  const auto* begin = static_cast<const char*>(data);
  const char* line = begin - reinterpret_cast<uintptr_t>(begin) % LineSpan::kLine;
  for (; line < begin + bytes && lines_.size() < kMost; line += LineSpan::kLine) {
    if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) lines_.push_back(line);
  }
}

}  // namespace pretzel
