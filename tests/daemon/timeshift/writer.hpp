// Rows as strftimefmp4sink numbers them, for tests: the numbering rule is spelled out here a second time, on purpose.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/time.hpp"
#include "timeshift/segment_row.hpp"

namespace aircheck::timeshift::test {

inline constexpr std::int64_t kTarget = 6 * core::kNsPerSecond;
inline const core::Utc kNoon = core::Utc::from_seconds(1'772'000'000 / 6 * 6);

inline SegmentRow file(std::uint64_t sequence, core::Utc start, std::int64_t duration_ns = kTarget) {
  return SegmentRow{.sequence = sequence,
                    .discontinuity_sequence = 0,
                    .start = start,
                    .duration_ns = duration_ns,
                    .size = 1000,
                    .epoch = 0,
                    .key_id = core::KeyId{1},
                    .location = "ch1-" + std::to_string(start.ns / core::kNsPerSecond) + ".m4s",
                    .init_location = "ch1-init-0011223344556677.mp4"};
}

class Writer {
 public:
  explicit Writer(core::Utc start) : next_(start) {}

  SegmentRow segment(std::int64_t duration_ns = kTarget) {
    SegmentRow row = file(sequence_, next_, duration_ns);
    row.epoch = epoch_;
    row.location = "ch1-" + std::to_string(row.start.ns / core::kNsPerMs) + "-e" + std::to_string(epoch_) + ".m4s";
    row.key_id = key_id_;
    row.init_location = "ch1-init-" + core::to_hex(key_id_) + ".mp4";
    row.discontinuity = restarted_;
    if (restarted_) ++discontinuity_sequence_;
    row.discontinuity_sequence = discontinuity_sequence_;
    restarted_ = false;
    ++sequence_;
    end_ = next_ = row.end();
    return row;
  }

  void restart(core::Utc start) {
    const std::int64_t hole = start - end_;
    if (hole > core::kNsPerSecond / 2) {
      const double slots =
          std::floor(static_cast<double>(hole - core::kNsPerSecond / 2) / static_cast<double>(kTarget));
      sequence_ += static_cast<std::uint64_t>(slots) + 1;
    }
    next_ = start;
    restarted_ = true;
  }

  void step_back(std::int64_t ns) {
    ++epoch_;
    restart(end_ - ns);
  }

  void new_crypto_period() { ++key_id_[0]; }

  [[nodiscard]] core::Utc end() const { return end_; }

 private:
  std::uint64_t sequence_ = 1000;
  std::uint64_t discontinuity_sequence_ = 0;
  std::uint32_t epoch_ = 0;
  core::KeyId key_id_{1};
  bool restarted_ = false;
  core::Utc next_;
  core::Utc end_;
};

}  // namespace aircheck::timeshift::test
