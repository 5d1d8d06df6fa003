// Archives whose files are only heads, and the playlists of their windows.
#pragma once

#include <string>

#include "catchup/files.hpp"
#include "catchup/playlist.hpp"
#include "core/gaps.hpp"

namespace aircheck::test {

inline constexpr std::int64_t kTarget = 6 * core::kNsPerSecond;
inline const core::Utc kNoon = *core::from_rfc3339("2026-02-25T12:00:00Z");
// Long after everything: what is not there now will not come.
inline const core::Utc kLater = *core::from_rfc3339("2026-03-01T00:00:00Z");

// Writes segments one after another, as the sink numbers them.
class Writer {
 public:
  explicit Writer(std::string location)
      : location_(std::move(location)), pattern_(*core::NamePattern::parse(location_)) {
    info_.sequence = 1000;
    info_.start = kNoon;
    info_.duration_ns = kTarget;
    info_.target_duration_s = info_.max_duration_s = 6;
    info_.init_name = "ch1-init-0123456789abcdef.mp4";
  }

  core::SegmentInfo& next() { return info_; }
  const std::string& location() const { return location_; }

  std::string write(int count = 1, std::uint32_t duplicate = 0) {
    std::string path;
    for (int i = 0; i < count; ++i) {
      path = test::write_segment(pattern_, info_, duplicate);
      info_.start = info_.start + info_.duration_ns;
      ++info_.sequence;
      info_.discontinuity = false;
    }
    return path;
  }
  // Of any length: with the numbers of the sink.
  void hole(std::int64_t length_ns) {
    const core::Utc end = info_.start + length_ns;
    info_.sequence = core::Gap(info_.sequence - 1, info_.start, end, kTarget).next_sequence();
    info_.start = end;
    restart();
  }
  void skip(int count) {
    info_.start = info_.start + count * kTarget;
    info_.sequence += static_cast<std::uint64_t>(count);
    restart();
  }
  void restart() {
    info_.discontinuity = true;
    ++info_.discontinuity_sequence;
  }

 private:
  std::string location_;
  core::NamePattern pattern_;
  core::SegmentInfo info_;
};

// The playlist of a window.
inline core::Result<std::string> text(const std::string& location, const catchup::WindowRequest& request,
                                      core::Utc now = kLater, const std::string& key_uri = "") {
  AIRCHECK_TRY(const auto archive, catchup::Archive::open(location, "video"));
  AIRCHECK_TRY(const auto window, catchup::read_window(archive, request, now));
  return catchup::write_playlist(archive, window, {request.kind, "", key_uri});
}

}  // namespace aircheck::test
