// A station on a real socket whose channel ch1 has half an hour of encrypted segments and a guide of five-minute
// programmes. Nothing is on air: time is the test's.
#pragma once

#include <string>
#include <vector>

#include "daemon/http/station_with_accounts.hpp"
#include "daemon/timeshift/segment_files.hpp"
#include "daemon/timeshift/writer.hpp"
#include "http/routes_hls.hpp"
#include "http/routes_tstv.hpp"
#include "support/m3u8.hpp"

namespace aircheck::test {

class StationWithArchive : public StationWithAccounts {
 protected:
  static constexpr std::int64_t kSecondNs = core::kNsPerSecond;
  static constexpr std::int64_t kMinuteNs = 60 * kSecondNs;
  static constexpr std::int64_t kSegmentNs = 6 * kSecondNs;

  // recorded: with the half hour of made-up segments.
  explicit StationWithArchive(bool recorded = true) {
    now_ = core::Utc::from_seconds(1'772'000'000 / 300 * 300);  // a programme begins
    one_.encrypted = true;
    for (int i = -6; i < 6; ++i) programmes_.push_back(add_programme(one_, i));
    http::register_hls_routes(router_, services());
    http::register_epg_routes(router_, services());
    http::register_tstv_routes(router_, services());
    if (recorded) take_in(one_);
    take_in(two_);
    if (recorded) record(30 * kMinuteNs);
  }

  // What the viewer's routes of this station work with.
  [[nodiscard]] http::StreamServices services() {
    return {.channels = *channels_,
            .keys = *keys_,
            .guide = guide_,
            .archive = *archive_,
            .blobs = blobs_,
            .playlists = playlists_,
            .gate = gate_,
            .authenticator = authenticator_,
            .cdn_base_url = [] { return std::string(); },
            .now = [this] { return now_; }};
  }

  schedule::Entry add_programme(const channels::Channel& channel, int slot, bool eligible = true) {
    const core::Utc start = now_ + slot * 5 * kMinuteNs;
    const schedule::Entry entry{.id = channel.key + "-programme" + std::to_string(slot),
                                .channel_id = channel.id,
                                .title = "Programme " + std::to_string(slot),
                                .description = "",
                                .start = start,
                                .end = start + 5 * kMinuteNs,
                                .catchup_eligible = eligible};
    EXPECT_TRUE(guide_.insert(entry, "manual", now_));
    return entry;
  }
  [[nodiscard]] const schedule::Entry& programme(int slot) const {
    return programmes_[static_cast<std::size_t>(slot + 6)];
  }

  void take_in(const channels::Channel& channel) {
    bool scanned = false;
    archive_->add_channel({.id = channel.id, .key = channel.key, .target_duration_s = 6}, [&] { scanned = true; });
    EXPECT_TRUE(run_until([&] { return scanned; }));
  }

  // The channel's segments of the last `length_ns` until now.
  void record(std::int64_t length_ns) {
    timeshift::test::Writer writer(now_ - length_ns);
    while (writer.end() < now_) write(writer.segment());
    EXPECT_TRUE(run_until([&] { return !archive_->facts(one_.id).empty(); }));
  }
  void write(timeshift::SegmentRow row, bool encrypted = true) {
    row.key_id.reset();
    if (encrypted) row.key_id = keys_->at(one_.id, row.start).value().key_id;
    row.init_location = "ch1-init-0011223344556677.mp4";
    rows_.push_back(timeshift::test::write_segment(segments() + "/ch1", "ch1", row));
    archive_->add_segment(one_.id, rows_.back());
  }
  [[nodiscard]] std::string segments() const { return directory_ / "segments"; }

  std::string stream(const std::string& query, access::Kind kind,
                     access::Protection protection = access::Protection::kCenc, const std::string& file = "main.m3u8") {
    return url("/hls/ch1/" + file + "?" + query + (query.empty() ? "" : "&") +
               "token=" + playback_token(kind, protection));
  }
  static std::string seconds(core::Utc instant) { return std::to_string(instant.ns / kSecondNs); }

  base::WorkerPool pool_{2};
  std::unique_ptr<timeshift::Archive> archive_ = std::move(
      timeshift::Archive::open(
          {.segment_directory = segments(), .index_path = directory_ / "index.db", .now = [this] { return now_; }},
          pool_)
          .value());
  timeshift::BlobCache blobs_{pool_, 64 << 20};
  timeshift::PlaylistCache playlists_{pool_, 8 << 20};
  std::vector<schedule::Entry> programmes_;
  std::vector<timeshift::SegmentRow> rows_;
};

}  // namespace aircheck::test
