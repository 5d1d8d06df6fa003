#include "timeshift/disk_outlook.hpp"

#include <algorithm>
#include <limits>

namespace aircheck::timeshift {

namespace {

// When the first of what is there expires, in hours from now.
double expiry_begins(const ArchiveTrend& trend) {
  return std::max(0.0, trend.keep_h - trend.reaches_back_h);
}

// How much more than now it takes `hours` from now. It grows until its first segments expire, and is level from when
// the last of what is there has expired; lines between.
double growth(const ArchiveTrend& trend, double hours) {
  const double begin = expiry_begins(trend);
  const double written = trend.bytes_per_hour * std::min(hours, trend.keep_h);
  const double span = trend.keep_h - begin;
  const double expired = span > 0 ? std::clamp((hours - begin) / span, 0.0, 1.0) : 1.0;
  return written - static_cast<double>(trend.bytes) * expired;
}

}  // namespace

double hours_until_full(const std::vector<ArchiveTrend>& trends, std::uint64_t room) {
  std::vector<double> bends = {0};
  for (const ArchiveTrend& trend : trends) {
    bends.push_back(expiry_begins(trend));
    bends.push_back(trend.keep_h);
  }
  std::ranges::sort(bends);
  const auto wanted = static_cast<double>(room);
  const auto sum = [&](double hours) {
    double total = 0;
    for (const ArchiveTrend& trend : trends) total += growth(trend, hours);
    return total;
  };
  double from = 0;
  double taken = sum(0);
  for (const double bend : bends) {
    const double then = sum(bend);
    if (then >= wanted && then > taken) return from + (bend - from) * (wanted - taken) / (then - taken);
    from = bend;
    taken = then;
  }
  return std::numeric_limits<double>::infinity();
}

}  // namespace aircheck::timeshift
