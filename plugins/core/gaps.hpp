// Media sequence numbers across holes. The sink that writes segments and the daemon that lists them while the sink is
// down number by this one rule, so that a number once listed as GAP stays GAP.
#pragma once

#include <cstdint>

#include "core/time.hpp"

namespace aircheck::core {

// A shorter silence between two segments is no hole: clocks and frame grids may leave that much.
inline constexpr std::int64_t kLongestSeamNs = kNsPerSecond / 2;

struct GapRow {
  std::uint64_t sequence = 0;
  Utc start;
  std::int64_t duration_ns = 0;

  friend bool operator==(const GapRow&, const GapRow&) = default;
};

// The rows that stand for a hole: target durations one after another, the last one up to kLongestSeamNs longer (never
// so long that it rounds above the target duration) or shorter, so that they sum up to the hole.
class Gap {
 public:
  // No hole.
  Gap() = default;
  // The hole between a segment that ends at previous_end and the next one; target_ns > 0.
  Gap(std::uint64_t previous_sequence, Utc previous_end, Utc next_start, std::int64_t target_ns);

  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  // i < count().
  [[nodiscard]] GapRow row(std::uint64_t i) const;
  // The number of the segment after the hole.
  [[nodiscard]] std::uint64_t next_sequence() const { return first_sequence_ + count_; }

 private:
  std::uint64_t first_sequence_ = 0;
  std::uint64_t count_ = 0;
  Utc start_;
  Utc end_;
  std::int64_t target_ns_ = 0;
};

// The number of the first segment in an empty store: its slot since 1970.
[[nodiscard]] std::uint64_t first_sequence(Utc start, std::int64_t target_ns);

}  // namespace aircheck::core
