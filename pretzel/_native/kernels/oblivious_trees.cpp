// oblivious_trees: sums over trees whose nodes of one depth share one split, as CatBoost grows them. The leaf of a row
// has one bit for each split, the first split bit 0: whether the column exceeds the border, compared as float32.
//
// Column `feature[f]` has the borders from `first_border[f]` on, ascending and at most 255, and becomes the number of
// those that it exceeds: one byte. Split s asks whether that of feature `split_feature[s]` exceeds `split_code[s]`.
// Tree t has the next `depths[t]` splits and the next `1 << depths[t]` leaves. Leaves are added in the order of trees.
#include "core/kernel.h"
#include "core/simd.h"

namespace pretzel {
namespace {

constexpr int kDeepest = 16;
constexpr int kBlock = 64;    // rows that pass through a tree together
constexpr int kFewRows = 12;  // up to which rows are scored one by one

// One register each: wider ones are compared byte by byte.
constexpr int kBytes = 8 * kNativeLanes, kFloats = 2 * kNativeLanes;
typedef int8_t i8xn __attribute__((vector_size(kBytes)));
typedef float f32xn __attribute__((vector_size(kBytes)));
typedef int32_t i32xn __attribute__((vector_size(kBytes)));

constexpr Param kParams[] = {{"feature", i32, "n_features"},
                             {"nan_exceeds", u8, "n_features"},
                             {"first_border", i32, "n_features+1", kHoldsOffsets, "", "n_borders"},
                             {"borders", DType::kFloat32, "n_borders"},
                             {"split_feature", i32, "n_splits", kHoldsIndices, "", "n_features"},
                             {"split_code", u8, "n_splits"},
                             {"depths", u8, "n_trees"},
                             {"values", f64, "n_leaves n_out"}};

struct Trees {
  explicit Trees(const Array* params)
      : feature(params[index_of(kParams, "feature")].as<int32_t>()),
        nan_exceeds(params[index_of(kParams, "nan_exceeds")].as<uint8_t>()),
        first_border(params[index_of(kParams, "first_border")].as<int32_t>()),
        borders(params[index_of(kParams, "borders")].as<float>()),
        split_feature(params[index_of(kParams, "split_feature")].as<int32_t>()),
        split_code(params[index_of(kParams, "split_code")].as<uint8_t>()),
        depths(params[index_of(kParams, "depths")].as<uint8_t>()),
        values(params[index_of(kParams, "values")].as<double>()),
        n_features(static_cast<int32_t>(params[index_of(kParams, "feature")].size)),
        n_trees(static_cast<int32_t>(params[index_of(kParams, "depths")].size)) {}

  int32_t n_borders(int32_t f) const { return first_border[f + 1] - first_border[f]; }

