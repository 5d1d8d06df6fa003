#include "http/routes_hls.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "core/aes.hpp"
#include "core/bmff/decrypt.hpp"
#include "daemon/http/station_with_archive.hpp"
#include "support/aes_cbc.hpp"

namespace aircheck::http {
namespace {

using access::Kind;
using access::Protection;
using core::Utc;
using test::M3u8;
using test::parse_m3u8;

constexpr const char* kPlaylistType = "application/vnd.apple.mpegurl";

class HlsRoutesTest : public test::StationWithArchive {
 protected:
  static core::Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
  // A URI of a playlist, as a player resolves it.
  std::string resolve(const std::string& uri) { return uri.starts_with('/') ? url(uri) : url("/hls/ch1/" + uri); }
  std::string window(const std::string& kind, Utc start, Utc end) {
    return "kind=" + kind + "&start=" + seconds(start) + "&end=" + seconds(end);
  }
};

TEST_F(HlsRoutesTest, LivePlaysFromTheMultivariantToTheBytes) {
  const auto multivariant = get(stream("", Kind::kLive, Protection::kCenc, "index.m3u8"));
  ASSERT_EQ(multivariant.status, 200) << multivariant.body;
  EXPECT_EQ(multivariant.header("content-type"), kPlaylistType);
  EXPECT_EQ(multivariant.header("access-control-allow-origin"), "*");
  const std::size_t line = multivariant.body.find("\nmain.m3u8?");
  ASSERT_NE(line, std::string::npos) << multivariant.body;
  EXPECT_NE(multivariant.body.find("CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=25.000\n"),
            std::string::npos)
      << multivariant.body;

  const std::string uri = multivariant.body.substr(line + 1, multivariant.body.find('\n', line + 1) - line - 1);
  const auto media = get(resolve(uri));
  ASSERT_EQ(media.status, 200) << media.body;
  EXPECT_EQ(media.header("content-type"), kPlaylistType);
  EXPECT_EQ(media.header("cache-control"), "private, max-age=2") << "under half a target duration";
  const M3u8 live = parse_m3u8(media.body);
  ASSERT_EQ(live.rows.size(), 6u);
  EXPECT_EQ(live.type, "");
  EXPECT_EQ(live.target_duration, 6);
  EXPECT_EQ(live.rows.back().sequence, rows_.back().sequence);

  const auto segment = get(resolve(live.rows.back().uri));
  EXPECT_EQ(segment.status, 200);
  EXPECT_EQ(segment.header("content-type"), "video/mp4");
  EXPECT_EQ(segment.header("cache-control"), "public, max-age=31536000, immutable");
  EXPECT_EQ(segment.header("access-control-allow-origin"), "*");
  EXPECT_EQ(bytes_of(segment.body), timeshift::test::read_bytes(segments() + "/ch1/" + rows_.back().location));
  const auto init = get(resolve(live.rows.back().map));
  EXPECT_EQ(bytes_of(init.body), core::bmff::samples::init_segment());
  EXPECT_EQ(init.header("cache-control"), "public, max-age=31536000, immutable");
  // Shaka Player, ffmpeg and mpv get the key from the identity line.
  EXPECT_EQ(live.rows.back().keys[1].at("URI").find("/api/v1/drm/key/"), 0u);
}

TEST_F(HlsRoutesTest, SegmentsHaveTagsRangesAndHeads) {
  const std::string address = url("/hls/ch1/" + rows_.back().location);
  const auto whole = get(address);
  const std::string etag = whole.header("etag");
  ASSERT_FALSE(etag.empty());
  const auto known = fetch({.url = address, .headers = {{"If-None-Match", etag}}});
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.header("etag"), etag);
  EXPECT_EQ(known.body, "");
  const auto range = fetch({.url = address, .headers = {{"Range", "bytes=8-19"}}});
  EXPECT_EQ(range.status, 206);
  EXPECT_EQ(range.body, whole.body.substr(8, 12));
  EXPECT_EQ(range.header("content-range"), "bytes 8-19/" + std::to_string(whole.body.size()));
  const auto head = fetch({.method = "HEAD", .url = address});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), std::to_string(whole.body.size()));
  EXPECT_EQ(head.header("etag"), etag);
  EXPECT_EQ(head.body, "");
  const auto other = get(url("/hls/ch1/" + rows_.front().location));
  EXPECT_NE(other.header("etag"), etag);
}

