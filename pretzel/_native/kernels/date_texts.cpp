// date_texts: texts of dates in one format, read as pandas or polars read them, as the three numbers of
// pretzel/dates.py; a text of another form is a missing date. Stops at what the library may read in ways of its own.
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "core/kernel.h"

namespace pretzel {
namespace {

PRETZEL_ENUM(DatePart, uint8_t, kLiteral, kSpace, kYear, kYearOfCentury, kMonth, kMonthName, kShortMonthName, kDay,
             kHour, kHourOfHalf, kHalf, kMinute, kSecond, kFraction, kOffset);
PRETZEL_ENUM(DateLibrary, uint8_t, kPandas, kPolars);
PRETZEL_ENUM(DateUnit, uint8_t, kNs, kUs, kMs, kS, kD);

constexpr Param kParams[] = {{.name = "parts", .dtype = u8, .shape = "n_parts", .choices = kDatePartNames},
                             {"literals", u8, "n_parts"},
                             {.name = "library", .dtype = u8, .shape = "", .choices = kDateLibraryNames},
                             {.name = "unit", .dtype = u8, .shape = "", .choices = kDateUnitNames}};
constexpr int kParts = index_of(kParams, "parts"), kLiterals = index_of(kParams, "literals"),
              kLibrary = index_of(kParams, "library"), kUnit = index_of(kParams, "unit");

constexpr int kDateParts = static_cast<int>(DatePart::kOffset) + 1;
constexpr int64_t kNanosOfSecond = 1000000000, kMostNanoDays = 106650, kMostParts = 64;
constexpr int64_t kNanosOfUnit[] = {1, 1000, 1000000, kNanosOfSecond, 86400 * kNanosOfSecond};
constexpr const char* kMonths[] = {"january", "february", "march",     "april",   "may",      "june",
                                   "july",    "august",   "september", "october", "november", "december"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool is_leap(int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

/// Days from 1970 to a date of the Gregorian calendar.
int64_t day_of(int64_t year, int64_t month, int64_t day) {
  if (month <= 2) --year;  // years begin in March here; they are positive
  const int64_t era = year / 400, in_era = year % 400,
                in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

/// What is read of one text.
struct Fields {
  int64_t of[kDateParts];
  int64_t fraction_digits = 0;
  bool is_doubtful = false;  // the library may read it in a way of its own
};

/// A text against the parts of a format. pandas compiles a regular expression, which tries the longest form of a part
/// first and then shorter ones; polars reads numbers with spaces before them, and never goes back.
class Matcher {
 public:
  Matcher(const RunCall& call, const char* text, int64_t size)
      : parts_(call.params[kParts].as<uint8_t>()),
        literals_(call.params[kLiterals].as<uint8_t>()),
        n_(call.params[kParts].size),
        polars_(static_cast<DateLibrary>(call.params[kLibrary].scalar<uint8_t>()) == DateLibrary::kPolars),
        text_(text),
        size_(size) {}

  /// Whether the whole text has the form.
  bool match(Fields& fields) { return from(0, 0, fields) && end_ == size_; }

 private:
  bool from(int64_t part, int64_t at, Fields& fields) {  // NOLINT(misc-no-recursion): a format has few parts
    if (part == n_) {
      end_ = at;
      return true;
    }
    const auto kind = static_cast<DatePart>(parts_[part]);
    switch (kind) {
      case DatePart::kLiteral: {
        if (at == size_) return false;
        const char want = static_cast<char>(literals_[part]), c = text_[at];
        return (polars_ ? c == want : lower(c) == lower(want)) && from(part + 1, at + 1, fields);
      }
      case DatePart::kSpace:
        return space(part, at, fields);
      case DatePart::kYear:
        return number(part, kind, at, fields, polars_ ? 1 : 4, 4, 0, 9999);
      case DatePart::kYearOfCentury:
        return number(part, kind, at, fields, polars_ ? 1 : 2, 2, 0, 99);
      case DatePart::kMonth:
      case DatePart::kHourOfHalf:
        return number(part, kind, at, fields, 1, 2, 1, 12);
      case DatePart::kDay:
        if (number(part, kind, at, fields, 1, 2, 1, 31)) return true;
        return !polars_ && at + 1 < size_ && text_[at] == ' ' && text_[at + 1] != '0' &&
               number(part, kind, at + 1, fields, 1, 1, 1, 9);
      case DatePart::kHour:
        return number(part, kind, at, fields, 1, 2, 0, 23);
      case DatePart::kMinute:
        return number(part, kind, at, fields, 1, 2, 0, 59);
      case DatePart::kSecond:
        return number(part, kind, at, fields, 1, 2, 0, polars_ ? 60 : 61);
      case DatePart::kFraction:
        return fraction(part, at, fields);
      case DatePart::kMonthName:
      case DatePart::kShortMonthName:
        return month(part, kind, at, fields);
      case DatePart::kHalf:
        if (at + 1 >= size_ || lower(text_[at + 1]) != 'm') return false;
        if (lower(text_[at]) != 'a' && lower(text_[at]) != 'p') return false;
        fields.of[parts_[part]] = lower(text_[at]) == 'p' ? 1 : 0;
        return from(part + 1, at + 2, fields);
      case DatePart::kOffset:
        return offset(part, at, fields);
    }
    return false;
  }

  int64_t after_spaces(int64_t at) const {
    while (at < size_ && text_[at] == ' ') ++at;
    return at;
  }

  bool space(int64_t part, int64_t at, Fields& fields) {  // NOLINT(misc-no-recursion)
    const int64_t last = after_spaces(at);
    if (polars_) return from(part + 1, last, fields);
    for (int64_t end = last; end > at; --end) {
      if (from(part + 1, end, fields)) return true;
    }
    return false;
  }

  /// A number of `least` to `most` digits within bounds; without a leading zero where it has fewer and is not 0.
  bool number(int64_t part, DatePart kind, int64_t at, Fields& fields, int least, int most, int64_t low,
              int64_t high) {  // NOLINT(misc-no-recursion)
    if (polars_) {
      // Its own reader, which takes texts of full length, stops within two digits of a year.
      if (kind == DatePart::kYearOfCentury)
        fields.is_doubtful = at + 1 >= size_ || !is_digit(text_[at]) || !is_digit(text_[at + 1]);
      at = after_spaces(at);
      if (kind == DatePart::kYear && at < size_ && (text_[at] == '+' || text_[at] == '-')) fields.is_doubtful = true;
    }
    int digits = 0;
    while (digits < most && at + digits < size_ && is_digit(text_[at + digits])) ++digits;
    for (; digits >= least; --digits) {
      int64_t value = 0;
      for (int i = 0; i < digits; ++i) value = value * 10 + (text_[at + i] - '0');
      fields.of[static_cast<int>(kind)] = value;
      const bool is_within = value >= low && value <= high;
      if (is_within && from(part + 1, at + digits, fields)) return true;
      if (polars_) return false;
    }
    return false;
  }

  /// Behind a decimal point, which polars reads with it.
  bool fraction(int64_t part, int64_t at, Fields& fields) {  // NOLINT(misc-no-recursion)
    if (polars_) {
      fields.of[parts_[part]] = 0;
      if (at == size_ || text_[at] != '.') return from(part + 1, at, fields);
      ++at;
    }
    int64_t digits = 0;
    while (at + digits < size_ && is_digit(text_[at + digits])) ++digits;
    if (!polars_ && (digits == 0 || digits > 9)) fields.is_doubtful = true;  // its reader of ISO 8601 takes them
    for (int64_t n = digits < 9 ? digits : 9; n > 0; --n) {
      int64_t value = 0;
      for (int64_t i = 0; i < 9; ++i) value = value * 10 + (i < n ? text_[at + i] - '0' : 0);
      fields.of[parts_[part]] = value;
      fields.fraction_digits = n;
      if (from(part + 1, at + (polars_ ? digits : n), fields)) return true;
      if (polars_) return false;
    }
    return false;
  }

  bool is_word(int64_t at, const char* word, int64_t n) const {
    if (at + n > size_) return false;
    for (int64_t i = 0; i < n; ++i) {
      if (lower(text_[at + i]) != word[i]) return false;
    }
    return true;
  }

  bool month(int64_t part, DatePart kind, int64_t at, Fields& fields) {  // NOLINT(misc-no-recursion)
    for (int i = 0; i < 12; ++i) {
      if (!is_word(at, kMonths[i], 3)) continue;
      const auto size = static_cast<int64_t>(std::strlen(kMonths[i]));
      const bool is_long = kind == DatePart::kMonthName && is_word(at, kMonths[i], size);
      if (kind == DatePart::kMonthName && !is_long && !polars_) return false;
      fields.of[static_cast<int>(DatePart::kMonth)] = i + 1;
      return from(part + 1, at + (is_long ? size : 3), fields);
    }
    return false;
  }

  /// At the end of a format: hours and minutes from UTC; other forms are doubtful.
  bool offset(int64_t part, int64_t at, Fields& fields) {  // NOLINT(misc-no-recursion)
    if (polars_) at = after_spaces(at);
    if (at == size_) return false;
    const char sign = text_[at];
    const bool colon = at + 3 < size_ && text_[at + 3] == ':';
    const int64_t minutes = at + (colon ? 4 : 3);
    bool plain = (sign == '+' || sign == '-') && minutes + 2 == size_;
    for (const int64_t i : {at + 1, at + 2, minutes, minutes + 1}) plain = plain && is_digit(text_[i]);
    if (!plain && (polars_ || sign != 'Z' || at + 1 != size_)) {
      const char c = lower(sign);
      if (polars_ || c == '+' || c == '-' || c == 'z' || c == 'u') fields.is_doubtful = true;
      return false;
    }
    int64_t value = 0;
    if (plain) {
      const int64_t hour = (text_[at + 1] - '0') * 10 + text_[at + 2] - '0';
      const int64_t minute = (text_[minutes] - '0') * 10 + text_[minutes + 1] - '0';
      if (hour > 23 || minute > 59) fields.is_doubtful = true;
      value = (hour * 60 + minute) * (sign == '-' ? -60 : 60);
    }
    fields.of[parts_[part]] = value;
    return from(part + 1, size_, fields);
  }

  const uint8_t *parts_, *literals_;
  int64_t n_;
  bool polars_;
  const char* text_;
  int64_t size_, end_ = 0;
};

enum class Found : uint8_t { kDate, kMissing, kDoubtful };

/// Whether the characters of a text can be compared byte by byte. One with letters of Latin-1 has no format's form;
/// other characters beyond ASCII may be digits or spaces for the library, and control characters may be spaces.
Found characters(const Cell& cell) {
  if (cell.encoding == Encoding::kUcs2 || cell.encoding == Encoding::kUcs4) return Found::kDoubtful;
  const auto* bytes = static_cast<const uint8_t*>(cell.text);
  Found found = Found::kDate;
  for (int64_t i = 0; i < cell.size; ++i) {
    const uint8_t c = bytes[i];
    if (c < 0x20 || c == 0x7f) return Found::kDoubtful;
    if (c < 0x80) continue;
    if (cell.encoding == Encoding::kUtf8) {
      if (c != 0xc3) return Found::kDoubtful;
      ++i;
    } else if (c < 0xc0) {
      return Found::kDoubtful;
    }
    found = Found::kMissing;
  }
  return found;
}

bool is_present(const char* text, int64_t size) {
  constexpr const char* kWords[] = {"now", "today"};
  for (const char* word : kWords) {
    int64_t i = 0;
    while (i < size && word[i] != '\0' && lower(text[i]) == word[i]) ++i;
    if (i == size && word[i] == '\0' && size > 0) return true;
  }
  return false;
}

Found read(const RunCall& call, const Cell& cell, double* out) {
  const Found known = characters(cell);
  if (known != Found::kDate) return known;
  const auto* text = static_cast<const char*>(cell.text);
  Fields fields{};
  auto field = [&](DatePart part) -> int64_t& { return fields.of[static_cast<int>(part)]; };
  field(DatePart::kYearOfCentury) = -1;
  Matcher matcher(call, text, cell.size);
  const bool is_match = matcher.match(fields);
  const bool polars = static_cast<DateLibrary>(call.params[kLibrary].scalar<uint8_t>()) == DateLibrary::kPolars;
  if (!polars && cell.size > 0 && text[0] == '-') return Found::kDoubtful;  // years before 0 for its reader of ISO 8601
  if (fields.is_doubtful || (!polars && is_present(text, cell.size))) return Found::kDoubtful;
  if (!is_match) return Found::kMissing;
  int64_t year = field(DatePart::kYear);
  if (const int64_t two = field(DatePart::kYearOfCentury); two >= 0) {
    year = two + (two < (polars ? 70 : 69) ? 2000 : 1900);
  }
  const int64_t month = field(DatePart::kMonth), day = field(DatePart::kDay);
  const int64_t length = month == 2                                              ? (is_leap(year) ? 29 : 28)
                         : month == 4 || month == 6 || month == 9 || month == 11 ? 30
                                                                                 : 31;
  if (day > length) return Found::kMissing;
  if (year < 1 || field(DatePart::kSecond) > 59) return Found::kDoubtful;
  int64_t hour = field(DatePart::kHour);
  if (const int64_t of_half = field(DatePart::kHourOfHalf); of_half > 0) {
    hour = of_half % 12 + 12 * field(DatePart::kHalf);
  }
  const int64_t unit = call.params[kUnit].scalar<uint8_t>();
  if (!polars && unit > 0 && fields.fraction_digits > 6) return Found::kDoubtful;  // others become nanoseconds with it
  const int64_t seconds =
      hour * 3600 + field(DatePart::kMinute) * 60 + field(DatePart::kSecond) - field(DatePart::kOffset);
  const int64_t shift = seconds < 0 ? -1 : seconds >= 86400 ? 1 : 0, days = day_of(year, month, day) + shift;
  if (unit == 0 && std::abs(days) > kMostNanoDays) return Found::kDoubtful;
  if (days < -719162 || days > 2932896) return Found::kDoubtful;  // years 1 to 9999
  const int64_t nanos = (seconds - shift * 86400) * kNanosOfSecond + field(DatePart::kFraction);
  out[0] = static_cast<double>(days);
  out[1] = static_cast<double>(nanos - nanos % kNanosOfUnit[unit]);
  out[2] = 0.0;
  return Found::kDate;
}

Status run(const RunCall& call) noexcept {
  const View& in = call.in[0];
  for (int32_t r = 0; r < call.rows; ++r) {
    const Cell& cell = in.cell(r, 0);
    double* out = call.out->row(r);
    Found found = Found::kMissing;
    if (cell.kind == CellKind::kText) {
      found = read(call, cell, out);
    } else if (cell.kind == CellKind::kNumber || cell.kind == CellKind::kInfinite || cell.kind == CellKind::kOther) {
      found = Found::kDoubtful;
    }
    if (found == Found::kDoubtful) return call.reject(Status::kWrongType, r, 0);
    if (found == Found::kMissing) out[0] = out[1] = out[2] = NAN;
  }
  return Status::kOk;
}

/// Each part but literals and spaces once, no spaces side by side, and an offset at the end: so few ways to read a
/// text.
const char* check(const Array* params) {
  const auto *parts = params[kParts].as<uint8_t>(), *literals = params[kLiterals].as<uint8_t>();
  const int64_t n = params[kParts].size;
  if (n > kMostParts) return "'parts' has too many parts";
  bool seen[kDateParts] = {};
  for (int64_t i = 0; i < n; ++i) {
    const auto part = static_cast<DatePart>(parts[i]);
    if (part == DatePart::kLiteral) {
      if (literals[i] == ' ') return "'literals' has a character that is no literal";
      continue;
    }
    if (part == DatePart::kSpace) {
      if (i > 0 && static_cast<DatePart>(parts[i - 1]) == part) return "'parts' has spaces side by side";
      continue;
    }
    if (seen[parts[i]]) return "'parts' has a part twice";
    if (part == DatePart::kOffset && i + 1 < n) return "'parts' has an offset before its end";
    seen[parts[i]] = true;
  }
  return nullptr;
}

const char* bind(const BindCall& call) { return check(call.params); }
const char* check_call(const LoadCall& call) { return check(call.params.data()); }

Cost cost(const CostCall& call) {
  return Cost{}.rows({{"call", 3.0}, {"parts", 2.0 * static_cast<double>(call.params[kParts].size)}});
}

}  // namespace
PRETZEL_KERNEL(date_texts, .params = kParams, .in = {kCells, "1"}, .out = {kDense, "3"}, .bind = bind,

               .check = check_call, .run = run, .cost = cost)
}  // namespace pretzel
