// The rules at the end of the HLS contract, each as a test over real playlists of an archive that grows, fails,
// restarts and changes keys at random. Where each rule is tested:
//
// 1. Types: LiveSlidesAndNeverChangesARow, AnEventOnlyAppendsAndEndsWhereItsEndIsPublished,
//    AVodNeverChangesOnceItIsAnswered.
// 2. TARGETDURATION: expect_legal(), for every playlist of these tests; in all renditions:
// tests/e2e/renditions.test.ts.
// 3. MEDIA-SEQUENCE, DISCONTINUITY-SEQUENCE: expect_same_row(), TheFirstRowsOwnDiscontinuityIsNotCountedBeforeIt.
// 4. KEY, MAP and PROGRAM-DATE-TIME at the head and after restarts: expect_legal(),
//    Aes128HasAKeyLineForEveryIvAndOneMapAcrossCryptoPeriods, core/playlist_test.cpp.
// 5. Holes: HolesAtTheEdgesAreTrimmedAndHolesInsideSumUp, segment_index_test.cpp; nothing is listed before its file is
//    complete: tests/fmp4; what left the live playlist stays: retention_test.cpp, a window and an hour.
// 6. VERSION: expect_legal(), core/playlist_test.cpp; CODECS, BANDWIDTH, RESOLUTION, FRAME-RATE:
//    TheMultivariantSaysWhatTheMediaReallyIs, http/real_media_test.cpp.
// 7. Content type, gzip, caching, tags: http/playlists_test.cpp.
// 8. Bounds and EXT-X-START: AWindowIsCutOutwardToWholeSegmentsAndStartsInside.
// 9. Delta updates: ADeltaUpdateIsTheEndOfTheWholePlaylist, http/playlists_test.cpp.
#include "timeshift/playlists.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "daemon/timeshift/writer.hpp"
#include "support/m3u8.hpp"
#include "timeshift/protector.hpp"

