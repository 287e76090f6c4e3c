// Bounds of the squared distances between rows and centres, from a float32 copy of the centres beside their mean.
//
// The score of a centre is |c|^2 - 2 x.c of the copies, in float32: blocks of 16 centres are read by several rows
// together. It differs from the squared distance, but for the same number for all centres, by less than half of
// `margin`. So only a centre whose score is not more than the margin above the least one may be the nearest. Centres
// may be any stored rows.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/kernel.h"
#include "core/nearest.h"
#include "core/simd.h"

namespace pretzel {
namespace {

struct CenterHeader {
  double size;  // largest |c - mean|
  double mean_size;
};

/// Where the parts of a state lie: header, mean, squares of the centres, blocks of their squares and columns.
struct CenterLayout {
  int64_t count, width, blocks, mean, norms, scores, bytes;

  CenterLayout(int64_t n_centers, int64_t n_columns)
      : count(n_centers),
        width(n_columns),
        blocks((n_centers + kBlock - 1) / kBlock),
        mean(aligned(sizeof(CenterHeader))),
        norms(mean + 8 * stride()),
        scores(norms + aligned(8 * n_centers)),
        bytes(scores + aligned(4 * blocks * block_size())) {}

  /// Columns with zeros up to whole vectors.
  int64_t stride() const { return aligned(8 * width) / 8; }
  int64_t block_size() const { return kBlock * (width + 1); }

 private:
  static int64_t aligned(int64_t n_bytes) { return (n_bytes + 63) / 64 * 64; }
};

/// Writes all parts of a state of zeros but the squares of the centres.
inline void copy_centers(const double* centers, const CenterLayout& at, uint8_t* state) {
  auto* header = reinterpret_cast<CenterHeader*>(state);
  auto* mean = reinterpret_cast<double*>(state + at.mean);
  for (int64_t c = 0; c < at.count; ++c) {
    for (int64_t j = 0; j < at.width; ++j) mean[j] += centers[c * at.width + j];
  }
  double square = 0.0;
  for (int64_t j = 0; j < at.width; ++j) {
    mean[j] /= static_cast<double>(at.count);
    if (!std::isfinite(mean[j])) mean[j] = 0.0;
    square += mean[j] * mean[j];
  }
  header->mean_size = std::sqrt(square);
  for (int64_t c = 0; c < at.blocks * kBlock; ++c) {
    float* copy = reinterpret_cast<float*>(state + at.scores) + c / kBlock * at.block_size() + c % kBlock;
    copy[0] = HUGE_VALF;  // no centre
    if (c >= at.count) continue;
    double norm = 0.0, size = 0.0;
    for (int64_t j = 0; j < at.width; ++j) {
      const double centered = centers[c * at.width + j] - mean[j];
      const auto rounded = static_cast<float>(centered);
      copy[(j + 1) * kBlock] = rounded;
      norm += static_cast<double>(rounded) * static_cast<double>(rounded);
      size += centered * centered;
    }
    copy[0] = static_cast<float>(norm);
    size = std::sqrt(size);
    if (!(size <= header->size)) header->size = size;
  }
}

class CenterBounds {
 public:
  CenterBounds(const uint8_t* state, const CenterLayout& at)
      : header_(*reinterpret_cast<const CenterHeader*>(state)),
        mean_(reinterpret_cast<const double*>(state + at.mean)),
        blocks_(reinterpret_cast<const float*>(state + at.scores)),
        at_(at),
        of_floats_(0x1.4p-23 * static_cast<double>(at.width + 32)),
        of_doubles_(0x1.4p-51 * static_cast<double>(at.width + 32)),
        of_subnormals_(0x1p-120 * static_cast<double>(at.width + 32)) {}

  struct Row {
    double square;  // |x - mean|^2
    double margin;  // infinite: its scores say nothing
  };

