// calendar: features of dates, each of which is a day since 1970, a nanosecond of that day, and the seconds by which
// the clock is ahead of UTC: see pretzel/dates.py.
#include <cmath>

#include "core/rows.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(Feature, uint8_t, kYear, kMonth, kDay, kHour, kMinute, kSecond, kMicrosecond, kNanosecond,
             kNanosecondOfSecond, kWeekday, kDayOfYear, kTotalSeconds, kTotalMilliseconds, kQuarter, kSemester, kWeek,
             kWeekend, kMonthStart, kMonthEnd, kQuarterStart, kQuarterEnd, kYearStart, kYearEnd, kLeapYear,
             kDaysInMonth);

constexpr int64_t kSecondsOfDay = 86400, kNanosOfSecond = 1000000000;
constexpr double kMostDays = 1e8, kNanosOfDay = 86400e9;

bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

/// A date, with its fields in the Gregorian calendar.
struct Date {
  int64_t day, nanos, offset;
  int64_t year, month, day_of_month, day_of_year, length;

  Date(int64_t day, int64_t nanos, int64_t offset) : day(day), nanos(nanos), offset(offset) {
    // Years begin in March here, so that the day that some have more comes last; eras have 400 years.
    const int64_t shifted = day + 719468, era = floor_div(shifted, 146097), in_era = shifted - era * 146097;
    const int64_t in_400 = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    const int64_t in_year = in_era - (365 * in_400 + in_400 / 4 - in_400 / 100), in_12 = (5 * in_year + 2) / 153;
    day_of_month = in_year - (153 * in_12 + 2) / 5 + 1;
    month = in_12 < 10 ? in_12 + 3 : in_12 - 9;
    year = era * 400 + in_400 + (month <= 2 ? 1 : 0);
    day_of_year = month <= 2 ? in_year - 305 : in_year + 60 + (is_leap(year) ? 1 : 0);
    length = month == 2 ? (is_leap(year) ? 29 : 28) : month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
  }

  /// From Monday on, which is 0.
  int64_t weekday() const { return day + 3 - floor_div(day + 3, 7) * 7; }
  int64_t seconds() const { return day * kSecondsOfDay - offset + nanos / kNanosOfSecond; }
  /// That of ISO 8601: the year of a week is that of its Thursday.
  int64_t week() const {
    const Date thursday(day - weekday() + 3, 0, 0);
    return (thursday.day_of_year - 1) / 7 + 1;
  }
  /// As pandas divides: nanoseconds only where a date has some, which 64 bits hold then.
  double total_seconds() const {
    const int64_t whole = seconds(), part = nanos % kNanosOfSecond;
    if (part % 1000 != 0 && whole > -9000000000 && whole < 9000000000) {
      return static_cast<double>(whole * kNanosOfSecond + part) / 1e9;
    }
    return static_cast<double>(whole * 1000000 + part / 1000) / 1e6;
  }
  double total_milliseconds() const { return static_cast<double>(seconds() * 1000 + nanos / 1000000 % 1000) / 1e3; }

  int64_t field(Feature feature) const {
    switch (feature) {
      case Feature::kYear:
        return year;
      case Feature::kMonth:
        return month;
      case Feature::kDay:
        return day_of_month;
      case Feature::kHour:
        return nanos / (3600 * kNanosOfSecond);
      case Feature::kMinute:
        return nanos / (60 * kNanosOfSecond) % 60;
      case Feature::kSecond:
        return nanos / kNanosOfSecond % 60;
      case Feature::kMicrosecond:
        return nanos / 1000 % 1000000;
      case Feature::kNanosecond:
        return nanos % 1000;
      case Feature::kNanosecondOfSecond:
        return nanos % kNanosOfSecond;
      case Feature::kWeekday:
        return weekday() + 1;
      case Feature::kDayOfYear:
        return day_of_year;
      case Feature::kQuarter:
        return (month + 2) / 3;
      case Feature::kSemester:
        return month <= 6 ? 1 : 2;
      case Feature::kWeek:
        return week();
      case Feature::kWeekend:
        return weekday() >= 5;
      case Feature::kMonthStart:
        return day_of_month == 1;
      case Feature::kMonthEnd:
        return day_of_month == length;
      case Feature::kQuarterStart:
        return day_of_month == 1 && month % 3 == 1;
      case Feature::kQuarterEnd:
        return day_of_month == length && month % 3 == 0;
      case Feature::kYearStart:
        return day_of_year == 1;
      case Feature::kYearEnd:
        return month == 12 && day_of_month == 31;
      case Feature::kLeapYear:
        return is_leap(year);
      case Feature::kDaysInMonth:
        return length;
      case Feature::kTotalSeconds:
      case Feature::kTotalMilliseconds:
        break;  // `value` computes them
    }
    return 0;
  }

  double value(Feature feature) const {
    if (feature == Feature::kTotalSeconds) return total_seconds();
    if (feature == Feature::kTotalMilliseconds) return total_milliseconds();
    return static_cast<double>(field(feature));
  }
};

/// Whether three numbers are a date.
bool is_date(const double* in) {
  return std::fabs(in[0]) <= kMostDays && in[1] >= 0.0 && in[1] <= kNanosOfDay && std::fabs(in[2]) <= kSecondsOfDay;
}

Status run(const RunCall& call) noexcept {
  const auto* features = call.params[0].as<uint8_t>();
  const int32_t width = call.out->width;
  return each_row(call, [=](const double* in, double* out) {
    if (!is_date(in)) {
      for (int32_t j = 0; j < width; ++j) out[j] = NAN;
      return;
    }
    const Date date(static_cast<int64_t>(in[0]), static_cast<int64_t>(in[1]), static_cast<int64_t>(in[2]));
    for (int32_t j = 0; j < width; ++j) out[j] = date.value(static_cast<Feature>(features[j]));
  });
}

Cost cost(const CostCall& call) {
  return Cost{}.rows({{"call", 3.0}, {"dates", 12.0}, {"columns", 2.0 * call.out_width}});
}

constexpr Param kParams[] = {{.name = "features", .dtype = u8, .shape = "n_features", .choices = kFeatureNames}};

}  // namespace
PRETZEL_KERNEL(calendar, .params = kParams, .in = {kDense, "3"}, .out = {kDense, "n_features"}, .run = run,
               .cost = cost)
}  // namespace pretzel