namespace aircheck::timeshift {
namespace {

using aircheck::test::M3u8;
using aircheck::test::M3u8Row;
using aircheck::test::parse_m3u8;
using core::kNsPerMs;
using core::kNsPerSecond;
using core::Utc;
using test::file;
using test::kNoon;
using test::kTarget;
using test::Writer;

constexpr WindowRules kRules;

MediaPlaylistOptions options(ViewKind kind, Protection protection = Protection::kCenc) {
  return {.kind = kind,
          .protection = protection,
          .target_duration_s = 6,
          .segment_base = "",
          .api_base = "",
          .token = "TOKEN"};
}

// Every init segment of the tests has the same media behind it, as crypto periods have.
MediaFactsMap facts_for(const SegmentIndex& index) {
  MediaFactsMap facts;
  if (index.empty()) return facts;
  auto same = std::make_shared<MediaFacts>();
  same->codecs = {"avc1.64001f", "mp4a.40.2"};
  same->width = 640;
  same->height = 360;
  same->frame_rate_num = 30000;
  same->frame_rate_den = 1001;
  same->clear_location = "init-ffeeddccbbaa9988.mp4";
  for (const auto& row : index.rows(index.first_sequence(), index.last_sequence())) facts[row.init_location] = same;
  return facts;
}

std::optional<M3u8> playlist(const SegmentIndex& index, const WindowRequest& request, Utc now,
                             Protection protection = Protection::kCenc) {
  const WindowAnswer answer = select_window(index, request, kRules, now);
  const auto* window = std::get_if<Window>(&answer);
  if (window == nullptr) return std::nullopt;
  auto text = media_playlist(*window, options(request.kind, protection), facts_for(index));
  EXPECT_TRUE(text) << (text ? "" : text.error().message);
  return text ? std::optional(parse_m3u8(*text)) : std::nullopt;
}

Refusal refusal(const SegmentIndex& index, const WindowRequest& request, Utc now) {
  const WindowAnswer answer = select_window(index, request, kRules, now);
  const auto* refused = std::get_if<WindowRefusal>(&answer);
  EXPECT_NE(refused, nullptr);
  return refused == nullptr ? Refusal::kInverted : refused->reason;
}

// A row that was listed twice is the same row.
void expect_same_row(const M3u8Row& before, const M3u8Row& after) {
  EXPECT_EQ(before.sequence, after.sequence);
  EXPECT_EQ(before.uri, after.uri);
  EXPECT_EQ(before.discontinuity, after.discontinuity);
  EXPECT_EQ(before.discontinuity_sequence, after.discontinuity_sequence) << after.sequence;
  EXPECT_EQ(before.date_time, after.date_time);
  EXPECT_EQ(before.gap, after.gap);
  if (!before.gap) {
    EXPECT_EQ(before.duration, after.duration);
    EXPECT_EQ(before.keys, after.keys) << after.sequence;
    EXPECT_EQ(before.map, after.map) << after.sequence;
  }
}

// What holds for every playlist that we ever give out.
void expect_legal(const M3u8& playlist, Protection protection) {
  EXPECT_EQ(playlist.target_duration, 6);
  std::set<std::string> uris;
  bool map_seen = false;
  for (std::size_t i = 0; i < playlist.rows.size(); ++i) {
    const M3u8Row& row = playlist.rows[i];
    EXPECT_LE(std::lround(row.duration), playlist.target_duration) << row.sequence;
    EXPECT_FALSE(row.date_time.empty());
    EXPECT_TRUE(uris.insert(row.uri).second) << row.uri << " stands twice";
    EXPECT_FALSE(row.map.empty()) << "the MAP in force stands at the head of every window";
    ASSERT_FALSE(row.keys.empty()) << "and so do the KEY lines";
    if (protection == Protection::kCenc) {
      ASSERT_EQ(row.keys.size(), 2u);
      EXPECT_EQ(row.keys[0].at("KEYFORMAT"), "org.w3.clearkey");
      EXPECT_EQ(row.keys[1].at("KEYFORMAT"), "identity") << "identity is last: ffmpeg takes the last line";
      EXPECT_EQ(row.keys[1].at("METHOD"), "SAMPLE-AES-CTR");
      EXPECT_EQ(row.map_method, "SAMPLE-AES-CTR") << "KEY before MAP";
    } else {
      ASSERT_EQ(row.keys.size(), 1u);
      EXPECT_EQ(row.keys[0].at("METHOD"), "AES-128");
      EXPECT_EQ(row.keys[0].at("IV").size(), 34u);
      EXPECT_EQ(row.map_method, "") << "the init segment is clear: MAP before KEY, or behind METHOD=NONE";
      EXPECT_FALSE(row.keys[0].contains("KEYFORMAT"));
    }
    map_seen = map_seen || !row.map.empty();
    EXPECT_TRUE(row.keys.back().at("URI").ends_with("token=TOKEN")) << "the token stands on key URIs";
    EXPECT_EQ(row.uri.find("TOKEN"), std::string::npos) << "and never on encrypted segments";
  }
  EXPECT_TRUE(map_seen);
  const bool vod = playlist.text.find("#EXT-X-PLAYLIST-TYPE:VOD\n") != std::string::npos;
  const bool gaps = playlist.text.find("#EXT-X-GAP") != std::string::npos;
  EXPECT_EQ(playlist.version, gaps || !vod ? 8 : 6) << "the lowest that the tags require, now or later";
  EXPECT_EQ(playlist.text.find('\r'), std::string::npos);
}

// An archive that grows at random: segments, holes with the worker down, restarts, epochs, crypto periods.
class Channel {
 public:
  explicit Channel(std::uint32_t seed) : random_(seed), writer_(kNoon) {}

