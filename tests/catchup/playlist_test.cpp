// Windows and playlists of archives whose files are only heads: epochs, holes, lost files, names of every form.
#include <gtest/gtest.h>

#include <cmath>

#include "catchup/archive_writer.hpp"
#include "support/m3u8.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::catchup {
namespace {

using core::kNsPerMs;
using core::kNsPerSecond;
using core::Utc;
using test::kLater;
using test::kNoon;
using test::kTarget;
using test::M3u8;
using test::TemporaryDirectory;
using test::text;
using test::Writer;

M3u8 playlist(const std::string& location, const WindowRequest& request, Utc now = kLater) {
  const auto written = text(location, request, now);
  EXPECT_TRUE(written) << (written ? "" : written.error().message);
  const M3u8 parsed = test::parse_m3u8(written ? *written : "");
  for (const auto& row : parsed.rows) {
    EXPECT_LE(std::lround(row.duration), parsed.target_duration);
    EXPECT_FALSE(row.map.empty());
    EXPECT_FALSE(row.date_time.empty());
  }
  EXPECT_FALSE(parsed.rows.empty());
  return parsed;
}

std::string failure(const std::string& location, const WindowRequest& request, Utc now = kLater) {
  const auto written = text(location, request, now);
  return written ? "a playlist" : written.error().message;
}

WindowRequest vod(std::int64_t from_s, std::int64_t to_s) {
  return {.kind = Kind::kVod, .start = kNoon + from_s * kNsPerSecond, .end = kNoon + to_s * kNsPerSecond};
}

TEST(CatchupPlaylist, IsCutOutwardToWholeSegments) {
  const TemporaryDirectory folder;
  Writer writer(folder / "ch1-%Y%m%d%H%M%S.m4s");
  writer.write(20);
  const M3u8 cut = playlist(writer.location(), vod(8, 25));
  ASSERT_EQ(cut.rows.size(), 4U);
  EXPECT_EQ(cut.rows.front().sequence, 1001U);
  EXPECT_EQ(cut.rows.front().uri, "ch1-20260225120006.m4s");
  EXPECT_DOUBLE_EQ(cut.start_offset.value(), 2);
  EXPECT_TRUE(cut.start_precise);
  EXPECT_TRUE(cut.ended);
  EXPECT_EQ(cut.type, "VOD");
  EXPECT_EQ(cut.version, 6);
  const M3u8 exact = playlist(writer.location(), vod(12, 24));
  EXPECT_EQ(exact.rows.size(), 2U);
  EXPECT_FALSE(exact.start_offset);
  EXPECT_EQ(playlist(writer.location(), vod(-100, 1)).rows.size(), 1U) << "began before the archive";
}

TEST(CatchupPlaylist, ReadsEveryFormOfNames) {
  for (const char* name : {"%Y/%m/%d/ch1-%Y%m%d%H%M%S.m4s", "%Y%j/%H/ch1-%M%S.m4s", "ch1-%s.m4s", "%d-%m-%Y-%H%M%S.m4s",
                           "ch1-%Y%m%d%H%M%S.%3N.m4s", "%H/%s/x.m4s", "%Y/%H-%M-%S-%m%d"}) {
    const TemporaryDirectory folder;
    Writer writer(folder / name);
    writer.next().start = *core::from_rfc3339("2026-02-25T23:58:57Z");
    writer.write(40);
    const WindowRequest request{.kind = Kind::kVod,
                                .start = *core::from_rfc3339("2026-02-25T23:59:30Z"),
                                .end = *core::from_rfc3339("2026-02-26T00:01:00Z")};
    const M3u8 all = playlist(writer.location(), request);
    EXPECT_EQ(all.rows.size(), 16U) << name;
    EXPECT_EQ(all.rows.front().date_time, "2026-02-25T23:59:27.000Z") << name;
    EXPECT_TRUE(all.rows.front().map.ends_with("ch1-init-0123456789abcdef.mp4"));
    // Just after midnight the segment that covers the start lies in the folder before.
    const WindowRequest early{.kind = Kind::kVod,
                              .start = *core::from_rfc3339("2026-02-26T00:00:01Z"),
                              .end = *core::from_rfc3339("2026-02-26T00:00:02Z")};
    EXPECT_EQ(playlist(writer.location(), early).rows.front().date_time, "2026-02-25T23:59:57.000Z") << name;
  }
}

TEST(CatchupPlaylist, ListsHolesAndTrimsThemAtTheEdges) {
  const TemporaryDirectory folder;
  Writer writer(folder / "ch1-%Y%m%d%H%M%S.m4s");
  writer.write(3);
  writer.skip(5);
  writer.write(3);
  const M3u8 inside = playlist(writer.location(), vod(0, 66));
  ASSERT_EQ(inside.rows.size(), 11U);
  double hole = 0;
  for (const auto& row : inside.rows) hole += row.gap ? row.duration : 0;
  EXPECT_DOUBLE_EQ(hole, 30);
  EXPECT_EQ(inside.version, 8);
  EXPECT_TRUE(inside.rows[8].discontinuity);
  const M3u8 ends_inside = playlist(writer.location(), vod(0, 30));
  EXPECT_EQ(ends_inside.rows.size(), 3U);
  EXPECT_TRUE(ends_inside.ended);
  const M3u8 starts_inside = playlist(writer.location(), vod(30, 66));
  EXPECT_EQ(starts_inside.rows.size(), 3U);
  EXPECT_EQ(starts_inside.rows.front().discontinuity_sequence, 1U);
  EXPECT_EQ(failure(writer.location(), vod(20, 40)),
            "start: the archive has nothing of 2026-02-25T12:00:20.000Z to 2026-02-25T12:00:40.000Z");
}

// Files that are gone are holes, and what their discontinuities counted still counts.
TEST(CatchupPlaylist, KeepsTheNumbersOverFilesThatAreGone) {
  const TemporaryDirectory folder;
  Writer writer(folder / "ch1-%Y%m%d%H%M%S.m4s");
  writer.write(2);
  writer.restart();
  const std::string gone = writer.write();
  writer.write(2);
  const M3u8 before = playlist(writer.location(), vod(0, 30));
  std::filesystem::remove(gone);
  const M3u8 after = playlist(writer.location(), vod(0, 30));
  ASSERT_EQ(after.rows.size(), before.rows.size());
  for (std::size_t i = 0; i < after.rows.size(); ++i) {
    EXPECT_EQ(after.rows[i].sequence, before.rows[i].sequence);
    EXPECT_EQ(after.rows[i].discontinuity_sequence, before.rows[i].discontinuity_sequence) << i;
    EXPECT_EQ(after.rows[i].gap, i == 2);
  }
}

TEST(CatchupPlaylist, TakesTheNewestEpochAndFollowsTheNumbers) {
  const TemporaryDirectory folder;
  Writer writer(folder / "ch1-%Y%m%d%H%M%S.m4s");
  writer.write(20);
  writer.next().start = kNoon + 60 * kNsPerSecond;
  writer.next().epoch = 1;
  writer.restart();
  writer.write(20);
  const M3u8 both = playlist(writer.location(), vod(66, 78));
  EXPECT_EQ(both.rows.front().uri, "ch1-20260225120106-e1.m4s");
  EXPECT_EQ(both.rows.size(), 2U);
  const M3u8 old = playlist(writer.location(), vod(30, 48));
  EXPECT_EQ(old.rows.front().uri, "ch1-20260225120030.m4s");
  const M3u8 over = playlist(writer.location(), vod(54, 150));
  EXPECT_EQ(over.rows.size(), 11U + 15U);
  EXPECT_EQ(over.rows[11].uri, "ch1-20260225120100-e1.m4s");
  EXPECT_EQ(over.rows[11].sequence, 1020U);
  EXPECT_TRUE(over.rows[11].discontinuity);
  // What an older epoch has of that time is none of the window, and may be damaged.
  folder.write("ch1-20260225120112.m4s", "damaged");
  EXPECT_EQ(playlist(writer.location(), vod(66, 78)).rows.size(), 2U);
}

// Names are rounded down to the second, so two segments may begin in one.
TEST(CatchupPlaylist, TellsSegmentsOfOneSecondApart) {
  const TemporaryDirectory folder;
  Writer writer(folder / "ch1-%Y%m%d%H%M%S.m4s");
  writer.next().duration_ns = 10'200 * kNsPerMs / 2;
  writer.write(2);
  writer.next().duration_ns = 400 * kNsPerMs;
  writer.write();
  writer.write(1, 1);
  writer.next().duration_ns = kTarget;
  writer.write();
  const M3u8 all = playlist(writer.location(), vod(0, 17));
  ASSERT_EQ(all.rows.size(), 5U);
  EXPECT_EQ(all.rows[3].uri, "ch1-20260225120010-001.m4s");
  WindowRequest request = vod(0, 17);
  request.start = kNoon + 10'100 * kNsPerMs;
  EXPECT_EQ(playlist(writer.location(), request).rows.front().sequence, 1001U);
  request.start = kNoon + 10'700 * kNsPerMs;
  EXPECT_EQ(playlist(writer.location(), request).rows.front().sequence, 1003U);
}

// Long enough for several threads to read the heads while names still come.
TEST(CatchupPlaylist, KeepsTheOrderOfLongWindows) {
  const TemporaryDirectory folder;
  Writer writer(folder / "ch1-%Y%m%d%H%M%S.m4s");
  writer.write(900);
  const std::string gone = writer.write();
  writer.write(900);
  writer.next().start = kNoon + 3600 * kNsPerSecond;
  writer.next().epoch = 1;
  writer.restart();
  writer.write(1500);
  std::filesystem::remove(gone);
  const M3u8 all = playlist(writer.location(), vod(3, 3600 + 9000));
  ASSERT_EQ(all.rows.size(), 1801U + 1500U);
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    const Utc start = kNoon + static_cast<std::int64_t>(i < 1801 ? i : i - 1801 + 600) * kTarget;
    ASSERT_EQ(all.rows[i].sequence, 1000 + i);
    ASSERT_EQ(all.rows[i].date_time, core::to_rfc3339(start, 3)) << i;
    ASSERT_EQ(all.rows[i].gap, i == 900) << i;
  }
  folder.write("ch1-20260225123000.m4s", "no segment");
  EXPECT_EQ(failure(writer.location(), vod(0, 9000)).substr(0, 10), "location: ");
  EXPECT_EQ(playlist(writer.location(), vod(3600, 9000)).rows.size(), 900U) << "only what is asked for is looked at";
}

