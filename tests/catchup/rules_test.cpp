// The rules of HLS that are most often broken, over an archive with holes, restarts, crypto periods and a lost file:
// its playlists of every kind while it grows, second by second, and of every window afterwards. Which test holds which:
//
// 1 types, what slides, appends, stays   LiveSlidesEventAppendsVodStays; CatchupPlaylist.IsWholeOrNotThere
// 2 TARGETDURATION                       look() at every playlist here, playlist() at every one of playlist_test.cpp
// 3 numbers, discontinuities, URLs       look(): one archive never says two things of one number; against what the
//                                        writer counted. CatchupPlaylist.KeepsTheNumbersOverFilesThatAreGone,
//                                        .TakesTheNewestEpochAndFollowsTheNumbers
// 4 restarts, keys, the head             StatesWhatIsInForce; CatchupPlaylistSrc.WritesThePlaylistOfTheSink (cenc,
// cbcs).
//                                        AES-128 is made by the daemon only
// 5 holes                                HolesSumUp, ListsWholeFilesOnly, LiveSlidesEventAppendsVodStays (a GAP row
// within
//                                        1.5 targets); CatchupPlaylist.ListsHolesAndTrimsThemAtTheEdges,
//                                        .LiveIsTheNewestSixTargets. Retention is the sink's
//                                        (tests/fmp4/retention_test)
// 6 VERSION                              NeedsTheLowestVersion. CODECS, BANDWIDTH and the rest stand in multivariant
//                                        playlists, which this element does not write (tests/fmp4/multivariant_test)
// 7 type and text                        CatchupPlaylistSrc.IsWhatItsCapsSay. Cache-Control and gzip are the server's
// 8 bounds, START                        EveryWindowIsCutOutward; CatchupPlaylist.IsCutOutwardToWholeSegments
// 9 delta updates                        OffersNoDeltaUpdates: a file cannot answer _HLS_skip
// Players: tests/e2e/catchup.test.ts (hls.js, Shaka Player, mpv), CatchupPlaylistSrc.PlaysInFfmpeg.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <sstream>

#include "catchup/archive_writer.hpp"
#include "core/bmff_samples.hpp"
#include "support/m3u8.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::catchup {
namespace {

using core::kNsPerMs;
using core::kNsPerSecond;
using core::SegmentInfo;
using core::Utc;
using test::kLater;
using test::kNoon;
using test::kTarget;
using test::M3u8;

constexpr const char* kKeyUri = "https://keys.example/%{kid}";
const std::string kNoTags = "#EXT-X-PROGRAM-DATE-TIME #EXTINF ";
const std::string kWholeContext = "#EXT-X-KEY #EXT-X-KEY #EXT-X-MAP " + kNoTags;

WindowRequest window(Kind kind, Utc start, std::optional<Utc> end) {
  return {.kind = kind, .start = start, .end = end};
}

// The names of the tags before each row, in their order.
std::vector<std::string> tags_of_rows(const std::string& playlist) {
  std::vector<std::string> rows(1);
  std::istringstream lines(playlist);
  for (std::string line; std::getline(lines, line);) {
    const bool of_row = line.starts_with("#EXT-X-KEY:") || line.starts_with("#EXT-X-MAP:") ||
                        line.starts_with("#EXT-X-PROGRAM-DATE-TIME:") || line.starts_with("#EXTINF:") ||
                        line == "#EXT-X-DISCONTINUITY" || line == "#EXT-X-GAP";
    if (of_row) rows.back() += line.substr(0, line.find(':')) + " ";
    if (line[0] != '#') rows.emplace_back();
  }
  rows.pop_back();
  return rows;
}

class Rules : public testing::Test {
 protected:
  Rules() : writer_(folder_ / "ch1-%Y%m%d%H%M%S.m4s") {
    for (const char* name : {"ch1-init-a.mp4", "ch1-init-b.mp4"}) {
      const core::Bytes init = core::bmff::samples::init_segment();
      folder_.write(name, std::string(init.begin(), init.end()));
    }
    period(1, "ch1-init-a.mp4");
  }