  template <typename Look>
  void live_on(int runs, Look look) {
    for (int run = 0; run < runs; ++run) {
      const auto segments = 1 + random_() % 14;
      for (std::uint32_t i = 0; i < segments; ++i) {
        if (random_() % 12 == 0) writer_.new_crypto_period();
        const bool last = i + 1 == segments;
        index.add(writer_.segment(last ? kNsPerSecond + ms(4500) : kTarget + ms(80) - 40 * kNsPerMs));
        look(writer_.end());
      }
      const std::int64_t down = ms(90'000);
      for (std::int64_t waited = 0; waited < down; waited += kNsPerSecond + ms(9000)) {
        if (index.append_gaps(writer_.end() + waited) > 0) look(writer_.end() + waited);
      }
      if (index.trailing_gaps() == 0 && random_() % 5 == 0) {
        writer_.step_back(ms(60'000));
      } else {
        writer_.restart(std::max(writer_.end() + down, index.not_before() + kNsPerSecond / 4));
      }
    }
  }

  SegmentIndex index{kTarget};

 private:
  std::int64_t ms(std::uint32_t most) { return static_cast<std::int64_t>(random_() % most) * kNsPerMs; }

  std::mt19937 random_;
  Writer writer_;
};

class EverGrowingArchive : public ::testing::TestWithParam<Protection> {};
INSTANTIATE_TEST_SUITE_P(Playlists, EverGrowingArchive, ::testing::Values(Protection::kCenc, Protection::kAes128));

TEST_P(EverGrowingArchive, LiveSlidesAndNeverChangesARow) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Channel channel(seed);
    std::optional<M3u8> before;
    channel.live_on(8, [&](Utc now) {
      const auto after = playlist(channel.index, {.kind = ViewKind::kLive}, now, GetParam());
      ASSERT_TRUE(after);
      expect_legal(*after, GetParam());
      EXPECT_EQ(after->type, "");
      EXPECT_FALSE(after->ended);
      if (before) {
        EXPECT_GE(after->rows.front().sequence, before->rows.front().sequence);
        EXPECT_EQ(after->rows.back().sequence, channel.index.last_sequence()) << "GAP rows are held at the live edge";
        for (const M3u8Row& old : before->rows) {
          for (const M3u8Row& row : after->rows) {
            if (row.sequence == old.sequence) expect_same_row(old, row);
          }
        }
      }
      before = after;
    });
  }
}

TEST_P(EverGrowingArchive, AnEventOnlyAppendsAndEndsWhereItsEndIsPublished) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Channel channel(seed);
    const WindowRequest bounded{.kind = ViewKind::kStartover,
                                .start = kNoon + 20 * kNsPerSecond,
                                .end = kNoon + 300 * kNsPerSecond,
                                .epoch = 0};
    const WindowRequest open{.kind = ViewKind::kStartover, .start = kNoon, .epoch = 0};
    std::map<bool, M3u8> before;
    bool ended = false;
    channel.live_on(8, [&](Utc now) {
      for (const WindowRequest& request : {bounded, open}) {
        const auto after = playlist(channel.index, request, now, GetParam());
        if (!after) {
          EXPECT_FALSE(before.contains(request.end.has_value())) << "an EVENT does not go away";
          continue;
        }
        expect_legal(*after, GetParam());
        EXPECT_EQ(after->type, "EVENT");
        EXPECT_FALSE(after->rows.front().gap);
        EXPECT_FALSE(after->rows.back().gap);
        ASSERT_TRUE(after->start_offset) << "or a player would begin at the end";
        EXPECT_TRUE(after->start_precise);
        if (const auto found = before.find(request.end.has_value()); found != before.end()) {
          ASSERT_GE(after->rows.size(), found->second.rows.size());
          for (std::size_t i = 0; i < found->second.rows.size(); ++i) {
            expect_same_row(found->second.rows[i], after->rows[i]);
            EXPECT_EQ(found->second.rows[i].duration, after->rows[i].duration);
          }
          if (found->second.ended) {
            EXPECT_EQ(after->text, found->second.text);
          }
        }
        ended = ended || (request.end && after->ended);
        if (!request.end) {
          EXPECT_FALSE(after->ended);
        }
        before[request.end.has_value()] = *after;
      }
    });
    EXPECT_EQ(ended, channel.index.sequence_reaching(*bounded.end, channel.index.first_sequence()).has_value());
  }
}

TEST_P(EverGrowingArchive, AVodNeverChangesOnceItIsAnswered) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Channel channel(seed);
    const WindowRequest request{
        .kind = ViewKind::kCatchup, .start = kNoon + 13 * kNsPerSecond, .end = kNoon + 200 * kNsPerSecond, .epoch = 0};
    std::optional<std::string> answered;
    channel.live_on(8, [&](Utc now) {
      const auto vod = playlist(channel.index, request, now, GetParam());
      EXPECT_TRUE(vod || !answered);
      if (!vod) return;
      expect_legal(*vod, GetParam());
      EXPECT_EQ(vod->type, "VOD");
      EXPECT_TRUE(vod->ended);
      if (answered) {
        EXPECT_EQ(vod->text, *answered);
      }
      answered = vod->text;
    });
  }
}

