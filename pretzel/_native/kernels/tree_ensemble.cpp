// tree_ensemble: out = (base + sum over trees of the leaf's values) / divisor, trees in order.
// params: feature int32[n], threshold float64[n], children int32[n, 2], missing_left uint8[n],
//         category_set int32[n], categories uint32[s, 8], roots int32[t], float32 uint8[],
//         values float64[leaves, w], columns int32[t], base float64[outputs], divisor float64[]
#include "core/kernel.h"
#include "trees/builder.h"
#include "trees/layout.h"
#include "trees/scorer.h"

namespace pretzel {
namespace {

enum Param { kFeature, kThreshold, kChildren, kMissingLeft, kCategorySet, kCategories, kRoots, kFloat32 };
enum RunParam { kValues = 8, kColumns, kBase, kDivisor, kParams };

constexpr DType kTypes[kParams] = {
    DType::kInt32, DType::kFloat64, DType::kInt32,   DType::kUint8, DType::kInt32,   DType::kUint32,
    DType::kInt32, DType::kUint8,   DType::kFloat64, DType::kInt32, DType::kFloat64, DType::kFloat64,
};

/// Whether every index that the trees hold stays inside its array.
const char* check_indices(const Array* params, const TreeSource& source) {
  const int64_t n = source.n_nodes, n_leaves = params[kValues].shape[0], n_sets = params[kCategories].shape[0];
  const auto is_child = [&](int32_t at) { return at >= 0 ? at < n : ~int64_t{at} < n_leaves; };
  for (int64_t i = 0; i < n; ++i) {
    if (source.feature[i] < 0) return "feature";
    if (source.category_set[i] >= n_sets) return "category_set";
    if (!is_child(source.children[2 * i]) || !is_child(source.children[2 * i + 1])) return "children";
    if (source.category_set[i] < 0 && source.threshold[i] != source.threshold[i]) return "threshold";
  }
  const int32_t* columns = params[kColumns].as<int32_t>();
  for (uint32_t t = 0; t < source.n_trees; ++t) {
    if (!is_child(source.roots[t])) return "roots";
    if (columns[t] < 0 || columns[t] + params[kValues].shape[1] > params[kBase].size) return "columns";
  }
  return nullptr;
}

const char* check_shapes(const BindCall& call) {
  if (call.n_params != kParams) return "number of parameters";
  for (int i = 0; i < kParams; ++i) {
    if (call.params[i].dtype != kTypes[i]) return "dtype of a parameter";
  }
  const int64_t n = call.params[kFeature].size;
  if (n >= INT32_MAX || call.params[kThreshold].size != n || call.params[kChildren].size != 2 * n) return "node arrays";
  if (call.params[kMissingLeft].size != n || call.params[kCategorySet].size != n) return "node arrays";
  if (call.params[kCategories].size != 8 * call.params[kCategories].shape[0]) return "categories";
  if (call.params[kColumns].size != call.params[kRoots].size || call.params[kRoots].size == 0) return "columns";
  return nullptr;
}

Status bind(const BindCall& call) {
  const Array* params = call.params;
  const char* wrong = check_shapes(call);
  if (wrong == nullptr) {
    const TreeSource source{params[kFeature].as<int32_t>(),
                            params[kThreshold].as<double>(),
                            params[kChildren].as<int32_t>(),
                            params[kMissingLeft].as<uint8_t>(),
                            params[kCategorySet].as<int32_t>(),
                            params[kCategories].as<uint32_t>(),
                            params[kRoots].as<int32_t>(),
                            static_cast<uint32_t>(params[kFeature].size),
                            static_cast<uint32_t>(params[kRoots].size),
                            params[kFloat32].scalar<uint8_t>() != 0};
    wrong = check_indices(params, source);
    if (wrong == nullptr) wrong = TreeBuilder(source).build(call.state);
  }
  call.error->what = wrong;
  return wrong == nullptr ? Status::kOk : Status::kBadParameter;
}

Status run(const RunCall& call) noexcept {
  const auto& head = *reinterpret_cast<const TreeHeader*>(call.state);
  const Array* params = call.params;
  const View& out = *call.out;
  const double* base = params[kBase].as<double>();
  for (int32_t r = 0; r < call.rows; ++r) {
    double* row = out.row(r);
    for (int32_t j = 0; j < out.width; ++j) row[j] = base[j];
  }
  const LeafValues leaves{params[kValues].as<double>(), params[kColumns].as<int32_t>(),
                          static_cast<int32_t>(params[kValues].shape[1])};
  const Arena::Mark mark = call.arena->mark();
  const bool done = score(head, call.state, call.in[0], call.rows, leaves, out, call.arena);
  call.arena->release(mark);
  if (!done) return Status::kNoMemory;
  const double divisor = params[kDivisor].scalar<double>();
  if (divisor == 1.0) return Status::kOk;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* row = out.row(r);
    for (int32_t j = 0; j < out.width; ++j) row[j] /= divisor;
  }
  return Status::kOk;
}

/// Nanoseconds of making the keys of a row.
double key_cost(const TreeHeader& head, const uint8_t* state) {
  double cost = 2.0 * head.n_category_slots + 0.1 * head.n_columns * (1.0 + head.left_keys);
  if (head.keys == KeyKind::kFloat32) return cost + 0.6 * head.n_features;
  const auto* features = section<KeyFeature>(state, head.features);
  for (uint32_t f = 0; f < head.n_features; ++f) {
    cost += (head.float32 != 0 ? 1.5 : 2.5) * RankTable(features[f].thresholds).levels;
  }
  return cost;
}

Cost cost(const CostCall& call) {
  const auto& head = *reinterpret_cast<const TreeHeader*>(call.state);
  const double trees = head.n_trees, bytes = static_cast<double>(call.state_bytes);
  const double values = static_cast<double>(call.params[kValues].shape[1]);
  const double leaf = 1.0 + 0.15 * (values - 1.0);
  const double keys = key_cost(head, call.state);
  if (head.layout == TreeLayout::kVector) {
    const double vectors = (head.n_trees * head.leaves + kVectorNodes - 1) / kVectorNodes;
    const double blocks = head.n_slots <= 64 ? 1.0 : head.n_slots <= 128 ? 1.5 : 2.5;
    return Cost{}
        .rows({{"keys", 5.0 + keys},
               {"vectors", 2.0 * vectors * (blocks + (head.leaves == 32 ? 0.5 : 0.0))},
               {"vector_leaves", 0.7 * trees * leaf}})
        .scratch(64.0 + 2.0 * kVectorSlots, 0.0);
  }
  const auto* roots = section<TreeRoot>(call.state, head.roots);
  double levels = 0, groups = 0;  // of one tree for sixteen rows, of sixteen trees for one row
  for (uint32_t t = 0; t < head.n_trees; t += kLanes) {
    uint32_t deepest = 0;
    for (uint32_t k = t; k < head.n_trees && k < t + kLanes; ++k) {
      levels += roots[k].depth;
      deepest = roots[k].depth > deepest ? roots[k].depth : deepest;
    }
    groups += deepest;
  }
  const double steps = 0.8 * levels, one = 12.0 * groups;
  return Cost{}
      .rows({{"keys", keys},
             {"leaves", trees * leaf},
             {"levels", steps},
             {"misses", 0.2 * steps * doublings(bytes / trees, 32e3)}})
      .first_row({{"keys", 10.0 + keys},
                  {"leaves", trees * leaf},
                  {"levels", one},
                  {"misses", 0.2 * one * doublings(bytes, 32e3)}})
      .scratch(64.0 + 4.0 * key_stride(head), 0.0);
}

/// Everything up to the nodes, and these where there are few or all are read; of others the first of each tree.
void ahead(const Array* params, int32_t, const uint8_t* state, PrefetchList* lines) {
  constexpr uint64_t kTables = 4096, kNodes = 4096, kVectors = 32768;
  constexpr uint32_t kMostRoots = 128;
  const auto& head = *reinterpret_cast<const TreeHeader*>(state);
  const uint32_t n_roots = head.n_trees < kMostRoots ? head.n_trees : kMostRoots;
  lines->add(state, sizeof head);
  lines->add(state + head.features, head.n_features * sizeof(KeyFeature));
  lines->add(state + head.categories, head.n_category_slots * sizeof(CategorySlot));
  if (head.roots - head.ranks <= kTables) lines->add(state + head.ranks, head.roots - head.ranks);
  const uint64_t node_bytes = head.bytes - head.nodes;
  if (head.layout == TreeLayout::kVector) {
    lines->add(state + head.nodes, node_bytes < kVectors ? node_bytes : kVectors);
  } else {
    const auto* roots = section<TreeRoot>(state, head.roots);
    const uint64_t size = head.wide != 0 ? sizeof(WideNode) : sizeof(NarrowNode);
    lines->add(roots, n_roots * sizeof(TreeRoot));
    if (node_bytes <= kNodes) {
      lines->add(state + head.nodes, node_bytes);
    } else {
      for (uint32_t t = 0; t < n_roots; ++t) lines->add(state + head.nodes + size * roots[t].first, 1);
    }
  }
  lines->add(params[kBase].data, static_cast<uint64_t>(params[kBase].size) * sizeof(double));
  lines->add(params[kColumns].data, n_roots * sizeof(int32_t));
  lines->add(params[kDivisor].data, sizeof(double));
}

constexpr uint64_t kRunParams = 1u << kValues | 1u << kColumns | 1u << kBase | 1u << kDivisor;

}  // namespace
PRETZEL_KERNEL_AHEAD(tree_ensemble, bind, run, cost, kRunParams, ahead)
}  // namespace pretzel