  void period(std::uint8_t key, const char* init_name) {
    writer_.next().key_id.emplace();
    writer_.next().key_id->fill(key);
    writer_.next().init_name = init_name;
  }
  void segments(int count, std::int64_t duration_ns = kTarget) {
    for (int i = 0; i < count; ++i) {
      writer_.next().duration_ns = duration_ns;
      const SegmentInfo info = writer_.next();
      const std::string path = writer_.write();
      truth_[path.substr(path.rfind('/') + 1)] = info;
      if (published_) published_();
    }
  }
  void hole(std::int64_t length_ns) {
    holes_[writer_.next().sequence] = length_ns;
    writer_.hole(length_ns);
  }

  // Two crypto periods, a hole of a broken length, a third period, a restart without a hole, another hole, a short row.
  void write_archive() {
    segments(9);
    period(2, "ch1-init-a.mp4");
    segments(4);
    hole(16'300 * kNsPerMs);
    segments(5);
    period(3, "ch1-init-b.mp4");
    segments(1, 2'500 * kNsPerMs);
    writer_.restart();
    segments(4);
    hole(65 * kNsPerSecond);
    segments(3, 6'400 * kNsPerMs);
    segments(4);
  }

  [[nodiscard]] std::string make(const WindowRequest& request, Utc now = kLater) const {
    const auto made = test::text(writer_.location(), request, now, kKeyUri);
    return made ? *made : "";
  }

  // What holds for every playlist, and what two playlists of one archive may not say differently.
  M3u8 look(const std::string& playlist) {
    const M3u8 parsed = test::parse_m3u8(playlist);
    EXPECT_EQ(parsed.target_duration, 6);
    for (const auto& row : parsed.rows) {
      EXPECT_LE(std::lround(row.duration), parsed.target_duration);
      const auto said = std::tie(row.uri, row.gap, row.discontinuity, row.discontinuity_sequence, row.date_time);
      const auto& first = said_.try_emplace(row.sequence, row).first->second;
      EXPECT_EQ(said,
                std::tie(first.uri, first.gap, first.discontinuity, first.discontinuity_sequence, first.date_time))
          << row.sequence;
      if (!row.gap) look_at_segment(row);
    }
    return parsed;
  }

  test::TemporaryDirectory folder_;
  test::Writer writer_;
  std::map<std::string, SegmentInfo> truth_;     // by name
  std::map<std::uint64_t, std::int64_t> holes_;  // by the number of their first row
  std::map<std::uint64_t, test::M3u8Row> said_;  // the first time
  std::function<void()> published_;

 private:
  void look_at_segment(const test::M3u8Row& row) {
    ASSERT_TRUE(truth_.contains(row.uri)) << row.uri;
    const SegmentInfo& info = truth_.at(row.uri);
    EXPECT_EQ(row.sequence, info.sequence) << row.uri;
    EXPECT_EQ(row.discontinuity_sequence, info.discontinuity_sequence) << row.uri;
    EXPECT_EQ(row.discontinuity, info.discontinuity) << row.uri;
    EXPECT_EQ(row.date_time, core::to_rfc3339(info.start, 3));
    EXPECT_EQ(row.map, info.init_name);
    const std::string key_id = core::to_hex(*info.key_id);
    ASSERT_EQ(row.keys.size(), 2U) << row.uri;
    EXPECT_EQ(row.keys[0].at("KEYFORMAT"), "org.w3.clearkey");
    EXPECT_NE(row.keys[0].at("URI").find("base64,"), std::string::npos);
    EXPECT_TRUE(!row.keys[1].contains("KEYFORMAT") || row.keys[1].at("KEYFORMAT") == "identity");
    EXPECT_EQ(row.keys[1].at("URI"), "https://keys.example/" + key_id);
  }
};

TEST_F(Rules, LiveSlidesEventAppendsVodStays) {
  const Utc vod_end = kNoon + 60 * kNsPerSecond;
  std::string event_before;
  std::string vod_before;
  std::uint64_t first = 0;
  int gaps_at_the_end = 0;
  const auto at = [&](Utc now) {
    const M3u8 live = look(make(window(Kind::kLive, {}, now)));
    EXPECT_EQ(live.type, "");
    EXPECT_FALSE(live.ended);
    ASSERT_FALSE(live.rows.empty());
    EXPECT_GE(live.rows.front().sequence, first) << "slides";
    first = live.rows.front().sequence;
    gaps_at_the_end += live.rows.back().gap ? 1 : 0;
    const auto& last = live.rows.back();
    const Utc listed = *core::from_rfc3339(last.date_time) + std::llround(last.duration * kNsPerSecond);
    EXPECT_LE(now - listed, kTarget * 3 / 2) << "a hole is listed while it lasts";

    std::string event = make(window(Kind::kEvent, kNoon, kNoon + 7200 * kNsPerSecond), now);
    EXPECT_TRUE(event.starts_with(event_before)) << "appends";
    EXPECT_EQ(look(event).type, "EVENT");
    event_before = std::move(event);
    std::string vod = make(window(Kind::kVod, kNoon, vod_end), now);
    EXPECT_EQ(vod.empty(), now < vod_end);
    if (!vod_before.empty()) {
      EXPECT_EQ(vod, vod_before) << "never changes";
    }
    vod_before = std::move(vod);
  };
  // Each second between the publication of a segment and that of the next, with the files that are there then.
  Utc last_published;
  Utc now;
  published_ = [&] {
    const Utc published = writer_.next().start;  // the end of the one that was written
    if (last_published.ns != 0) {
      const std::string name = core::to_rfc3339(published, 3);
      const auto unseen = std::prev(truth_.end())->first;
      std::filesystem::rename(folder_ / unseen, folder_ / "unseen");
      for (now = last_published; now < published; now = now + kNsPerSecond) at(now);
      std::filesystem::rename(folder_ / "unseen", folder_ / unseen);
    }
    at(published);
    last_published = published;
  };
  write_archive();
  EXPECT_GT(gaps_at_the_end, 60);
  EXPECT_FALSE(vod_before.empty());
  const std::string ended = make(window(Kind::kEvent, kNoon, kNoon + 7200 * kNsPerSecond));
  EXPECT_EQ(ended, event_before + "#EXT-X-ENDLIST\n") << "gets its end, and stays an EVENT";
}

TEST_F(Rules, StatesWhatIsInForce) {
  write_archive();
  const Utc end = writer_.next().start;
  const std::string whole = make(window(Kind::kVod, kNoon, end));
  const M3u8 playlist = look(whole);
  const auto tags = tags_of_rows(whole);
  ASSERT_EQ(tags.size(), playlist.rows.size());
  std::optional<SegmentInfo> before;
  int changes = 0;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto& row = playlist.rows[i];
    if (row.gap) {
      EXPECT_EQ(tags[i], "#EXT-X-PROGRAM-DATE-TIME #EXT-X-GAP #EXTINF ");
      continue;
    }
    const SegmentInfo& info = truth_.at(row.uri);
    const bool same = before && before->key_id == info.key_id && before->init_name == info.init_name;
    changes += same && !info.discontinuity ? 0 : 1;
    EXPECT_EQ(tags[i], info.discontinuity ? "#EXT-X-DISCONTINUITY " + kWholeContext
                       : same             ? kNoTags
                                          : kWholeContext)
        << row.uri;
    before = info;
  }
  EXPECT_EQ(changes, 6) << "the head, two crypto periods, three discontinuities";
}

TEST_F(Rules, EveryWindowIsCutOutward) {
  write_archive();
  const Utc end = writer_.next().start;
  int windows = 0;
  for (Utc from = kNoon; from < end; from = from + 3'700 * kNsPerMs) {
    for (Utc to = from + kNsPerSecond; to <= end; to = to + 23'300 * kNsPerMs) {
      const std::string made = make(window(Kind::kVod, from, to));
      const bool something = std::ranges::any_of(truth_, [&](const auto& entry) {
        return entry.second.start < to && entry.second.start + entry.second.duration_ns > from;
      });
      ASSERT_EQ(!made.empty(), something) << core::to_rfc3339(from, 3);
      if (made.empty()) continue;
      ++windows;
      const M3u8 playlist = look(made);
      EXPECT_FALSE(playlist.rows.front().gap || playlist.rows.back().gap) << "trimmed at the edges";
      const auto head = tags_of_rows(made).front();
      EXPECT_TRUE(head.ends_with(kWholeContext)) << head;
      const SegmentInfo& first = truth_.at(playlist.rows.front().uri);
      const SegmentInfo& last = truth_.at(playlist.rows.back().uri);
      EXPECT_EQ(playlist.start_offset.has_value(), first.start < from);
      EXPECT_NEAR(playlist.start_offset.value_or(0), std::max<double>(0, static_cast<double>(from - first.start)) / 1e9,
                  0.001);
      for (const auto& [name, info] : truth_) {
        const bool touches = info.start < to && info.start + info.duration_ns > from;
        EXPECT_EQ(touches, info.sequence >= first.sequence && info.sequence <= last.sequence) << name;
      }
    }
  }
  EXPECT_GT(windows, 200);
}

TEST_F(Rules, HolesSumUp) {
  write_archive();
  const M3u8 playlist = look(make(window(Kind::kVod, kNoon, writer_.next().start)));
  std::map<std::uint64_t, double> sums;
  std::uint64_t first = 0;
  for (const auto& row : playlist.rows) {
    if (!row.gap) first = row.sequence + 1;
    if (row.gap) sums[first] += row.duration;
  }
  ASSERT_EQ(sums.size(), holes_.size());
  for (const auto& [number, length_ns] : holes_) EXPECT_NEAR(sums[number], static_cast<double>(length_ns) / 1e9, 1e-6);
}

// What the sink is still writing, and what others put there.
TEST_F(Rules, ListsWholeFilesOnly) {
  write_archive();
  const Utc end = writer_.next().start;
  const std::string before = make(window(Kind::kVod, kNoon, end));
  for (const char* name : {".ch1-20260225120003.m4s.part", "ch1-20260225120003.m4s.part", "ch1-20260225120003.mp4",
                           "ch1-2026022512000.m4s", "ch1-20260225120003-e0.m4s", "ch1-20260225120003-x.m4s",
                           "ch2-20260225120003.m4s", "ch1-20261325120003.m4s"}) {
    folder_.write(name, "no segment");
  }
  EXPECT_EQ(make(window(Kind::kVod, kNoon, end)), before);
}

TEST_F(Rules, NeedsTheLowestVersion) {
  write_archive();
  const auto version = [&](Kind kind, std::int64_t from_s, std::int64_t to_s) {
    const M3u8 made = look(make(window(kind, kNoon + from_s * kNsPerSecond, kNoon + to_s * kNsPerSecond)));
    return made.version;
  };
  EXPECT_EQ(version(Kind::kVod, 0, 70), 6) << "EXT-X-MAP, KEYFORMAT";
  EXPECT_EQ(version(Kind::kVod, 0, 100), 8) << "EXT-X-GAP";
  EXPECT_EQ(version(Kind::kEvent, 0, 7200), 8) << "a GAP may still come";
  EXPECT_EQ(version(Kind::kLive, 0, 50), 8);
}

TEST_F(Rules, OffersNoDeltaUpdates) {
  write_archive();
  for (const Kind kind : {Kind::kLive, Kind::kEvent, Kind::kVod}) {
    const std::string made = make(window(kind, kNoon, writer_.next().start));
    ASSERT_FALSE(made.empty());
    EXPECT_EQ(made.find("#EXT-X-SERVER-CONTROL"), std::string::npos);
    EXPECT_EQ(made.find("#EXT-X-SKIP"), std::string::npos);
  }
}

}  // namespace
}  // namespace aircheck::catchup