// As a player puts it together: the rows that it has, then those of the update.
TEST_P(EverGrowingArchive, ADeltaUpdateIsTheEndOfTheWholePlaylist) {
  for (std::uint32_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Channel channel(seed);
    const WindowRequest request{.kind = ViewKind::kStartover, .start = kNoon, .epoch = 0};
    channel.live_on(6, [&](Utc now) {
      const WindowAnswer answer = select_window(channel.index, request, kRules, now);
      const auto* window = std::get_if<Window>(&answer);
      if (window == nullptr) return;
      MediaPlaylistOptions wanted = options(ViewKind::kStartover, GetParam());
      const M3u8 whole = parse_m3u8(media_playlist(*window, wanted, facts_for(channel.index)).value());
      wanted.skip = true;
      const std::string text = media_playlist(*window, wanted, facts_for(channel.index)).value();
      const M3u8 delta = parse_m3u8(text);
      const std::size_t tag = text.find("#EXT-X-SKIP:SKIPPED-SEGMENTS=");
      const std::size_t skipped = tag == std::string::npos ? 0 : std::stoull(text.substr(tag + 29));
      ASSERT_EQ(skipped + delta.rows.size(), whole.rows.size());
      double listed = 0;
      for (std::size_t i = 0; i < delta.rows.size(); ++i) {
        EXPECT_EQ(delta.rows[i].uri, whole.rows[skipped + i].uri);
        EXPECT_EQ(delta.rows[i].discontinuity, whole.rows[skipped + i].discontinuity);
        if (!delta.rows[i].gap) {
          EXPECT_EQ(delta.rows[i].keys, whole.rows[skipped + i].keys);
        }
        listed += delta.rows[i].duration;
      }
      if (skipped > 0) {
        EXPECT_GE(listed, 36 - 1e-6) << "nothing within CAN-SKIP-UNTIL is left out";
      }
    });
  }
}

TEST(Playlists, LiveListsSixTargetDurationsAndNeverFewerThanThere) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  index.add(writer.segment());
  EXPECT_EQ(playlist(index, {}, writer.end())->rows.size(), 1u);
  for (int i = 0; i < 20; ++i) index.add(writer.segment());
  const auto live = playlist(index, {}, writer.end());
  EXPECT_EQ(live->rows.size(), 6u);
  EXPECT_EQ(live->rows.front().sequence, 1015u);
  EXPECT_FALSE(live->start_offset);
}

TEST(Playlists, TheFirstRowsOwnDiscontinuityIsNotCountedBeforeIt) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  index.add(writer.segment());
  writer.restart(writer.end());
  for (int i = 0; i < 6; ++i) index.add(writer.segment());
  const auto with_tag = playlist(index, {}, writer.end());
  EXPECT_TRUE(with_tag->rows.front().discontinuity);
  EXPECT_EQ(with_tag->text.find("DISCONTINUITY-SEQUENCE"), std::string::npos) << "0, which is the default";
  index.add(writer.segment());
  const auto without = playlist(index, {}, writer.end());
  EXPECT_FALSE(without->rows.front().discontinuity);
  EXPECT_NE(without->text.find("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"), std::string::npos);
}

TEST(Playlists, AWindowIsCutOutwardToWholeSegmentsAndStartsInside) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 20; ++i) index.add(writer.segment());
  const WindowRequest request{
      .kind = ViewKind::kCatchup, .start = kNoon + 8 * kNsPerSecond + 250 * kNsPerMs, .end = kNoon + 25 * kNsPerSecond};
  const auto vod = playlist(index, request, writer.end());
  ASSERT_EQ(vod->rows.size(), 4u);
  EXPECT_EQ(vod->rows.front().sequence, 1001u);
  EXPECT_EQ(vod->rows.back().sequence, 1004u);
  EXPECT_DOUBLE_EQ(vod->start_offset.value(), 2.25);
  EXPECT_TRUE(vod->start_precise);
  const WindowRequest exact{.kind = ViewKind::kCatchup, .start = kNoon + 2 * kTarget, .end = kNoon + 4 * kTarget};
  const auto aligned = playlist(index, exact, writer.end());
  EXPECT_EQ(aligned->rows.size(), 2u);
  EXPECT_FALSE(aligned->start_offset);
}