TEST_F(HlsRoutesTest, OnlyWhatAPlaylistListsIsThere) {
  timeshift::test::write_file(segments() + "/ch1/secret.m4s", core::as_bytes("x"));
  timeshift::test::write_file(segments() + "/ch1/ch1-20200101000000.m4s", core::as_bytes("x"));
  timeshift::test::write_file(segments() + "/ch1/." + rows_[0].location + ".tmp", core::as_bytes("x"));
  for (const std::string path : {"secret.m4s", "ch1-20200101000000.m4s", "../../master.key", "%2e%2e/%2e%2e/master.key",
                                 "..%2f..%2fmaster.key", "a/../../../master.key", "", ".", "aes/", "aes/secret.m4s",
                                 "clear/x", "gap-5.m4s", "other.m3u8", "%00", "ch1-99999999999999.m4s"}) {
    const auto response = get(url("/hls/ch1/" + path));
    EXPECT_TRUE(response.status == 404 || response.status == 400 || path == "clear/x") << path << response.status;
    EXPECT_NE(response.status, 200);
    EXPECT_EQ(response.header("cache-control").find("immutable"), std::string::npos);
  }
  EXPECT_EQ(get(url("/hls/ch9/" + rows_[0].location)).status, 404);
  EXPECT_EQ(get(url("/hls/" + one_.id + "/" + rows_[0].location)).status, 404) << "paths have the channel's key";
  std::filesystem::remove(segments() + "/ch1/" + rows_[0].location);
  const auto gone = get(url("/hls/ch1/" + rows_[0].location));
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.header("cache-control"), "no-store");
  EXPECT_EQ(gone.body.find(segments()), std::string::npos) << "no path of ours in answers";
}

TEST_F(HlsRoutesTest, WithoutATokenOfThisStreamThereIsNoPlaylist) {
  EXPECT_EQ(get(url("/hls/ch1/main.m3u8")).status, 401);
  EXPECT_EQ(get(url("/hls/ch1/main.m3u8?token=nonsense")).status, 401);
  const std::string token = playback_token(Kind::kLive);
  EXPECT_EQ(get(url("/hls/ch1/main.m3u8?token=" + token)).status, 200);
  EXPECT_EQ(get(url("/hls/ch2/main.m3u8?token=" + token)).code(), "token_not_for_this");
  EXPECT_EQ(get(url("/hls/ch1/main.m3u8?protection=aes-128&token=" + token)).code(), "token_not_for_this");
  const std::string startover = "/hls/ch1/main.m3u8?kind=startover&start=" + seconds(now_ - kMinuteNs);
  EXPECT_EQ(get(url(startover + "&token=" + token)).code(), "token_not_for_this");
  EXPECT_EQ(get(url(startover + "&token=" + playback_token(Kind::kStartover))).status, 200);
  now_ = now_ + 13 * kHourNs;
  EXPECT_EQ(get(url("/hls/ch1/main.m3u8?token=" + token)).status, 401) << "expired";
}

TEST_F(HlsRoutesTest, WhoSignedInGetsATokenForTheUrls) {
  const auto media = get(url("/hls/ch1/main.m3u8"), bearer(viewer_));
  ASSERT_EQ(media.status, 200);
  const std::string key = parse_m3u8(media.body).rows[0].keys[1].at("URI");
  const auto bytes = get(resolve(key));
  EXPECT_EQ(bytes.status, 200) << bytes.body;
  EXPECT_EQ(bytes.body.size(), 16u);
}