  /// Writes -2 times the float32 copy of a row, of `stride` elements.
  Row copy_row(const double* x, float* copy) const {
    typedef float Halves __attribute__((vector_size(4 * kNativeLanes)));
    f64xn squares{};
    each_register(static_cast<int32_t>(at_.width), [&](int32_t j, auto lanes) {
      const f64xn centered = lanes.load(x + j) - loadn(mean_ + j);  // zeros behind the last column
      const Halves doubled = __builtin_convertvector(-2.0 * centered, Halves);
      std::memcpy(copy + j, &doubled, sizeof doubled);
      squares += centered * centered;
    });
    double square = 0.0;
    for (int i = 0; i < kNativeLanes; ++i) square += squares[i];
    const double size = std::sqrt(square), center = header_.size;
    if (!(size < kLargest && center < kLargest)) return {square, HUGE_VAL};
    const double reach = size + center + 2.0 * header_.mean_size;
    const double margin = of_floats_ * center * (center + 2.0 * size) + of_doubles_ * reach * reach +
                          of_subnormals_ * (1.0 + center + size);
    return {square, margin < kLargest * kLargest ? margin : HUGE_VAL};
  }

  /// Scores of all centres for rows whose copies lie one after the other.
  template <int kRows>
  void score(const float* copies, float* scores) const {
    const int64_t stride = at_.stride(), row = at_.blocks * kBlock;
    const float* block = blocks_;
    for (int64_t b = 0; b < at_.blocks; ++b, block += at_.block_size()) {
      f32xn sums[kRows][kVectors];
      for (int v = 0; v < kVectors; ++v) {
        const f32xn norms = loadf(block + v * kFloats);
        for (int r = 0; r < kRows; ++r) sums[r][v] = norms;
      }
      for (int64_t j = 0; j < at_.width; ++j) {
        for (int v = 0; v < kVectors; ++v) {
          const f32xn column = loadf(block + (j + 1) * kBlock + v * kFloats);
          for (int r = 0; r < kRows; ++r) sums[r][v] += column * copies[r * stride + j];
        }
      }
      for (int r = 0; r < kRows; ++r) std::memcpy(scores + r * row + b * kBlock, sums[r], sizeof sums[r]);
    }
  }

  /// The largest score of a centre that may be the nearest. NaN: it may be any.
  float limit_of_least(const float* scores, Row row) const {
    f32xn least = loadf(scores);
    for (int64_t i = kFloats; i < at_.blocks * kBlock; i += kFloats) {
      const f32xn next = loadf(scores + i);
      least = next < least ? next : least;
    }
    f32x4 parts[kFloats / 4];
    std::memcpy(parts, &least, sizeof parts);
    for (const f32x4& part : parts) parts[0] = part < parts[0] ? part : parts[0];
    const float even = parts[0][2] < parts[0][0] ? parts[0][2] : parts[0][0];
    const float odd = parts[0][3] < parts[0][1] ? parts[0][3] : parts[0][1];
    const float found = odd < even ? odd : even;
    return limit(static_cast<double>(found), row.margin);
  }

  /// The largest score of a centre whose squared distance may be at most `square`. NaN: it may be that of any.
  static float limit_within(double square, Row row) { return limit(square - row.square, row.margin); }

  /// A bit for each centre of a block that may be the nearest.
  uint32_t near(const float* scores, int64_t block, float limit) const {
    f32xn sums[kVectors];
    std::memcpy(sums, scores + block * kBlock, sizeof sums);
    const int64_t size = at_.count - block * kBlock;
    return not_above(sums, limit) & (size < kBlock ? (1U << size) - 1U : ~0U);
  }

 private:
  typedef float f32x4 __attribute__((vector_size(16)));

  static constexpr double kLargest = 1e18;

  static float limit(double score, double margin) {
    return margin < HUGE_VAL ? static_cast<float>(score + margin) : NAN;
  }
  static f32xn loadf(const float* p) {
    f32xn v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }

  CenterHeader header_;
  const double* mean_;
  const float* blocks_;
  CenterLayout at_;
  double of_floats_, of_doubles_, of_subnormals_;
};

}  // namespace
}  // namespace pretzel