// Two programmes with a key each. At 30000/1001 pictures a second the key changes with the first picture of the second
// one, a third of a picture late.
TEST(Playlists, AProgrammeListsNoSegmentOfItsNeighboursKey) {
  for (const std::int64_t late : {std::int64_t{-999}, std::int64_t{0}, std::int64_t{11'366'000}}) {
    SCOPED_TRACE(late);
    SegmentIndex index(kTarget);
    Writer writer(kNoon);
    const Utc border = kNoon + 4 * kTarget;
    for (int i = 0; i < 3; ++i) index.add(writer.segment());
    index.add(writer.segment(kTarget + late));
    writer.new_crypto_period();
    const WindowRequest second{.kind = ViewKind::kStartover, .start = border, .end = border + 2 * kTarget};
    EXPECT_EQ(refusal(index, second, writer.end()), Refusal::kNotStarted) << "there is no picture of it yet";
    for (int i = 0; i < 4; ++i) index.add(writer.segment());
    const auto first = playlist(index, {.kind = ViewKind::kCatchup, .start = kNoon, .end = border}, writer.end());
    EXPECT_EQ(first->rows.size(), 4U);
    EXPECT_EQ(first->rows.back().sequence, 1003U);
    EXPECT_TRUE(first->ended);
    EXPECT_EQ(playlist(index, second, writer.end())->rows.front().sequence, 1004U);
  }
}

// Signed addresses of live rows change by the hour, and not between reloads.
TEST(Playlists, ARowKeepsItsAddressWhenTheBaseChanges) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  std::map<std::uint64_t, std::string> listed;
  const Utc turn = kNoon + 10 * kTarget;
  for (int i = 0; i < 20; ++i) {
    index.add(writer.segment());
    const auto window = std::get<Window>(select_window(index, {}, kRules, writer.end()));
    MediaPlaylistOptions with_links = options(ViewKind::kLive);
    // As the caller sees it before and after the turn.
    with_links.segment_base = window.rows.front().start < turn ? "/hls/~old/" : "/hls/~new/";
    with_links.later_from = turn;
    with_links.later_segment_base = "/hls/~new/";
    const auto text = media_playlist(window, with_links, facts_for(index));
    ASSERT_TRUE(text);
    for (const M3u8Row& row : parse_m3u8(*text).rows) {
      EXPECT_EQ(listed.try_emplace(row.sequence, row.uri).first->second, row.uri);
      EXPECT_TRUE(row.uri.starts_with(row.sequence < 1010 ? "/hls/~old/" : "/hls/~new/")) << row.uri;
    }
  }
  EXPECT_EQ(listed.size(), 20U);
}

TEST(Playlists, CatchupIsWholeOrNotThere) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 10; ++i) index.add(writer.segment());
  const Utc now = writer.end();
  const WindowRequest late{.kind = ViewKind::kCatchup, .start = kNoon, .end = now + kNsPerMs};
  const WindowAnswer answer = select_window(index, late, kRules, now);
  ASSERT_TRUE(std::holds_alternative<WindowRefusal>(answer));
  EXPECT_EQ(std::get<WindowRefusal>(answer).reason, Refusal::kNotComplete);
  EXPECT_GE(std::get<WindowRefusal>(answer).retry_after_s, 6);
  index.add(writer.segment());
  EXPECT_TRUE(playlist(index, late, writer.end()));
  EXPECT_EQ(
      refusal(index, {.kind = ViewKind::kCatchup, .start = now + 3600 * kNsPerSecond, .end = now + 7200 * kNsPerSecond},
              now),
      Refusal::kNotComplete);
}