TEST_F(HlsRoutesTest, StartoverIsAnEventAndCatchupAVod) {
  const auto startover = get(stream("kind=startover&programme=" + programme(0).id, Kind::kStartover));
  EXPECT_EQ(startover.code(), "not_started") << "it begins now: " << startover.body;
  EXPECT_GE(std::stoi(startover.header("retry-after")), 6);

  now_ = now_ - kMinuteNs;
  const auto running = get(stream("kind=startover&programme=" + programme(-1).id, Kind::kStartover));
  ASSERT_EQ(running.status, 200) << running.body;
  const M3u8 event = parse_m3u8(running.body);
  EXPECT_EQ(event.type, "EVENT");
  EXPECT_EQ(event.rows.size(), 50u) << "the rows until the programme's end are all there";
  EXPECT_TRUE(event.ended);
  EXPECT_EQ(event.start_offset, 0.001) << "not 0, which Shaka Player takes for no offset";
  EXPECT_TRUE(event.start_precise);
  EXPECT_EQ(running.header("x-expires-at"), core::to_rfc3339(programme(-1).end + 24 * kHourNs));

  const auto vod = get(stream("kind=catchup&programme=" + programme(-3).id, Kind::kCatchup));
  ASSERT_EQ(vod.status, 200) << vod.body;
  EXPECT_EQ(parse_m3u8(vod.body).type, "VOD");
  EXPECT_EQ(parse_m3u8(vod.body).rows.size(), 50u);
  EXPECT_TRUE(parse_m3u8(vod.body).ended);
  EXPECT_EQ(vod.header("cache-control"), "private, max-age=3600");
  // The same window by its instants.
  const std::string start = core::to_rfc3339(programme(-3).start);
  const std::string end = core::to_rfc3339(programme(-3).end);
  EXPECT_EQ(get(stream("kind=catchup&start=" + start + "&end=" + end, Kind::kCatchup)).body, vod.body);
}

TEST_F(HlsRoutesTest, WindowsThatCannotBeAnsweredAreTheRightProblem) {
  const auto problem = [&](const std::string& query, Kind kind) {
    const auto response = get(stream(query, kind));
    return std::to_string(response.status) + " " + response.code();
  };
  const Utc old = now_ - 40 * kMinuteNs;
  EXPECT_EQ(problem("kind=vod", Kind::kLive), "400 invalid_request");
  EXPECT_EQ(problem("kind=", Kind::kLive), "400 invalid_request");
  EXPECT_EQ(problem("protection=drm", Kind::kLive), "400 invalid_request");
  EXPECT_EQ(problem("start=" + seconds(old), Kind::kLive), "400 invalid_request");
  EXPECT_EQ(problem("kind=startover", Kind::kStartover), "400 invalid_request");
  EXPECT_EQ(problem("kind=catchup&start=" + seconds(old), Kind::kCatchup), "400 invalid_request");
  EXPECT_EQ(problem("kind=startover&start=yesterday", Kind::kStartover), "400 invalid_request");
  EXPECT_EQ(problem("kind=startover&start=-5", Kind::kStartover), "400 invalid_request");
  EXPECT_EQ(problem("kind=startover&start=99999999999999999999", Kind::kStartover), "400 invalid_request");
  EXPECT_EQ(problem("kind=startover&start=1&epoch=x", Kind::kStartover), "400 invalid_request");
  EXPECT_EQ(problem("kind=startover&duration=0&start=" + seconds(old), Kind::kStartover), "400 invalid_request");
  EXPECT_EQ(problem("kind=catchup&programme=none", Kind::kCatchup), "404 not_found");
  const std::string of_another_channel = add_programme(two_, -3).id;
  EXPECT_EQ(problem("kind=catchup&programme=" + of_another_channel, Kind::kCatchup), "404 not_found");
  EXPECT_EQ(problem("kind=catchup&start=1&programme=" + programme(-1).id, Kind::kCatchup), "400 invalid_request");
  EXPECT_EQ(problem(window("catchup", now_ - kMinuteNs, now_ - 2 * kMinuteNs), Kind::kCatchup), "400 window_invalid");
  EXPECT_EQ(problem(window("catchup", old, old + 5 * kMinuteNs), Kind::kCatchup), "404 not_archived");
  EXPECT_EQ(problem(window("catchup", now_ - 25 * kHourNs, now_ - kMinuteNs), Kind::kCatchup), "403 window_expired");
  EXPECT_EQ(problem(window("catchup", now_ - kMinuteNs, now_ + kMinuteNs), Kind::kCatchup), "409 not_complete");
  EXPECT_EQ(problem(window("catchup", now_ + kMinuteNs, now_ + 2 * kMinuteNs), Kind::kCatchup), "409 not_complete");
  EXPECT_EQ(problem("kind=startover&start=" + seconds(now_ + kMinuteNs), Kind::kStartover), "409 not_started");
  EXPECT_EQ(get(url("/hls/ch2/main.m3u8?token=" + playback_token(Kind::kLive, Protection::kCenc, two_.id))).code(),
            "not_on_air");
  EXPECT_EQ(get(url("/hls/ch9/main.m3u8?token=" + playback_token(Kind::kLive))).status, 404);
  const auto expired = get(stream(window("catchup", now_ - 25 * kHourNs, now_ - kMinuteNs), Kind::kCatchup));
  EXPECT_FALSE(expired.header("x-expires-at").empty());
  const auto retry_after = [&](const std::string& query, Kind kind) {
    return get(stream(query, kind)).header("retry-after");
  };
  EXPECT_EQ(retry_after(window("catchup", now_ - kMinuteNs, now_ + kMinuteNs), Kind::kCatchup), "66")
      << "a target duration after its end";
  EXPECT_EQ(retry_after(window("catchup", now_ + kMinuteNs, now_ + 2 * kMinuteNs), Kind::kCatchup), "126");
  EXPECT_EQ(retry_after("kind=startover&start=" + seconds(now_ + kMinuteNs), Kind::kStartover), "66");
  EXPECT_EQ(retry_after(window("startover", now_, now_ + kMinuteNs), Kind::kStartover), "6");
  EXPECT_EQ(get(stream("unknown=1&start_time=5", Kind::kLive)).status, 200) << "unknown parameters are ignored";
}

