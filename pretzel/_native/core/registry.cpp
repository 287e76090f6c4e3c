// The table of kernels, filled by static initialisers, and the choice of instruction-set level.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "core/kernel.h"

namespace pretzel {
namespace {

struct Table {
  std::vector<const Kernel*> kernels;
  const char* clash = nullptr;
};

Table& table() {
  static Table instance;  // constructed on first use: static initialisers run in no fixed order
  return instance;
}

int detect_isa() noexcept {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return 2;
  if (__builtin_cpu_supports("x86-64-v3")) return 1;
#endif
  return 0;
}

std::atomic<int> active{detect_isa()};

}  // namespace

void register_kernel(const Kernel& kernel) noexcept {
  for (const Kernel* other : table().kernels) {
    if (other->isa == kernel.isa && std::strcmp(other->name, kernel.name) == 0) table().clash = kernel.name;
  }
  table().kernels.push_back(&kernel);
}

const Kernel* find_kernel(const char* name) noexcept {
  const Kernel* best = nullptr;
  for (const Kernel* kernel : table().kernels) {
    if (kernel->isa > active || std::strcmp(kernel->name, name) != 0) continue;
    if (best == nullptr || kernel->isa > best->isa) best = kernel;
  }
  return best;
}

const char* registry_clash() noexcept { return table().clash; }

std::vector<const Kernel*> all_kernels() {
  std::vector<const Kernel*> found;
  for (const Kernel* kernel : table().kernels) {
    if (kernel->isa == 0) found.push_back(kernel);
  }
  std::sort(found.begin(), found.end(),
            [](const Kernel* a, const Kernel* b) { return std::strcmp(a->name, b->name) < 0; });
  return found;
}

int machine_isa() noexcept { return detect_isa(); }
int active_isa() noexcept { return active; }
void set_active_isa(int level) noexcept { active = std::clamp(level, 0, detect_isa()); }

}  // namespace pretzel