TEST(Playlists, WindowsThatCannotBeAnsweredSayWhy) {
  SegmentIndex empty(kTarget);
  EXPECT_EQ(refusal(empty, {}, kNoon), Refusal::kNotOnAir);
  EXPECT_EQ(refusal(empty, {.kind = ViewKind::kStartover, .start = kNoon}, kNoon), Refusal::kNotStarted);

  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 10; ++i) index.add(writer.segment());
  const Utc now = writer.end();
  for (const ViewKind kind : {ViewKind::kStartover, ViewKind::kCatchup}) {
    EXPECT_EQ(refusal(index, {.kind = kind, .start = kNoon + kTarget, .end = kNoon}, now), Refusal::kInverted);
    EXPECT_EQ(refusal(index, {.kind = kind, .start = kNoon, .end = kNoon}, now), Refusal::kInverted);
    EXPECT_EQ(refusal(index, {.kind = kind, .start = kNoon - 10 * kTarget, .end = kNoon}, now), Refusal::kNotArchived);
  }
  EXPECT_EQ(refusal(index, {.kind = ViewKind::kStartover, .start = now + kTarget}, now), Refusal::kNotStarted);
  // A programme that began before the archive plays from the archive's first row.
  const auto partial =
      playlist(index, {.kind = ViewKind::kCatchup, .start = kNoon - kTarget, .end = kNoon + kTarget}, now);
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rows.size(), 1u);
  EXPECT_FALSE(partial->start_offset);
}

TEST(Playlists, HolesAtTheEdgesAreTrimmedAndHolesInsideSumUp) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 3; ++i) index.add(writer.segment());
  writer.restart(writer.end() + 5 * kTarget + kNsPerSecond);
  for (int i = 0; i < 3; ++i) index.add(writer.segment());
  const Utc now = writer.end();
  const auto inside = playlist(index, {.kind = ViewKind::kCatchup, .start = kNoon, .end = now}, now);
  ASSERT_TRUE(inside);
  double hole = 0;
  for (const auto& row : inside->rows) hole += row.gap ? row.duration : 0;
  EXPECT_DOUBLE_EQ(hole, 31);
  const Utc in_hole = kNoon + 4 * kTarget;
  EXPECT_FALSE(playlist(index, {.kind = ViewKind::kCatchup, .start = in_hole, .end = now}, now)->rows.front().gap);
  EXPECT_FALSE(playlist(index, {.kind = ViewKind::kCatchup, .start = kNoon, .end = in_hole}, now)->rows.back().gap);
  EXPECT_EQ(refusal(index, {.kind = ViewKind::kCatchup, .start = in_hole, .end = in_hole + kTarget}, now),
            Refusal::kNotArchived);
}

TEST(Playlists, KnowsWhatOfAProgrammeIsArchived) {
  SegmentIndex index(kTarget);
  EXPECT_FALSE(is_archived(index, kNoon, kNoon + kTarget));
  Writer writer(kNoon);
  index.add(writer.segment());
  writer.restart(writer.end() + 10 * kTarget);
  index.add(writer.segment());
  EXPECT_TRUE(is_archived(index, kNoon - kTarget, kNoon + 1));
  EXPECT_FALSE(is_archived(index, kNoon - kTarget, kNoon));
  EXPECT_FALSE(is_archived(index, kNoon + 2 * kTarget, kNoon + 5 * kTarget)) << "nothing but GAP rows";
  EXPECT_TRUE(is_archived(index, kNoon + 2 * kTarget, writer.end()));
  EXPECT_FALSE(is_archived(index, writer.end(), writer.end() + kTarget));
}

TEST(Playlists, ACatchupIsNoLongerThanADay) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 3; ++i) index.add(writer.segment());
  constexpr std::int64_t kDay = 24 * 3600 * kNsPerSecond;
  EXPECT_EQ(refusal(index, {.kind = ViewKind::kCatchup, .start = kNoon, .end = kNoon + kDay + 1}, writer.end()),
            Refusal::kTooLong);
  EXPECT_EQ(refusal(index, {.kind = ViewKind::kCatchup, .start = kNoon, .end = kNoon + kDay}, writer.end()),
            Refusal::kNotComplete);
}

TEST(Playlists, AnOpenStartoverClosesAfterItsLongestTime) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 20; ++i) index.add(writer.segment());
  WindowRules rules;
  rules.max_event_ns = 60 * kNsPerSecond;
  const WindowAnswer answer = select_window(index, {.kind = ViewKind::kStartover, .start = kNoon}, rules, writer.end());
  ASSERT_TRUE(std::holds_alternative<Window>(answer));
  EXPECT_TRUE(std::get<Window>(answer).complete);
  EXPECT_EQ(std::get<Window>(answer).rows.size(), 10u);
  const WindowAnswer far = select_window(
      index, {.kind = ViewKind::kStartover, .start = kNoon, .end = kNoon + 100 * kNsPerSecond}, rules, writer.end());
  EXPECT_EQ(std::get<Window>(far).rows.size(), 10u) << "and so does one whose end is farther away";
}