// Taken for not given, a kind would be live, and a window another one.
TEST_F(HlsRoutesTest, WhatCannotBeDecodedIsNotTakenForNotGiven) {
  const std::string live = url("/hls/ch1/index.m3u8?token=" + playback_token(Kind::kLive));
  EXPECT_EQ(get(live).status, 200);
  for (const char* query : {"&kind=%ff", "&protection=%00", "&epoch=%ff", "&start=%c0%ae"}) {
    EXPECT_EQ(get(live + query).status, 400) << query;
  }
  EXPECT_EQ(get(live + "&unknown=%ff").status, 200) << "what nobody knows is ignored";
}

TEST_F(HlsRoutesTest, AWindowThatTouchesAProgrammeWithoutRightsIsRefused) {
  const Utc end = add_programme(one_, -7, false).end;
  EXPECT_EQ(get(stream(window("catchup", end - kSecondNs, end + kMinuteNs), Kind::kCatchup)).code(), "not_eligible");
  EXPECT_EQ(get(stream(window("catchup", end, end + kMinuteNs), Kind::kCatchup)).status, 200);
}

TEST_F(HlsRoutesTest, InstantsKeepTheirFractions) {
  const std::string start = core::to_rfc3339(programme(-3).start + 250 * core::kNsPerMs, 9);
  const auto multivariant = get(stream("kind=catchup&start=" + start + "&end=" + seconds(programme(-3).end),
                                       Kind::kCatchup, Protection::kCenc, "index.m3u8"));
  EXPECT_NE(multivariant.body.find("kind=catchup&start=" + start + "&"), std::string::npos) << multivariant.body;
}