TEST(CatchupPlaylist, IsWholeOrNotThere) {
  const TemporaryDirectory folder;
  Writer writer(folder / "ch1-%Y%m%d%H%M%S.m4s");
  writer.write(10);
  const Utc now = kNoon + 61 * kNsPerSecond;
  EXPECT_EQ(failure(writer.location(), vod(0, 62), now),
            "end: the archive ends at 2026-02-25T12:01:00.000Z so far; the window is complete when it has "
            "2026-02-25T12:01:02.000Z");
  EXPECT_TRUE(playlist(writer.location(), vod(0, 60), now).ended);
  WindowRequest event = vod(3, 62);
  event.kind = Kind::kEvent;
  const M3u8 growing = playlist(writer.location(), event, now);
  EXPECT_EQ(growing.type, "EVENT");
  EXPECT_FALSE(growing.ended);
  EXPECT_DOUBLE_EQ(growing.start_offset.value(), 3);
  EXPECT_EQ(growing.version, 8);
  writer.write(2);
  const M3u8 grown = playlist(writer.location(), event, now);
  EXPECT_TRUE(grown.ended);
  ASSERT_EQ(grown.rows.size(), 11U);
  for (std::size_t i = 0; i < growing.rows.size(); ++i) EXPECT_EQ(grown.rows[i].uri, growing.rows[i].uri);
}