  const int32_t* feature;
  const uint8_t* nan_exceeds;
  const int32_t* first_border;
  const float* borders;
  const int32_t* split_feature;
  const uint8_t* split_code;
  const uint8_t* depths;
  const double* values;
  int32_t n_features, n_trees;
};

/// Codes as they are compared: registers compare signed bytes.
constexpr uint8_t kSign = 0x80;

/// Borders that x exceeds.
uint8_t code_of(const Trees& trees, int32_t f, float x) {
  const float* borders = trees.borders + trees.first_border[f];
  const int32_t n = trees.n_borders(f);
  if (x != x) return static_cast<uint8_t>(trees.nan_exceeds[f] != 0 ? n : 0);
  int32_t count = 0;
  for (int32_t b = 0; b < n; ++b) count += x > borders[b] ? 1 : 0;
  return static_cast<uint8_t>(count);
}

/// Codes of one feature for a block of rows, with the other sign.
void codes_of(const Trees& trees, int32_t f, const float* x, uint8_t* codes) {
  const float* borders = trees.borders + trees.first_border[f];
  const int32_t n = trees.n_borders(f);
  constexpr int kTogether = 4;  // registers that are compared with a border while it is at hand
  for (int32_t r = 0; r < kBlock; r += kTogether * kFloats) {
    f32xn value[kTogether];
    i32xn count[kTogether] = {};
    std::memcpy(value, x + r, sizeof value);
    for (int32_t b = 0; b < n; ++b) {
      for (int i = 0; i < kTogether; ++i) count[i] -= value[i] > borders[b];  // a lane that exceeds is -1
    }
    int32_t counts[kTogether * kFloats];
    std::memcpy(counts, count, sizeof counts);
    for (int32_t i = 0; i < kTogether * kFloats; ++i) codes[r + i] = static_cast<uint8_t>(counts[i]) ^ kSign;
  }
  if (trees.nan_exceeds[f] == 0) return;
  for (int32_t r = 0; r < kBlock; ++r) codes[r] = x[r] != x[r] ? static_cast<uint8_t>(n) ^ kSign : codes[r];
}

void add(const double* leaf, double* out, int32_t width) {
  for (int32_t j = 0; j < width; ++j) out[j] += leaf[j];
}

void score_row(const Trees& trees, const double* in, uint8_t* codes, double* out, int32_t width) {
  for (int32_t f = 0; f < trees.n_features; ++f) {
    codes[f] = code_of(trees, f, static_cast<float>(in[trees.feature[f]]));
  }
  for (int32_t j = 0; j < width; ++j) out[j] = 0.0;
  const int32_t* feature = trees.split_feature;
  const uint8_t* code = trees.split_code;
  const double* values = trees.values;
  for (int32_t t = 0; t < trees.n_trees; ++t) {
    const int32_t depth = trees.depths[t];
    uint32_t leaf = 0;
    for (int32_t d = 0; d < depth; ++d) leaf |= static_cast<uint32_t>(codes[feature[d]] > code[d]) << d;
    add(values + static_cast<int64_t>(leaf) * width, out, width);
    feature += depth;
    code += depth;
    values += (int64_t{1} << depth) * width;
  }
}

/// Bits of up to eight splits for a block of rows.
void bits_of(const uint8_t* codes, const int32_t* feature, const uint8_t* code, int32_t depth, uint8_t* bits) {
  for (int32_t r = 0; r < kBlock; r += kBytes) {
    i8xn leaf{};
    for (int32_t d = 0; d < depth; ++d) {
      i8xn value;
      std::memcpy(&value, codes + static_cast<int64_t>(feature[d]) * kBlock + r, sizeof value);
      leaf |= (i8xn)(value > static_cast<int8_t>(code[d] ^ kSign)) & static_cast<int8_t>(1u << d);
    }
    std::memcpy(bits + r, &leaf, sizeof leaf);
  }
}

/// Where the splits and leaves of a tree are.
struct TreeCursor {
  const int32_t* feature;
  const uint8_t* code;
  const double* values;