// Under half a second it has no number, and no row.
TEST(Playlists, AWindowThatEndsInAShortHoleListsNothingBehindIt) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 2; ++i) index.add(writer.segment());
  const Utc end = writer.end() + 100 * kNsPerMs;
  writer.restart(writer.end() + 400 * kNsPerMs);
  for (int i = 0; i < 2; ++i) index.add(writer.segment());
  const auto vod = playlist(index, {.kind = ViewKind::kCatchup, .start = kNoon, .end = end}, writer.end());
  ASSERT_TRUE(vod);
  EXPECT_EQ(vod->rows.size(), 2u);
  EXPECT_TRUE(vod->ended);
}

TEST(Playlists, AWindowBeginsWithItsFirstRowHoweverShort) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (const std::int64_t duration : {kTarget, 80 * kNsPerMs, kTarget}) index.add(writer.segment(duration));
  const auto vod =
      playlist(index, {.kind = ViewKind::kCatchup, .start = kNoon + kTarget, .end = kNoon + 2 * kTarget}, writer.end());
  EXPECT_EQ(vod->rows.front().sequence, 1001u);
}

TEST(Playlists, AnotherKeyHasItsLinesAlsoUnderTheSameInitSegment) {
  SegmentIndex index(kTarget);
  for (std::uint8_t i = 1; i <= 2; ++i) {
    SegmentRow row = file(i, kNoon + (i - 1) * kTarget);
    row.key_id = core::KeyId{i};
    index.add(row);
  }
  const auto live = playlist(index, {}, kNoon + 2 * kTarget);
  EXPECT_NE(live->rows[0].keys, live->rows[1].keys);
}

// RFC 8216 section 4.3.4.2: runs of 0.5 to 1.5 target durations.
TEST(BitRates, AreThoseOfRunsThatLastLongEnoughAndNotTooLong) {
  const auto rates = [](const std::vector<std::pair<int, std::uint64_t>>& seconds_and_bytes) {
    std::vector<SegmentRow> rows;
    for (const auto& [seconds, bytes] : seconds_and_bytes) {
      rows.push_back(file(rows.size() + 1, kNoon, seconds * kNsPerSecond));
      rows.back().size = bytes;
      rows.back().gap = bytes == 0;
    }
    const BitRates found = measure_bit_rates(rows, kTarget);
    return std::pair(found.peak, found.average);
  };
  EXPECT_EQ(rates({{6, 750'000}, {1, 1'000'000}, {6, 750'000}}), std::pair(2'000'000UL, 1'538'462UL))
      << "a second alone is too short to count";
  EXPECT_EQ(rates({{8, 1'000'000}, {2, 3'000'000}, {8, 1'000'000}}), std::pair(2'222'223UL, 2'222'223UL))
      << "ten seconds are too long; the average is the least";
  EXPECT_EQ(rates({{6, 750'000}, {6, 0}, {6, 750'000}}), std::pair(1'000'000UL, 1'000'000UL)) << "a GAP is no media";
}

TEST(Playlists, Aes128HasAKeyLineForEveryIvAndOneMapAcrossCryptoPeriods) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 3; ++i) index.add(writer.segment());
  writer.new_crypto_period();
  for (int i = 0; i < 3; ++i) index.add(writer.segment());
  const auto live = playlist(index, {}, writer.end(), Protection::kAes128);
  ASSERT_EQ(live->rows.size(), 6u);
  for (const auto& row : live->rows) {
    EXPECT_TRUE(row.uri.starts_with("aes/ch1-"));
    EXPECT_EQ(row.map, "aes/init-ffeeddccbbaa9988.mp4");
    EXPECT_EQ(row.keys[0].at("IV"), "0x" + core::to_hex(aes128_iv(row.sequence)));
  }
  EXPECT_EQ(live->text.find("#EXT-X-MAP"), live->text.rfind("#EXT-X-MAP")) << "crypto periods make no new MAP";
  EXPECT_NE(live->rows[2].keys[0].at("URI"), live->rows[3].keys[0].at("URI"));
}