TEST(CatchupPlaylist, LiveIsTheNewestSixTargets) {
  const TemporaryDirectory folder;
  Writer writer(folder / "ch1-%Y%m%d%H%M%S.m4s");
  writer.write(20);
  WindowRequest live{.kind = Kind::kLive, .start = {}, .end = kNoon + 121 * kNsPerSecond};
  const M3u8 now = playlist(writer.location(), live);
  ASSERT_EQ(now.rows.size(), 6U);
  EXPECT_EQ(now.rows.back().sequence, 1019U);
  EXPECT_EQ(now.type, "");
  EXPECT_FALSE(now.ended);
  EXPECT_FALSE(now.start_offset);
  // A hole that lasts is listed two seconds after each slot, and at the head of a playlist too.
  live.end = kNoon + 134 * kNsPerSecond;
  const M3u8 hole = playlist(writer.location(), live);
  ASSERT_EQ(hole.rows.size(), 6U);
  EXPECT_EQ(hole.rows.back().sequence, 1021U);
  EXPECT_TRUE(hole.rows[4].gap && hole.rows[5].gap);
  live.end = kNoon + 180 * kNsPerSecond;
  EXPECT_TRUE(playlist(writer.location(), live).rows.front().gap);
  live.end = kNoon + 60 * kNsPerSecond;
  EXPECT_EQ(playlist(writer.location(), live).rows.back().sequence, 1009U) << "as it was at that instant";
  live.end = kNoon + 7200 * kNsPerSecond;
  EXPECT_EQ(failure(writer.location(), live),
            "location: the archive has nothing of the hour before 2026-02-25T14:00:00Z");
}

