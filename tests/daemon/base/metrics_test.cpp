#include "base/metrics.hpp"

#include <gtest/gtest.h>

#include <array>
#include <limits>

namespace aircheck::base {
namespace {

TEST(Metrics, TextHasWhatTheFormatAsksFor) {
  MetricsText text;
  text.family("a_total", MetricType::kCounter, "Lines\nand \\ and \"quotes\".");
  text.sample(3);
  text.sample(0.25, {{"channel", "a\"b\\c\nd"}, {"state", "on"}});
  text.family("b", MetricType::kGauge, "B.");
  text.sample(std::numeric_limits<double>::infinity());
  text.sample(1772000000.125);
  EXPECT_EQ(text.text(),
            "# HELP a_total Lines\\nand \\\\ and \"quotes\".\n# TYPE a_total counter\na_total 3\n"
            "a_total{channel=\"a\\\"b\\\\c\\nd\",state=\"on\"} 0.25\n"
            "# HELP b B.\n# TYPE b gauge\nb +Inf\nb 1772000000.125\n");
}

TEST(Metrics, HistogramsCountEachBoundAndEverythingBelow) {
  static constexpr std::array kBounds = {0.1, 1.0};
  Histogram histogram(kBounds);
  for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.observe(value);
  MetricsText text;
  text.family("h_seconds", MetricType::kHistogram, "H.");
  histogram.write(text, {{"kind", "live"}});
  EXPECT_EQ(text.text(),
            "# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
            "h_seconds_bucket{kind=\"live\",le=\"0.1\"} 2\n"
            "h_seconds_bucket{kind=\"live\",le=\"1\"} 3\n"
            "h_seconds_bucket{kind=\"live\",le=\"+Inf\"} 4\n"
            "h_seconds_sum{kind=\"live\"} 7.65\nh_seconds_count{kind=\"live\"} 4\n");
}

}  // namespace
}  // namespace aircheck::base
