#include "core/enumerations.h"

#include "core/cells.h"
#include "core/kernel.h"
#include "core/program_shape.h"
#include "core/view.h"

namespace pretzel {

std::span<const Enumeration> enumerations() {
  static constexpr Enumeration kAll[] = {
      {"Status", enum_names<Status>()},         {"ValueKind", enum_names<ValueKind>()},
      {"CellKind", enum_names<CellKind>()},     {"Encoding", enum_names<Encoding>()},
      {"PackedKind", enum_names<PackedKind>()}, {"LeafKind", enum_names<LeafKind>()},
      {"DType", enum_names<DType>()},
  };
  return kAll;
}

}  // namespace pretzel