TEST(Playlists, UnencryptedBytesNeedATokenAndHaveNoAes128Key) {
  SegmentIndex index(kTarget);
  SegmentRow clear = file(1, kNoon);
  clear.key_id.reset();
  index.add(clear);
  const auto live = playlist(index, {}, clear.end());
  EXPECT_EQ(live->rows[0].uri, clear.location + "?token=TOKEN");
  EXPECT_TRUE(live->rows[0].keys.empty());
  const auto window = std::get<Window>(select_window(index, {}, kRules, clear.end()));
  EXPECT_EQ(media_playlist(window, options(ViewKind::kLive, Protection::kAes128), facts_for(index)).error().code,
            core::Code::kPermission);

  SegmentIndex encrypted(kTarget);
  encrypted.add(file(1, kNoon));
  const auto decrypted = playlist(encrypted, {}, clear.end(), Protection::kClear);
  EXPECT_EQ(decrypted->rows[0].uri, "clear/" + clear.location + "?token=TOKEN");
  EXPECT_TRUE(decrypted->rows[0].keys.empty());
  MediaPlaylistOptions not_allowed = options(ViewKind::kLive, Protection::kClear);
  not_allowed.decrypts = false;
  const auto stored = std::get<Window>(select_window(encrypted, {}, kRules, clear.end()));
  EXPECT_EQ(media_playlist(stored, not_allowed, facts_for(encrypted)).error().code, core::Code::kPermission);
  EXPECT_TRUE(media_playlist(window, not_allowed, facts_for(index))) << "nothing of it is encrypted";
}

TEST(Playlists, ProtectionMadeOnTheFlyWaitsForTheInitSegment) {
  SegmentIndex index(kTarget);
  index.add(file(1, kNoon));
  const auto window = std::get<Window>(select_window(index, {}, kRules, kNoon));
  EXPECT_TRUE(media_playlist(window, options(ViewKind::kLive), {}));
  EXPECT_EQ(media_playlist(window, options(ViewKind::kLive, Protection::kAes128), {}).error().code,
            core::Code::kUnavailable);
  EXPECT_EQ(multivariant_playlist(window, {.media_uri = "main.m3u8"}, {}).error().code, core::Code::kUnavailable);
}

TEST(Playlists, TheMultivariantSaysWhatTheMediaReallyIs) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  for (int i = 0; i < 10; ++i) {
    SegmentRow row = writer.segment();
    row.size = i == 4 ? 3'000'000 : 750'000;  // 4 and 1 Mbit/s
    index.add(row);
  }
  const auto facts = facts_for(index);
  const auto window = std::get<Window>(
      select_window(index, {.kind = ViewKind::kCatchup, .start = kNoon, .end = writer.end()}, kRules, writer.end()));
  const auto vod = multivariant_playlist(
      window, {.kind = ViewKind::kCatchup, .media_uri = "main.m3u8?kind=catchup&token=T", .target_ns = kTarget}, facts);
  ASSERT_TRUE(vod);
  EXPECT_NE(vod->find("#EXT-X-STREAM-INF:BANDWIDTH=4000000,AVERAGE-BANDWIDTH=1300000,CODECS=\"avc1.64001f,mp4a.40.2\","
                      "RESOLUTION=640x360,FRAME-RATE=29.970\nmain.m3u8?kind=catchup&token=T\n"),
            std::string::npos)
      << *vod;
  const auto live = multivariant_playlist(
      window,
      {.kind = ViewKind::kLive, .media_uri = "main.m3u8", .configured_bandwidth = 5'000'000, .target_ns = kTarget},
      facts);
  EXPECT_NE(live->find("BANDWIDTH=5000000,CODECS"), std::string::npos) << *live;
  const auto above = multivariant_playlist(
      window,
      {.kind = ViewKind::kLive, .media_uri = "main.m3u8", .configured_bandwidth = 500'000, .target_ns = kTarget},
      facts);
  EXPECT_NE(above->find("BANDWIDTH=4000000,CODECS"), std::string::npos) << "never below what was: " << *above;
  EXPECT_GT(configured_bandwidth(1000, 128), 1'128'000u);
}

}  // namespace
}  // namespace aircheck::timeshift