TEST(CatchupPlaylist, RefusesWhatCannotBe) {
  const TemporaryDirectory folder;
  const std::string location = folder / "ch1-%Y%m%d%H%M%S.m4s";
  Writer writer(location);
  writer.write(3);
  EXPECT_EQ(failure("", vod(0, 6)).substr(0, 20), "location: is not set");
  EXPECT_EQ(failure(folder / "ch1-%Y.m4s", vod(0, 6)).substr(0, 26), "location: the pattern lack");
  EXPECT_EQ(failure(folder / "no/ch1-%Y%m%d%H%M%S.m4s", vod(0, 6)),
            "location: there is no folder '" + (folder / "no/") + "'");
  EXPECT_EQ(failure(folder / "no/%Y/%m/%d/ch1-%H%M%S.m4s", vod(0, 6)),
            "location: there is no folder '" + (folder / "no/") + "'");
  folder.write("ch1-20260225120018.m4s", "no segment");
  EXPECT_EQ(failure(location, vod(0, 20)).substr(0, 10), "location: ");
  std::filesystem::remove(folder / "ch1-20260225120018.m4s");
  writer.next().sequence = 5;
  writer.write();
  EXPECT_NE(failure(location, vod(0, 20)).find("has number 5 after number 1002"), std::string::npos);
  writer.next() = {};
  writer.next().start = kNoon + 18 * kNsPerSecond;
  writer.next().sequence = UINT64_MAX;
  writer.write();
  EXPECT_NE(failure(location, vod(0, 20)).find("cannot be"), std::string::npos);
}

TEST(CatchupRequest, NamesThePropertyThatIsWrong) {
  const auto message = [](Kind kind, const char* start, const char* end) {
    const auto request = window_request(kind, start, end);
    return request ? "" : request.error().message.substr(0, request.error().message.find(':'));
  };
  EXPECT_EQ(message(Kind::kVod, "2026-02-25T12:00:00Z", "2026-02-25T12:00:01Z"), "");
  EXPECT_EQ(message(Kind::kVod, "1772029800", "1772029801.5"), "end");
  EXPECT_EQ(message(Kind::kVod, "1772029800", "1772029801"), "");
  EXPECT_EQ(message(Kind::kVod, "", "1772029801"), "start");
  EXPECT_EQ(message(Kind::kVod, "yesterday", "1772029801"), "start");
  EXPECT_EQ(message(Kind::kVod, "-5", "1772029801"), "start");
  EXPECT_EQ(message(Kind::kVod, "1772029800", ""), "end");
  EXPECT_EQ(message(Kind::kVod, "1772029800", "1772029800"), "end");
  EXPECT_EQ(message(Kind::kVod, "1772029800", "1782029800"), "end") << "more than 31 days";
  EXPECT_EQ(message(Kind::kEvent, "1772029800", ""), "");
  EXPECT_EQ(message(Kind::kLive, "", ""), "");
  EXPECT_EQ(window_request(Kind::kEvent, "1772029800", "")->start, *core::from_rfc3339("2026-02-25T14:30:00Z"));
}

}  // namespace
}  // namespace aircheck::catchup
