#include "core/prefetch.h"

#include <algorithm>
#include <utility>

namespace pretzel {

void PrefetchList::add(const void* data, size_t bytes) {
  if (data == nullptr || bytes == 0) return;
  const auto* begin = static_cast<const char*>(data);
  const char* line = begin - reinterpret_cast<uintptr_t>(begin) % PrefetchSpan::kLine;
  for (; line < begin + bytes && lines_.size() < kMost; line += PrefetchSpan::kLine) {
    if (std::find(lines_.begin(), lines_.end(), line) == lines_.end()) lines_.push_back(line);
  }
}

void PrefetchList::finish() {
  std::vector<const char*> singles, runs;
  for (size_t i = 0; i < lines_.size();) {
    size_t n = 1;
    while (n < PrefetchSpan::kRun && i + n < lines_.size() && lines_[i + n] == lines_[i] + n * PrefetchSpan::kLine) ++n;
    if (n == PrefetchSpan::kRun) {
      runs.push_back(lines_[i]);
      i += n;
    } else {
      singles.push_back(lines_[i++]);
    }
  }
  singles_ = static_cast<uint32_t>(singles.size());
  lines_ = std::move(singles);
  lines_.insert(lines_.end(), runs.begin(), runs.end());
  lines_.shrink_to_fit();
}

}  // namespace pretzel
