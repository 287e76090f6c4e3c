#include "core/tile_state.h"

#include <cstring>
#include <new>

namespace pretzel {

bool emit_rows(const View& out, int32_t rows, int64_t first, const Request& request) noexcept {
  if (out.kind == ValueKind::kDense) {
    for (int32_t r = 0; r < rows; ++r) {
      std::memcpy(request.result + (first + r) * out.width, out.row(r), sizeof(double) * out.width);
    }
    return true;
  }
  try {
    request.sparse_result->append(out, rows);
  } catch (const std::bad_alloc&) {
    return false;
  }
  return true;
}

}  // namespace pretzel
