#include "core/playlist.hpp"

#include <gtest/gtest.h>

#include "core/gaps.hpp"
#include "support/golden.hpp"

namespace aircheck::core {
namespace {

constexpr std::int64_t kTarget = 6 * kNsPerSecond;
const Utc kStart = *from_rfc3339("2026-02-25T14:30:00Z");
const KeyId kKeyId = *key_id_from_hex("11223344556677889900aabbccddeeff");
const KeyId kNextKeyId = *key_id_from_hex("21223344556677889900aabbccddeeff");

using Context = std::shared_ptr<const SegmentContext>;

Context make_context(std::string map_uri, std::vector<KeyTag> keys = {}) {
  return std::make_shared<const SegmentContext>(SegmentContext{std::move(map_uri), std::move(keys)});
}

KeyTag aes_128(std::uint8_t iv) {
  return {"AES-128", "https://tv.example/key?token=a%2Fb", "", "", Bytes(16, iv)};
}

// `count` segments of the target duration, one after another.
MediaPlaylist make_playlist(std::size_t count, const Context& context, std::uint64_t first = 295'338'300) {
  MediaPlaylist playlist;
  playlist.target_duration_s = 6;
  for (std::size_t i = 0; i < count; ++i) {
    const Utc start = kStart + static_cast<std::int64_t>(i) * kTarget;
    playlist.rows.push_back({first + i, 0, start, kTarget, "ch1-" + std::to_string(i) + ".m4s", context});
  }
  return playlist;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

TEST(MediaPlaylist, LiveWithCommonEncryption) {
  const auto context = make_context("ch1-init-0123456789abcdef.mp4",
                                    common_encryption_keys(kKeyId, "/key/11223344556677889900aabbccddeeff"));
  MediaPlaylist playlist = make_playlist(3, context);
  playlist.independent_segments = true;
  playlist.rows[1].duration_ns = 5'480'000'000;
  playlist.rows[2].duration_ns = 6'006'000'123;
  test::expect_golden("playlist/live_cenc.m3u8", write_media_playlist(playlist));
}

TEST(MediaPlaylist, EventAcrossAHoleAndARestart) {
  const auto first = make_context("init-a.mp4", common_encryption_keys(kKeyId, "/key/a"));
  const auto second = make_context("init-b.mp4", common_encryption_keys(kNextKeyId, "/key/b"));
  MediaPlaylist playlist = make_playlist(2, first, 100);
  playlist.type = PlaylistType::kEvent;
  playlist.start = StartTag{2'500'000'000, true};
  const Utc next = kStart + 2 * kTarget + 14 * kNsPerSecond;
  const Gap gap(101, kStart + 2 * kTarget, next, kTarget);
  for (std::uint64_t i = 0; i < gap.count(); ++i) {
    const GapRow row = gap.row(i);
    playlist.rows.push_back({row.sequence, 0, row.start, row.duration_ns, "gap.m4s", nullptr, false, true});
  }
  playlist.rows.push_back({gap.next_sequence(), 1, next, kTarget, "ch1-2.m4s", first, true});
  playlist.rows.push_back({gap.next_sequence() + 1, 1, next + kTarget, kTarget, "ch1-3.m4s", second});
  test::expect_golden("playlist/event_gap.m3u8", write_media_playlist(playlist));
  playlist.ended = true;
  EXPECT_EQ(write_media_playlist(playlist).find("VOD"), std::string::npos);
  EXPECT_TRUE(write_media_playlist(playlist).ends_with("#EXT-X-ENDLIST\n"));
}

TEST(MediaPlaylist, VodWithWholeSegmentsEncrypted) {
  MediaPlaylist playlist = make_playlist(4, nullptr, 100);
  playlist.type = PlaylistType::kVod;
  playlist.rows[0].context = make_context("aes/init-a.mp4", {aes_128(1)});
  playlist.rows[1].context = make_context("aes/init-a.mp4", {aes_128(2)});
  playlist.rows[2].context = make_context("aes/init-a.mp4", {aes_128(3)});
  playlist.rows[2].discontinuity = true;
  playlist.rows[2].discontinuity_sequence = playlist.rows[3].discontinuity_sequence = 1;
  playlist.rows[3].context = make_context("aes/init-b.mp4", {aes_128(4)});
  test::expect_golden("playlist/vod_aes128.m3u8", write_media_playlist(playlist));
}

TEST(MediaPlaylist, DeltaUpdate) {
  MediaPlaylist playlist = make_playlist(8, make_context("init.mp4"), 10);
  playlist.can_skip_until_ns = 36 * kNsPerSecond;
  const std::string full = write_media_playlist(playlist);
  EXPECT_NE(full.find("#EXT-X-VERSION:8\n"), std::string::npos);
  playlist.skipped_rows = 6;
  test::expect_golden("playlist/delta.m3u8", write_media_playlist(playlist));
}

TEST(MediaPlaylist, ADeltaUpdateUnderAes128LeavesTheMapInForce) {
  const KeyTag key{"AES-128", "/key", "", "", Bytes(16, 1)};
  MediaPlaylist playlist = make_playlist(8, make_context("aes/init.mp4", {key}), 10);
  for (std::size_t i = 4; i < 8; ++i)
    playlist.rows[i].context = make_context("aes/init.mp4", {{"AES-128", "/key", "", "", Bytes(16, 2)}});
  playlist.skipped_rows = 6;
  const std::string text = write_media_playlist(playlist);
  EXPECT_EQ(count(text, "#EXT-X-MAP"), 0U) << "it would fall under the key in force:\n" << text;
}

TEST(MediaPlaylist, ProgrammesStandWhereTheyBegin) {
  MediaPlaylist playlist = make_playlist(8, make_context("init.mp4"), 10);
  playlist.type = PlaylistType::kEvent;
  const Utc start = playlist.rows[0].start;
  const std::int64_t row_ns = playlist.rows[0].duration_ns;
  playlist.date_ranges = {{"a", start - 100 * kNsPerSecond, 100 * kNsPerSecond + row_ns, {{"X-TITLE", "One"}}},
                          {"b", start + row_ns, 5 * row_ns, {{"X-TITLE", "Two \"quoted\"\n#EXT-X-ENDLIST"}}},
                          {"c", start + 6 * row_ns + 1, 60 * kNsPerSecond, {}},
                          {"d", start + 8 * row_ns, row_ns, {}}};
  const std::string text = write_media_playlist(playlist);
  test::expect_golden("playlist/programmes.m3u8", text);
  EXPECT_EQ(count(text, "#EXT-X-DATERANGE"), 3U) << "what no row reaches is not there yet";
  EXPECT_EQ(count(text, "\n#EXT-X-ENDLIST"), 0U);
  const MediaPlaylist whole = playlist;
  for (std::size_t rows = 1; rows < 8; ++rows) {
    playlist.rows.assign(whole.rows.begin(), whole.rows.begin() + static_cast<std::ptrdiff_t>(rows));
    EXPECT_TRUE(text.starts_with(write_media_playlist(playlist))) << "an EVENT only appends, " << rows;
  }
  playlist = whole;
  playlist.skipped_rows = 5;
  EXPECT_EQ(count(write_media_playlist(playlist), "#EXT-X-DATERANGE"), 3U) << "a delta update skips rows alone";
}

TEST(MediaPlaylist, DiscontinuitySequenceLeavesOutTheFirstRowsOwnTag) {
  MediaPlaylist playlist = make_playlist(3, make_context("init.mp4"));
  for (MediaRow& row : playlist.rows) row.discontinuity_sequence = 7;
  EXPECT_NE(write_media_playlist(playlist).find("#EXT-X-DISCONTINUITY-SEQUENCE:7\n"), std::string::npos);
  playlist.rows[0].discontinuity = true;
  const std::string text = write_media_playlist(playlist);
  EXPECT_NE(text.find("#EXT-X-DISCONTINUITY-SEQUENCE:6\n"), std::string::npos);
  EXPECT_EQ(count(text, "#EXT-X-DISCONTINUITY\n"), 1U);
}

TEST(MediaPlaylist, VersionIsTheLowestNeeded) {
  const auto version = [](MediaPlaylist playlist, PlaylistType type = PlaylistType::kVod) {
    playlist.type = type;
    const std::string text = write_media_playlist(playlist);
    const std::size_t at = text.find("#EXT-X-VERSION:") + 15;
    return text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_EQ(version(make_playlist(1, make_context(""))), "3");
  EXPECT_EQ(version(make_playlist(1, make_context("", {aes_128(1)}))), "3");
  EXPECT_EQ(version(make_playlist(1, make_context("", common_encryption_keys(kKeyId, "")))), "5");
  EXPECT_EQ(version(make_playlist(1, make_context("init.mp4"))), "6");
  EXPECT_EQ(version(make_playlist(1, make_context("init.mp4", common_encryption_keys(kKeyId, "/k")))), "6");
  MediaPlaylist with_gap = make_playlist(2, make_context("init.mp4"));
  with_gap.rows[1].gap = true;
  EXPECT_EQ(version(with_gap), "8");
  // What grows may get a GAP, and its version must not change then.
  EXPECT_EQ(version(make_playlist(1, make_context("init.mp4")), PlaylistType::kLive), "8");
  EXPECT_EQ(version(make_playlist(1, make_context("init.mp4")), PlaylistType::kEvent), "8");
}

TEST(MediaPlaylist, EmptyWindow) {
  MediaPlaylist playlist;
  playlist.target_duration_s = 6;
  playlist.first_sequence = 12;
  EXPECT_EQ(write_media_playlist(playlist),
            "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:12\n");
}

// From encrypted to clear the key has to end, and comes back after it.
TEST(MediaPlaylist, AClearStretchEndsTheKey) {
  const auto encrypted = make_context("a.mp4", common_encryption_keys(kKeyId, "/k"));
  MediaPlaylist playlist = make_playlist(3, encrypted);
  playlist.rows[1].context = make_context("b.mp4");
  const std::string text = write_media_playlist(playlist);
  const std::size_t none = text.find("#EXT-X-KEY:METHOD=NONE\n#EXT-X-MAP:URI=\"b.mp4\"\n");
  ASSERT_NE(none, std::string::npos);
  EXPECT_EQ(count(text.substr(none), "org.w3.clearkey"), 1U);
  EXPECT_EQ(count(text, "#EXT-X-MAP:"), 3U);
}

TEST(MediaPlaylist, CannotBeInjectedInto) {
  MediaPlaylist playlist = make_playlist(1, make_context("i\"\n#EXT-X-ENDLIST\n.mp4"));
  playlist.rows[0].uri = "#EXT-X-GAP\r\nevil \xc3\xa9.m4s";
  const std::string text = write_media_playlist(playlist);
  EXPECT_NE(text.find("URI=\"i%22%0A#EXT-X-ENDLIST%0A.mp4\"\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\n%23EXT-X-GAP%0D%0Aevil%20%C3%A9.m4s\n")) << text;
}

// RFC 8216 section 4: no control characters but line ends, U+0080 to U+009F not either.
TEST(MediaPlaylist, TitlesHaveNoControlCharacters) {
  MediaPlaylist playlist = make_playlist(1, make_context("i.mp4"));
  playlist.date_ranges.push_back(
      {.id = "1",
       .start = playlist.rows[0].start,
       .duration_ns = kNsPerSecond,
       .client_attributes = {{"X-TITLE", "a\"b\r\n\t\x7f\xc2\x85\xc2\x9f\xc2\xa0\xc3\xa9\xc2"}}});
  const std::string text = write_media_playlist(playlist);
  EXPECT_NE(text.find("X-TITLE=\"a'b      \xc2\xa0\xc3\xa9\xc2\"\n"), std::string::npos) << text;
}

TEST(MultivariantPlaylist, VideoWithAudioRenditions) {
  MultivariantPlaylist playlist;
  playlist.independent_segments = true;
  playlist.renditions.push_back({"AUDIO", "aac", "English", "en", "", 2, true, true});
  playlist.renditions.push_back({"AUDIO", "aac", "Fran\xc3\xa7\x61is \"VF\"\n#EXT-X-EVIL", "fr", "fr.m3u8?token=x", 6});
  playlist.variants.push_back(
      {"main.m3u8?token=x", 2'500'000, 2'100'000, {"avc1.64001e", "mp4a.40.2"}, 640, 360, 30000, 1001, "aac"});
  playlist.variants.push_back({"audio.m3u8", 128'000, 0, {"mp4a.40.2"}});
  test::expect_golden("playlist/multivariant.m3u8", write_multivariant_playlist(playlist));
}

TEST(UriFromPath, StaysOneRelativePath) {
  EXPECT_EQ(uri_from_path("2026/ch1-20260225143000.123-e1.m4s"), "2026/ch1-20260225143000.123-e1.m4s");
  EXPECT_EQ(uri_from_path("a b#1:2?.m4s"), "a%20b%231%3A2%3F.m4s");
  EXPECT_EQ(uri_from_path("50%\"\n\xc3\xa9"), "50%25%22%0A%C3%A9");
}

}  // namespace
}  // namespace aircheck::core