TEST_F(HlsRoutesTest, AnArchiveThatIsStillBeingReadIsNotReady) {
  std::atomic<bool> hold = true;
  for (int i = 0; i < 2; ++i) {
    pool_.run(
        [&hold] {
          while (hold) std::this_thread::yield();
        },
        [] {});
  }
  archive_->remove_channel(one_.id);
  archive_->add_channel({.id = one_.id, .key = one_.key, .target_duration_s = 6});
  const auto early = get(stream("kind=catchup&programme=" + programme(-3).id, Kind::kCatchup));
  hold = false;
  EXPECT_EQ(std::to_string(early.status) + " " + early.code(), "503 not_ready") << "it would be a hole for good";
  EXPECT_EQ(early.header("retry-after"), "1");
  ASSERT_TRUE(run_until([&] { return archive_->complete(); }));
  EXPECT_EQ(get(stream("kind=catchup&programme=" + programme(-3).id, Kind::kCatchup)).status, 200);
}

TEST_F(HlsRoutesTest, TheNewestEpochIsPinnedInTheUrl) {
  const auto multivariant =
      get(stream("kind=catchup&programme=" + programme(-2).id, Kind::kCatchup, Protection::kCenc, "index.m3u8"));
  ASSERT_EQ(multivariant.status, 200);
  EXPECT_NE(multivariant.body.find("main.m3u8?kind=catchup&start=" + seconds(programme(-2).start) +
                                   "&end=" + seconds(programme(-2).end) + "&epoch=0&token="),
            std::string::npos)
      << multivariant.body;
  EXPECT_NE(multivariant.body.find("AVERAGE-BANDWIDTH="), std::string::npos);

  timeshift::test::Writer writer(now_);
  timeshift::SegmentRow set_back = writer.segment();
  set_back.sequence = rows_.back().sequence + 1;
  set_back.epoch = 1;
  write(set_back);
  const std::string query = "kind=catchup&programme=" + programme(-2).id;
  const auto pinned = [&](const std::string& epoch) {
    const std::string body = get(stream(query + epoch, Kind::kCatchup, Protection::kCenc, "index.m3u8")).body;
    return body.substr(body.find("&epoch="), 9);
  };
  EXPECT_EQ(pinned(""), "&epoch=1&");
  EXPECT_EQ(pinned("&epoch=0"), "&epoch=0&") << "who has an address keeps what it says";
}

TEST_F(HlsRoutesTest, Aes128IsMadeOfTheEncryptedArchive) {
  const auto media = get(stream("protection=aes-128", Kind::kLive, Protection::kAes128));
  ASSERT_EQ(media.status, 200) << media.body;
  const M3u8 live = parse_m3u8(media.body);
  const core::KeyId key_id = *rows_.back().key_id;
  const core::ContentKey content_key = keys_->find(key_id).value().key;
  for (const auto& row : live.rows) {
    const auto key = get(resolve(row.keys[0].at("URI")));
    ASSERT_EQ(key.status, 200) << key.body;
    ASSERT_EQ(key.body.size(), 16u);
    EXPECT_NE(bytes_of(key.body), core::Bytes(content_key.reveal().begin(), content_key.reveal().end()));
    const auto segment = get(resolve(row.uri));
    ASSERT_EQ(segment.status, 200) << segment.body;
    EXPECT_EQ(segment.header("cache-control"), "public, max-age=31536000, immutable");
    EXPECT_EQ(segment.header("content-length"), std::to_string(segment.body.size()));
    core::AesBlock iv{};
    const auto iv_bytes = core::from_hex(row.keys[0].at("IV").substr(2)).value();
    std::copy(iv_bytes.begin(), iv_bytes.end(), iv.begin());
    const auto opened = aircheck::test::aes_cbc_decrypt(core::ContentKey::from_bytes(bytes_of(key.body)).value(), iv,
                                                        bytes_of(segment.body));
    ASSERT_TRUE(opened);
    const auto& stored = rows_[row.sequence - rows_.front().sequence];
    core::Bytes clear = timeshift::test::read_bytes(segments() + "/ch1/" + stored.location);
    const auto encrypted_init = core::bmff::parse_init(core::bmff::samples::init_segment());
    ASSERT_TRUE(core::bmff::decrypt_segment_in_place(clear, *encrypted_init, content_key));
    EXPECT_EQ(*opened, clear);
    const auto again = get(resolve(row.uri));
    EXPECT_EQ(again.body, segment.body) << "from memory";
    EXPECT_EQ(fetch({.url = resolve(row.uri), .headers = {{"Range", "bytes=16-31"}}}).body,
              segment.body.substr(16, 16));
    EXPECT_EQ(fetch({.url = resolve(row.uri), .headers = {{"If-None-Match", segment.header("etag")}}}).status, 304);
  }
  const auto init = get(resolve(live.rows[0].map));
  ASSERT_EQ(init.status, 200);
  const auto tracks = core::bmff::parse_init(bytes_of(init.body));
  ASSERT_TRUE(tracks);
  EXPECT_EQ(tracks->tracks.size(), 2u);
  for (const auto& track : tracks->tracks) EXPECT_TRUE(track.scheme.empty());
  EXPECT_EQ(init.body.find("pssh"), std::string::npos);
}

