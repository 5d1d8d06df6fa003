#include "core/gaps.hpp"

namespace aircheck::core {

Gap::Gap(std::uint64_t previous_sequence, Utc previous_end, Utc next_start, std::int64_t target_ns)
    : first_sequence_(previous_sequence + 1), start_(previous_end), end_(next_start), target_ns_(target_ns) {
  const std::int64_t beyond_seam = (next_start - previous_end) - kLongestSeamNs;
  // The last row keeps the remainder, from half a second up to just under target + half a second.
  if (beyond_seam > 0) count_ = static_cast<std::uint64_t>(beyond_seam / target_ns) + 1;
}

GapRow Gap::row(std::uint64_t i) const {
  const Utc start = start_ + static_cast<std::int64_t>(i) * target_ns_;
  const bool last = i + 1 == count_;
  return {first_sequence_ + i, start, last ? end_ - start : target_ns_};
}

std::uint64_t first_sequence(Utc start, std::int64_t target_ns) {
  const std::int64_t slot = slot_of(start, target_ns);
  return slot < 0 ? 0 : static_cast<std::uint64_t>(slot);
}

}  // namespace aircheck::core
