// tree_ensemble: out = (base + sum over trees of the leaf's values) / divisor, trees in order.
// tree_ensemble_float32: the same with float32 values, each sum rounded to float32.
//
// `children` >= 0 are nodes, others complements of leaves; `category_set` -1 is a numeric split, others are rows of
// `categories`, which say as bits which whole numbers go left; `outside` says where other values go. Tree t adds its
// leaf's values to the columns from `columns[t]` on.
#include "core/kernel.h"
#include "trees/builder.h"
#include "trees/check.h"
#include "trees/layout.h"
#include "trees/scorer.h"
#include "trees/write_nodes.h"

namespace pretzel {
namespace {

/// By the dtype of values and sums; positions are the same.
template <DType kNumber>
constexpr Param kParams[] = {{"feature", i32, "n_nodes", kBindOnly},
                             {"threshold", f64, "n_nodes", kBindOnly},
                             {"children", i32, "n_nodes 2", kBindOnly},
                             {"missing_left", u8, "n_nodes", kBindOnly},
                             {"category_set", i32, "n_nodes", kBindOnly},
                             {"categories", u32, "n_sets n_words", kBindOnly},
                             {"outside", u8, "", kBindOnly},
                             {"roots", i32, "n_trees", kBindOnly},
                             {"float32", u8, "", kBindOnly},
                             {"values", kNumber, "n_leaves n_values"},
                             {"columns", i32, "n_trees"},
                             {"base", kNumber, "n_out"},
                             {"divisor", f64, ""}};
consteval int index(std::string_view name) { return index_of(kParams<f64>, name); }
constexpr int kValues = index("values"), kColumns = index("columns"), kBase = index("base"),
              kDivisor = index("divisor");

TreeSource source_of(const Array* params) {
  const Array& feature = params[index("feature")];
  const Array& roots = params[index("roots")];
  const Array& categories = params[index("categories")];
  return {feature.as<int32_t>(),
          params[index("threshold")].as<double>(),
          params[index("children")].as<int32_t>(),
          params[index("missing_left")].as<uint8_t>(),
          params[index("category_set")].as<int32_t>(),
          categories.as<uint32_t>(),
          roots.as<int32_t>(),
          static_cast<uint32_t>(feature.size),
          static_cast<uint32_t>(roots.size),
          static_cast<uint32_t>(categories.shape[1]),
          static_cast<OutsideCategory>(params[index("outside")].scalar<uint8_t>()),
          params[index("float32")].scalar<uint8_t>() != 0};
}

/// Whether the result has the columns that the trees add to.
const char* check_columns(const Array* params) {
  const int64_t last = params[kBase].size - params[kValues].shape[1];
  const int32_t* columns = params[kColumns].as<int32_t>();
  for (int64_t t = 0; t < params[kColumns].size; ++t) {
    if (columns[t] < 0 || columns[t] > last) return "'columns' holds a column that the result has not";
  }
  return nullptr;
}

/// Whether every index that the trees hold stays inside its array.
const char* check_indices(const Array* params, const TreeSource& source) {
  const int64_t n = source.n_nodes, n_leaves = params[kValues].shape[0];
  const int64_t n_sets = params[index("categories")].shape[0];
  const auto is_child = [&](int32_t at) { return at >= 0 ? at < n : ~int64_t{at} < n_leaves; };
  for (int64_t i = 0; i < n; ++i) {
    if (source.feature[i] < 0) return "'feature' is negative";
    if (source.category_set[i] >= n_sets) return "'category_set' is no row of 'categories'";
    if (!is_child(source.children[2 * i]) || !is_child(source.children[2 * i + 1])) {
      return "'children' holds what is neither a node nor a leaf";
    }
    if (source.category_set[i] < 0 && source.threshold[i] != source.threshold[i]) return "'threshold' is NaN";
  }
  for (uint32_t t = 0; t < source.n_trees; ++t) {
    if (!is_child(source.roots[t])) return "'roots' holds what is neither a node nor a leaf";
  }
  return check_columns(params);
}

const char* bind(const BindCall& call) {
  const TreeSource source = source_of(call.params);
  if (source.n_trees == 0) return "there are no trees";
  if (source.outside > OutsideCategory::kRight) return "'outside' is unknown";
  const Array& categories = call.params[index("categories")];
  if (categories.shape[1] > kMostSetWords) return "'categories' holds too many";
  if (categories.shape[0] > 0 && categories.shape[1] == 0) return "'categories' holds empty sets";
  if (call.params[index("feature")].size >= INT32_MAX) return "there are too many nodes";
  if (const char* wrong = check_indices(call.params, source)) return wrong;
  return TreeBuilder(source).build(call.state);
}

/// The state holds the columns that splits read.
const char* check(const LoadCall& call) {
  const auto& head = *reinterpret_cast<const TreeHeader*>(call.state);
  const auto width = static_cast<uint32_t>(call.in[0].width);
  bool inside = head.n_columns <= width;
  const auto* features = section<KeyFeature>(call.state, head.features);
  for (uint32_t f = 0; f < head.n_features; ++f) inside &= features[f].column < width;
  const auto* categories = section<CategorySlot>(call.state, head.categories);
  for (uint32_t s = 0; s < head.n_category_slots; ++s) inside &= categories[s].column < width;
  return inside ? nullptr : "splits on a column that its input has not";
}

const char* check_state(const LoadCall& call) {
  if (const char* wrong = check_columns(call.params.data())) return wrong;
  const int64_t n_trees = call.params[kColumns].size, n_leaves = call.params[kValues].shape[0];
  return TreeChecker(StateSpan(call), n_trees, n_leaves, call.in[0].width).check();
}

template <class Number>
Status run(const RunCall& call) noexcept {
  const auto& head = *reinterpret_cast<const TreeHeader*>(call.state);
  const Array* params = call.params;
  const View& out = *call.out;
  const auto* base = params[kBase].as<Number>();
  for (int32_t r = 0; r < call.rows; ++r) {
    double* row = out.row(r);
    for (int32_t j = 0; j < out.width; ++j) row[j] = base[j];
  }
  const LeafValues<Number> leaves{params[kValues].as<Number>(), params[kColumns].as<int32_t>(),
                                  static_cast<int32_t>(params[kValues].shape[1])};
  const Arena::Mark mark = call.arena->mark();
  const bool done = score(head, call.state, call.in[0], call.rows, leaves, out, call.arena);
  call.arena->release(mark);
  if (!done) return Status::kNoMemory;
  const double divisor = params[kDivisor].scalar<double>();
  if (divisor == 1.0) return Status::kOk;
  for (int32_t r = 0; r < call.rows; ++r) {
    double* row = out.row(r);
    for (int32_t j = 0; j < out.width; ++j) row[j] = static_cast<Number>(row[j] / divisor);
  }
  return Status::kOk;
}

/// Nanoseconds of making the keys of a row.
double key_cost(const TreeHeader& head, const uint8_t* state) {
  double cost = 2.0 * head.n_category_slots + 0.1 * head.n_columns * (1.0 + head.left_keys);
  if (head.keys == KeyKind::kFloat32) return cost + 0.6 * head.n_features;
  if (head.keys == KeyKind::kValue) return 0.05 * head.n_columns;  // looks for NaN
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
  const double steps = 0.8 * levels, one = head.n_trees <= kFewTrees ? 2.0 * levels : 12.0 * groups;
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

}  // namespace
PRETZEL_KERNEL(tree_ensemble, .params = kParams<f64>, .out = {kDense, "n_out"}, .bind = bind, .check = check,
               .check_state = check_state, .run = run<double>, .cost = cost, .state_version = 2,
               .flags = kHasState | kStatePerIsa)
PRETZEL_KERNEL(tree_ensemble_float32, .params = kParams<DType::kFloat32>, .out = {kDense, "n_out"}, .bind = bind,
               .check = check, .check_state = check_state, .run = run<float>, .cost = cost, .state_version = 2,
               .flags = kHasState | kStatePerIsa)
}  // namespace pretzel