TEST_F(HlsRoutesTest, OtherProtectionNeedsTheChannelsLeave) {
  EXPECT_EQ(get(stream("protection=clear", Kind::kLive, Protection::kClear)).code(), "protection_not_allowed");
  EXPECT_EQ(get(url("/hls/ch1/clear/" + rows_.back().location)).code(), "protection_not_allowed");
  channels::Channel changed = *channels_->find("ch1");
  changed.allow_aes128 = false;
  changed.allow_clear = true;
  ASSERT_TRUE(channels_->update(changed, now_));
  EXPECT_EQ(get(stream("protection=aes-128", Kind::kLive, Protection::kAes128)).code(), "protection_not_allowed");
  EXPECT_EQ(get(url("/hls/ch1/aes/" + rows_.back().location)).code(), "protection_not_allowed");

  const auto media = get(stream("protection=clear", Kind::kLive, Protection::kClear));
  ASSERT_EQ(media.status, 200) << media.body;
  const M3u8 live = parse_m3u8(media.body);
  EXPECT_TRUE(live.rows[0].keys.empty());
  const auto segment = get(resolve(live.rows[0].uri));
  EXPECT_EQ(segment.status, 200);
  EXPECT_EQ(segment.header("cache-control"), "private, max-age=31536000, immutable");
  EXPECT_NE(segment.body, get(url("/hls/ch1/" + rows_[rows_.size() - 6].location)).body);
  const std::string without = live.rows[0].uri.substr(0, live.rows[0].uri.find('?'));
  EXPECT_EQ(get(resolve(without)).status, 401) << "every unencrypted byte needs a token";
  EXPECT_EQ(get(resolve(without + "?token=" + playback_token(Kind::kLive))).status, 403);
}

TEST_F(HlsRoutesTest, AnArchiveThatIsNotEncryptedNeedsTokensForItsSegments) {
  timeshift::test::Writer writer(now_);
  writer.restart(now_);
  timeshift::SegmentRow clear = writer.segment();
  clear.sequence = rows_.back().sequence + 1;
  write(clear, false);
  now_ = now_ + kSegmentNs;
  const M3u8 live = parse_m3u8(get(stream("", Kind::kLive)).body);
  EXPECT_TRUE(live.rows.back().keys.empty());
  EXPECT_NE(live.rows.back().uri.find("?token="), std::string::npos);
  EXPECT_EQ(get(resolve(live.rows.back().uri)).status, 200);
  const std::string address = url("/hls/ch1/" + rows_.back().location);
  EXPECT_EQ(get(address).status, 401);
  EXPECT_EQ(get(address, bearer(viewer_)).status, 200);
  // A live token opens what is on air, not the archive.
  const std::string token = playback_token(Kind::kLive);
  EXPECT_EQ(get(address + "?token=" + token).status, 200);
  now_ = now_ + 16 * kMinuteNs;
  EXPECT_EQ(get(address + "?token=" + token).status, 403);
  EXPECT_EQ(get(address + "?token=" + playback_token(Kind::kCatchup)).status, 200);
}

}  // namespace
}  // namespace aircheck::http
