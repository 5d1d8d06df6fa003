// Figures for Prometheus: histograms, and the text exposition format 0.0.4 in which they are given out.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::base {

using MetricLabel = std::pair<std::string_view, std::string_view>;
using MetricLabels = std::vector<MetricLabel>;

enum class MetricType { kCounter, kGauge, kHistogram };

// Families one after the other, the samples of each behind it.
class MetricsText {
 public:
  // The samples that follow belong to `name`. Counters end in _total; units are seconds and bytes.
  void family(std::string_view name, MetricType type, std::string_view help);
  void sample(double value, const MetricLabels& labels = {}) { line("", labels, value); }
  // A line of the family whose name has a suffix more ("_bucket").
  void line(std::string_view suffix, const MetricLabels& labels, double value);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

// How many observations were at or below each bound. Not thread-safe.
class Histogram {
 public:
  // Rising bounds that outlive this; +Inf is added.
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size() + 1) {}

  void observe(double value);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // _bucket, _sum and _count, below a family of type kHistogram.
  void write(MetricsText& text, const MetricLabels& labels) const;

 private:
  std::span<const double> bounds_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace aircheck::base
