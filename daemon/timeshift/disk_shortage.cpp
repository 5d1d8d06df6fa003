#include "timeshift/disk_shortage.hpp"

namespace aircheck::timeshift {

namespace {

constexpr std::int64_t kHourNs = 3600 * core::kNsPerSecond;

}  // namespace

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kKib = 1024;
  constexpr std::uint64_t kMib = kKib * kKib;
  return bytes >= kMib ? std::to_string(bytes / kMib) + " MiB" : std::to_string((bytes + kKib - 1) / kKib) + " KiB";
}

bool hourly_due(core::Utc told, core::Utc now) {
  return now < told || now - told >= kHourNs;
}

DiskShortage::State DiskShortage::next(const DiskLook& look) const {
  if (look.wanted_bytes == 0) return State::kNone;
  // Whoever hovers about the limit would come and go with each segment that is written.
  const std::uint64_t margin = state_ == State::kFull ? look.wanted_bytes / 8 : 0;
  if (look.free_bytes < look.wanted_bytes + margin) return State::kFull;
  if (look.displaced_segments > 0) return State::kDisplacing;
  // What is deleted gives room for minutes only.
  return state_ == State::kDisplacing && !hourly_due(displaced_at_, look.at) ? State::kDisplacing : State::kNone;
}

std::string DiskShortage::text_of(const Displaced& displaced, const char* more) {
  return std::to_string(displaced.segments) + more + " segments (" + size_text(displaced.bytes) +
         ") deleted that could still be watched";
}

DiskShortage::Notice DiskShortage::notice(State before, const DiskLook& look) const {
  const std::string free = size_text(look.free_bytes);
  if (state_ == State::kNone) {
    const std::string cost = in_all_.segments > 0 ? ": " + text_of(in_all_, "") : std::string();
    return {base::LogLevel::kInfo,
            "the disk has room again, " + free + " are free (short since " + core::to_rfc3339(begun_) + cost + ")"};
  }
  if (state_ == State::kFull) {
    const std::string made = untold_.segments > 0 ? "; " + text_of(untold_, "") : std::string();
    return {base::LogLevel::kError, (before == State::kFull ? "still only " : "only ") + free +
                                        " are free and nothing more can be deleted: min-free-mib asks for " +
                                        size_text(look.wanted_bytes) + ", give more space" + made};
  }
  const std::string remedy = "; shorten cutv_window_hours or give more space";
  if (before == State::kFull) return {base::LogLevel::kWarning, free + " are free: " + text_of(untold_, "") + remedy};
  const bool again = before == State::kDisplacing;
  return {base::LogLevel::kWarning, (again ? "the disk is still nearly full: " : "the disk is nearly full: ") +
                                        text_of(untold_, again ? " more" : "") + remedy};
}

std::optional<DiskShortage::Notice> DiskShortage::after(const DiskLook& look) {
  const State before = state_;
  state_ = next(look);
  if (before == State::kNone && state_ == State::kNone) return std::nullopt;
  if (before == State::kNone) {
    begun_ = look.at;
    in_all_ = untold_ = {};
  }
  if (look.displaced_segments > 0) displaced_at_ = look.at;
  for (Displaced* sum : {&untold_, &in_all_}) {
    sum->segments += look.displaced_segments;
    sum->bytes += look.displaced_bytes;
  }
  if (state_ == before && !hourly_due(told_, look.at)) return std::nullopt;
  Notice said = notice(before, look);
  told_ = look.at;
  untold_ = {};
  return said;
}

}  // namespace aircheck::timeshift