  void advance(int32_t depth, int32_t width) {
    feature += depth;
    code += depth;
    values += (int64_t{1} << depth) * width;
  }
};

/// Leaves of a block in one tree of any depth, added to the rows of the result.
void add_tree(const TreeCursor& tree, int32_t depth, const uint8_t* codes, const View& out, int32_t first,
              int32_t rows) {
  alignas(kBlock) uint8_t low[kBlock], high[kBlock] = {};
  bits_of(codes, tree.feature, tree.code, depth < 8 ? depth : 8, low);
  if (depth > 8) bits_of(codes, tree.feature + 8, tree.code + 8, depth - 8, high);
  for (int32_t r = 0; r < rows; ++r) {
    const int64_t leaf = low[r] | high[r] << 8;
    add(tree.values + leaf * out.width, out.row(first + r), out.width);
  }
}

/// Adds four trees of at most eight splits to each sum, because the sum then stays in a register.
void add_four(const TreeCursor (&trees)[4], const int32_t (&depths)[4], const uint8_t* codes, double* sums) {
  alignas(kBlock) uint8_t leaf[4][kBlock];
  for (int t = 0; t < 4; ++t) bits_of(codes, trees[t].feature, trees[t].code, depths[t], leaf[t]);
  for (int32_t r = 0; r < kBlock; r += 8) {
    uint64_t eight[4];
    for (int t = 0; t < 4; ++t) std::memcpy(&eight[t], leaf[t] + r, 8);
    for (int i = 0; i < 8; ++i) {
      double sum = sums[r + i];
      for (int t = 0; t < 4; ++t) {
        sum += trees[t].values[eight[t] & 0xff];
        eight[t] >>= 8;
      }
      sums[r + i] = sum;
    }
  }
}

/// `rows` of a block; the others have codes, too.
void score_block(const Trees& trees, const uint8_t* codes, const View& out, int32_t first, int32_t rows) {
  TreeCursor at{trees.split_feature, trees.split_code, trees.values};
  int32_t t = 0;
  alignas(64) double sums[kBlock] = {};
  while (out.width == 1 && t + 4 <= trees.n_trees) {
    TreeCursor group[4];
    int32_t depths[4], deepest = 0;
    TreeCursor next = at;
    for (int i = 0; i < 4; ++i) {
      group[i] = next;
      depths[i] = trees.depths[t + i];
      deepest = depths[i] > deepest ? depths[i] : deepest;
      next.advance(depths[i], 1);
    }
    if (deepest > 8) break;
    add_four(group, depths, codes, sums);
    at = next;
    t += 4;
  }
  for (int32_t r = 0; r < rows; ++r) {
    for (int32_t j = 0; j < out.width; ++j) out.row(first + r)[j] = sums[r];
  }
  for (; t < trees.n_trees; ++t) {
    add_tree(at, trees.depths[t], codes, out, first, rows);
    at.advance(trees.depths[t], out.width);
  }
}

Status run(const RunCall& call) noexcept {
  const Trees trees(call.params);
  const View& in = call.in[0];
  const View& out = *call.out;
  const Arena::Mark mark = call.arena->mark();
  const bool few = call.rows <= kFewRows;
  auto* codes = call.arena->alloc_n<uint8_t>(static_cast<size_t>(trees.n_features) * (few ? 1 : kBlock));
  if (codes == nullptr) return Status::kNoMemory;
  for (int32_t r = 0; few && r < call.rows; ++r) score_row(trees, in.row(r), codes, out.row(r), out.width);
  for (int32_t first = 0; !few && first < call.rows; first += kBlock) {
    const int32_t rows = call.rows - first < kBlock ? call.rows - first : kBlock;
    alignas(64) float x[kBlock] = {};
    for (int32_t f = 0; f < trees.n_features; ++f) {
      for (int32_t r = 0; r < rows; ++r) x[r] = static_cast<float>(in.row(first + r)[trees.feature[f]]);
      codes_of(trees, f, x, codes + static_cast<int64_t>(f) * kBlock);
    }
    score_block(trees, codes, out, first, rows);
  }
  call.arena->release(mark);
  return Status::kOk;
}

/// Whether the trees have the splits and leaves that their depths say, over columns of the input.
const char* check_trees(const Array* params) {
  const Array& depths = params[index_of(kParams, "depths")];
  const Array& values = params[index_of(kParams, "values")];
  int64_t splits = 0, leaves = 0;
  for (int64_t t = 0; t < depths.size; ++t) {
    const int depth = depths.as<uint8_t>()[t];
    if (depth > kDeepest) return "'depths' holds a tree that is too deep";
    splits += depth;
    leaves += int64_t{1} << depth;
  }
  if (splits != params[index_of(kParams, "split_feature")].size) return "'depths' are not those of the splits";
  if (leaves != values.shape[0]) return "'depths' are not those of the leaves";
  const Trees trees(params);
  for (int32_t f = 0; f < trees.n_features; ++f) {
    if (trees.feature[f] < 0) return "'feature' is negative";
    if (trees.n_borders(f) > 255) return "a feature has more than 255 borders";
  }
  return nullptr;
}

const char* bind(const BindCall& call) { return check_trees(call.params); }

const char* check(const LoadCall& call) {
  if (const char* wrong = check_trees(call.params.data())) return wrong;
  const Array& feature = call.params[index_of(kParams, "feature")];
  for (int64_t f = 0; f < feature.size; ++f) {
    if (feature.as<int32_t>()[f] >= call.in[0].width) return "splits on a column that its input has not";
  }
  return nullptr;
}

Cost cost(const CostCall& call) {
  const double features = static_cast<double>(call.params[index_of(kParams, "feature")].size);
  const double borders = static_cast<double>(call.params[index_of(kParams, "borders")].size);
  const double splits = static_cast<double>(call.params[index_of(kParams, "split_feature")].size);
  const double leaves = static_cast<double>(call.params[index_of(kParams, "depths")].size) * call.out_width;
  return Cost{}
      .rows({{"features", 1.5 * features},
             {"borders", 0.08 * borders},
             {"splits", 0.02 * splits},
             {"leaves", 0.5 * leaves}})
      .first_row({{"row_features", 4.0 * features},
                  {"row_borders", 0.08 * borders},
                  {"row_splits", 0.8 * splits},
                  {"row_leaves", 1.0 * leaves}})
      .scratch(64.0 + 5.0 * features, 0.0);
}

}  // namespace
PRETZEL_KERNEL(oblivious_trees, .params = kParams, .out = {kDense, "n_out"}, .bind = bind, .check = check, .run = run,
               .cost = cost)
}  // namespace pretzel
