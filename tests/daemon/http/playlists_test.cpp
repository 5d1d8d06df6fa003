// Playlists over HTTP: entity tags, HEAD, compression, caching, delta updates, programmes, and what is refused.
#include "http/playlists.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "daemon/http/station_with_archive.hpp"
#include "support/process.hpp"

namespace aircheck::http {
namespace {

using access::Kind;
using access::Protection;
using core::Utc;
using test::M3u8;
using test::parse_m3u8;

class PlaylistsTest : public test::StationWithArchive {
 protected:
  // Multivariant and media playlists of every kind and protection, by what they are.
  std::map<std::string, std::string> every_playlist() {
    std::map<std::string, std::string> urls;
    const std::string past = "programme=" + programme(-3).id;
    for (const std::string file : {"index.m3u8", "main.m3u8"}) {
      for (const Protection protection : {Protection::kCenc, Protection::kAes128}) {
        const std::string form = "protection=" + std::string(access::to_string(protection));
        const std::string what = file + " " + form;
        urls["live " + what] = stream(form, Kind::kLive, protection, file);
        urls["startover " + what] = stream("kind=startover&" + past + "&" + form, Kind::kStartover, protection, file);
        urls["catchup " + what] = stream("kind=catchup&" + past + "&" + form, Kind::kCatchup, protection, file);
      }
    }
    return urls;
  }
  test::HttpResponse conditional(const std::string& url, const std::string& etag, const std::string& encoding = "") {
    test::HttpRequest request{.url = url, .headers = {{"If-None-Match", etag}}};
    if (!encoding.empty()) request.headers.emplace_back("Accept-Encoding", encoding);
    return fetch(request);
  }
  // Another viewer's address of the same playlist.
  std::string other_viewers(const std::string& url) {
    const access::Caller caller{.account_id = admin_.id, .own = true};
    const Kind kind = url.find("kind=startover") != std::string::npos ? Kind::kStartover
                      : url.find("kind=catchup") != std::string::npos ? Kind::kCatchup
                                                                      : Kind::kLive;
    const Protection protection = url.find("aes-128") != std::string::npos ? Protection::kAes128 : Protection::kCenc;
    return url.substr(0, url.find("token=")) + "token=" + gate_.playback_token(caller, one_.id, kind, protection, now_);
  }
  std::string unzip(const std::string& body) {
    directory_.write("body.gz", body);
    return test::run("gzip -dc < " + (directory_ / "body.gz")).output;
  }
  static std::string replace_all(std::string text, const std::string& from, const std::string& to) {
    for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
      text.replace(at, from.size(), to);
    }
    return text;
  }
  static std::string token_of(const std::string& url) { return url.substr(url.find("token=") + 6); }
};

TEST_F(PlaylistsTest, EveryPlaylistHasATagAHeadAndCachingRules) {
  for (const auto& [what, address] : every_playlist()) {
    SCOPED_TRACE(what);
    const auto whole = get(address);
    ASSERT_EQ(whole.status, 200) << whole.body;
    EXPECT_EQ(whole.header("content-type"), "application/vnd.apple.mpegurl");
    EXPECT_EQ(whole.header("vary"), "Accept-Encoding");
    EXPECT_EQ(whole.header("cache-control"), what.starts_with("live") ? "private, max-age=2" : "private, max-age=3600");
    const std::string etag = whole.header("etag");
    ASSERT_FALSE(etag.empty());
    const auto head = fetch({.method = "HEAD", .url = address});
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.body, "");
    EXPECT_EQ(head.header("content-length"), std::to_string(whole.body.size()));
    EXPECT_EQ(head.header("etag"), etag);
    for (const std::string& tags : {etag, "\"other\", " + etag, "W/" + etag, std::string("*")}) {
      const auto known = conditional(address, tags);
      EXPECT_EQ(known.status, 304) << tags;
      EXPECT_EQ(known.body, "");
      EXPECT_EQ(known.header("etag"), etag);
      EXPECT_EQ(known.header("cache-control"), whole.header("cache-control"));
    }
    EXPECT_EQ(conditional(address, "\"other\"").status, 200);
  }
}

TEST_F(PlaylistsTest, GzipIsTheSamePlaylistUnderATagOfItsOwn) {
  for (const auto& [what, address] : every_playlist()) {
    SCOPED_TRACE(what);
    const auto plain = get(address);
    ASSERT_EQ(plain.status, 200) << plain.body;
    for (int again = 0; again < 2; ++again) {
      const auto zipped = fetch({.url = address, .headers = {{"Accept-Encoding", "br;q=0.1, gzip"}}});
      ASSERT_EQ(zipped.status, 200);
      EXPECT_EQ(zipped.header("vary"), "Accept-Encoding");
      if (plain.body.size() < 1024) {
        EXPECT_EQ(zipped.body, plain.body) << "too short to be worth it";
        continue;
      }
      EXPECT_EQ(zipped.header("content-encoding"), "gzip");
      EXPECT_LT(zipped.body.size(), plain.body.size() * 3 / 5);
      EXPECT_EQ(unzip(zipped.body), plain.body);
      EXPECT_NE(zipped.header("etag"), plain.header("etag")) << "strong tags are for bytes";
      EXPECT_EQ(conditional(address, zipped.header("etag"), "gzip").status, 304);
      EXPECT_EQ(conditional(address, plain.header("etag"), "gzip").status, 200);
    }
    EXPECT_EQ(fetch({.url = address, .headers = {{"Accept-Encoding", "gzip;q=0"}}}).header("content-encoding"), "");
  }
}

TEST_F(PlaylistsTest, ViewersShareTheTextButNotTheToken) {
  for (const auto& [what, address] : every_playlist()) {
    SCOPED_TRACE(what);
    const std::string other = other_viewers(address);
    ASSERT_NE(other, address);
    const auto mine = get(address);
    const auto theirs = get(other);
    ASSERT_EQ(theirs.status, 200) << theirs.body;
    EXPECT_EQ(replace_all(theirs.body, token_of(other), token_of(address)), mine.body);
    EXPECT_NE(theirs.body, mine.body);
    EXPECT_EQ(theirs.body.find(token_of(address)), std::string::npos) << "nobody sees another one's token";
    EXPECT_NE(theirs.header("etag"), mine.header("etag"));
    for (const auto& [address_of, text] : {std::pair(address, mine.body), std::pair(other, theirs.body)}) {
      const auto zipped = fetch({.url = address_of, .headers = {{"Accept-Encoding", "gzip"}}});
      if (zipped.header("content-encoding") != "gzip") continue;
      EXPECT_EQ(unzip(zipped.body), text) << "what is kept compressed is each one's own, too";
    }
  }
}

TEST_F(PlaylistsTest, AKeptPlaylistChangesWithWhatItIsMadeFrom) {
  const std::string address = stream("", Kind::kLive);
  const auto before = get(address);
  timeshift::test::Writer writer(now_);
  timeshift::SegmentRow next = writer.segment();
  next.sequence = rows_.back().sequence + 1;
  write(next);
  const auto after = get(address);
  EXPECT_EQ(parse_m3u8(after.body).rows.back().sequence, next.sequence);
  EXPECT_NE(after.header("etag"), before.header("etag"));

  channels::Channel changed = *channels_->find("ch1");
  changed.variables["video-bitrate"] = std::int64_t{9000};
  const std::string multivariant = stream("", Kind::kLive, Protection::kCenc, "index.m3u8");
  ASSERT_EQ(get(multivariant).body.find("BANDWIDTH=9940000"), std::string::npos);
  const auto updated = channels_->update(changed, now_);
  ASSERT_TRUE(updated) << updated.error().message;
  EXPECT_NE(get(multivariant).body.find("BANDWIDTH=9940000"), std::string::npos) << get(multivariant).body;

  const std::string vod = stream("kind=catchup&programme=" + programme(-3).id, Kind::kCatchup);
  const M3u8 whole = parse_m3u8(get(vod).body);
  ASSERT_FALSE(archive_->retire(one_.id, programme(-3).start + kMinuteNs, 1000).locations.empty());
  const M3u8 rest = parse_m3u8(get(vod).body);
  EXPECT_EQ(rest.rows.size(), whole.rows.size() - 9) << "what retention took is not listed";
}

// Requests that differ in one thing each, one after the other: nobody gets what was kept for another.
TEST_F(PlaylistsTest, WhatDiffersIsNotKeptUnderOneName) {
  const Utc start = programme(-3).start + kSecondNs;  // within a row, so that each kind has EXT-X-START
  const std::string end = "&end=" + seconds(programme(-3).end);
  const std::string window = "&start=" + seconds(start) + end;
  EXPECT_EQ(parse_m3u8(get(stream("kind=catchup" + window, Kind::kCatchup)).body).type, "VOD");
  EXPECT_EQ(parse_m3u8(get(stream("kind=startover" + window, Kind::kStartover)).body).type, "EVENT");
  const std::string aes =
      get(stream("kind=catchup&protection=aes-128" + window, Kind::kCatchup, Protection::kAes128)).body;
  EXPECT_EQ(parse_m3u8(aes).rows.front().keys.front().at("METHOD"), "AES-128");
  const std::string later = "kind=catchup&start=" + seconds(start + kSecondNs) + end;
  EXPECT_EQ(parse_m3u8(get(stream(later, Kind::kCatchup)).body).start_offset, 2.0) << "the same rows";

  const auto programme_line = [&] {
    const std::string body = get(stream("kind=catchup" + window, Kind::kCatchup)).body;
    const std::size_t at = body.find("#EXT-X-DATERANGE:ID=\"ch1-programme-3\"");
    return at == std::string::npos ? body : body.substr(at, body.find('\n', at) - at);
  };
  schedule::Entry entry = *guide_.entry(programme(-3).id);
  entry.end = entry.end - kMinuteNs;
  entry = guide_.update(entry, now_).value();
  EXPECT_NE(programme_line().find("DURATION=240.000"), std::string::npos) << programme_line();
  entry.title = "programme -3";
  ASSERT_TRUE(guide_.update(entry, now_));
  EXPECT_NE(programme_line().find("X-TITLE=\"programme -3\""), std::string::npos) << programme_line();

  // A row that was listed and is another now.
  const auto row = rows_[rows_.size() - 125];
  const std::string past =
      stream("kind=catchup&start=" + seconds(row.start) + "&end=" + seconds(row.end()), Kind::kCatchup);
  const std::string around =
      stream("kind=catchup&start=" + seconds(row.start - kMinuteNs) + "&end=" + seconds(row.end() + kMinuteNs),
             Kind::kCatchup);
  ASSERT_EQ(get(past).status, 200);
  const auto gaps = [&] {
    int count = 0;
    for (const auto& listed : parse_m3u8(get(around).body).rows) count += listed.gap ? 1 : 0;
    return count;
  };
  EXPECT_EQ(gaps(), 0);
  std::filesystem::remove(segments() + "/ch1/" + row.location);
  bool rebuilt = false;
  archive_->rebuild(one_.id, [&](const auto&) { rebuilt = true; });
  ASSERT_TRUE(run_until([&] { return rebuilt; }));
  EXPECT_EQ(gaps(), 1);
  EXPECT_EQ(get(past).code(), "not_archived");
}

TEST_F(PlaylistsTest, AnEventThatEndsInAHoleEndsWhenTheHoleIsListed) {
  const std::string event = stream(
      "kind=startover&start=" + seconds(now_ - kMinuteNs) + "&end=" + seconds(now_ + kMinuteNs), Kind::kStartover);
  const M3u8 before = parse_m3u8(get(event).body);
  EXPECT_FALSE(before.ended);
  archive_->set_worker_down(one_.id, true);
  now_ = now_ + 2 * kMinuteNs;
  archive_->tick();
  const M3u8 after = parse_m3u8(get(event).body);
  EXPECT_TRUE(after.ended) << "the same rows, as GAP rows at its end are not listed";
  EXPECT_EQ(after.rows.size(), before.rows.size());
}

TEST_F(PlaylistsTest, ALongStartoverIsUpdatedByItsEnd) {
  const std::string query =
      "kind=startover&start=" + seconds(now_ - 29 * kMinuteNs) + "&end=" + seconds(now_ + 10 * kMinuteNs);
  const std::string full_text = get(stream(query, Kind::kStartover)).body;
  const M3u8 full = parse_m3u8(full_text);
  EXPECT_NE(full_text.find("#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=36.000\n"), std::string::npos);
  for (const std::string skip : {"YES", "v2"}) {
    const std::string delta = get(stream(query + "&_HLS_skip=" + skip, Kind::kStartover)).body;
    const std::size_t skipped = full.rows.size() - 6;
    EXPECT_NE(delta.find("#EXT-X-SKIP:SKIPPED-SEGMENTS=" + std::to_string(skipped) + "\n"), std::string::npos) << delta;
    EXPECT_NE(delta.find("#EXT-X-VERSION:9\n"), std::string::npos);
    EXPECT_NE(delta.find("#EXT-X-MEDIA-SEQUENCE:" + std::to_string(full.rows[0].sequence) + "\n"), std::string::npos);
    const M3u8 rest = parse_m3u8(delta);
    ASSERT_EQ(rest.rows.size(), 6U);
    for (std::size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(rest.rows[i].uri, full.rows[skipped + i].uri);
      EXPECT_EQ(rest.rows[i].keys, full.rows[skipped + i].keys);
      EXPECT_EQ(rest.rows[i].map, full.rows[skipped + i].map);
    }
  }
  EXPECT_EQ(get(stream(query + "&_HLS_skip=NO", Kind::kStartover)).body, full_text);
  // Nothing to skip: too short, not growing, or over and never asked for again.
  const std::string none = "&_HLS_skip=YES";
  for (const auto& [text, kind] :
       {std::pair(std::string("kind=live"), Kind::kLive),
        std::pair("kind=catchup&programme=" + programme(-3).id, Kind::kCatchup),
        std::pair("kind=startover&start=" + seconds(now_ - 30 * kSecondNs), Kind::kStartover)}) {
    const std::string answer = get(stream(text + none, kind)).body;
    EXPECT_EQ(answer, get(stream(text, kind)).body);
    EXPECT_EQ(answer.find("#EXT-X-SKIP"), std::string::npos);
  }
}

TEST_F(PlaylistsTest, ProgrammesAreDateRanges) {
  const std::string text = get(stream("kind=catchup&start=" + seconds(programme(-3).start + kMinuteNs) +
                                          "&end=" + seconds(programme(-2).end - kMinuteNs),
                                      Kind::kCatchup))
                               .body;
  const std::string first = "#EXT-X-DATERANGE:ID=\"ch1-programme-3\",START-DATE=\"" +
                            core::to_rfc3339(programme(-3).start, 3) + "\",DURATION=300.000,X-TITLE=\"Programme -3\"\n";
  const std::string second = "#EXT-X-DATERANGE:ID=\"ch1-programme-2\",START-DATE=\"" +
                             core::to_rfc3339(programme(-2).start, 3) +
                             "\",DURATION=300.000,X-TITLE=\"Programme -2\"\n";
  EXPECT_NE(text.find(first), std::string::npos) << text;
  EXPECT_NE(text.find(second), std::string::npos);
  std::size_t ranges = 0;
  for (std::size_t at = 0; (at = text.find("#EXT-X-DATERANGE", at)) != std::string::npos; ++at) ++ranges;
  EXPECT_EQ(ranges, 2U);
  const std::string live = get(stream("", Kind::kLive)).body;
  EXPECT_NE(live.find("ID=\"ch1-programme-1\""), std::string::npos) << live;
  EXPECT_EQ(live.find("ID=\"ch1-programme0\""), std::string::npos) << "it begins with the next row";
}

TEST_F(PlaylistsTest, WhoBeginsInAHoleIsToldAndWhoPlaysIsLedThroughIt) {
  archive_->set_worker_down(one_.id, true);
  now_ = now_ + 10 * kMinuteNs;
  archive_->tick();
  const auto begins = get(stream("", Kind::kLive, Protection::kCenc, "index.m3u8"));
  EXPECT_EQ(std::to_string(begins.status) + " " + begins.code(), "503 not_on_air");
  EXPECT_EQ(begins.header("retry-after"), "6");
  const auto plays = get(stream("", Kind::kLive));
  ASSERT_EQ(plays.status, 200) << plays.body;
  for (const auto& row : parse_m3u8(plays.body).rows) EXPECT_TRUE(row.gap) << row.sequence;
}

TEST_F(PlaylistsTest, AWindowThatCannotBeAnsweredIsTheRightProblem) {
  const auto problem = [&](Utc start, Utc end) {
    const auto response = get(stream("kind=catchup&start=" + seconds(start) + "&end=" + seconds(end), Kind::kCatchup));
    EXPECT_EQ(response.header("content-type"), "application/problem+json");
    EXPECT_EQ(response.header("cache-control"), "no-store");
    return std::to_string(response.status) + " " + response.code();
  };
  EXPECT_EQ(problem(now_ - 50 * kMinuteNs, now_ - 40 * kMinuteNs), "404 not_archived") << "before the archive";
  EXPECT_EQ(problem(now_ + kMinuteNs, now_ + 2 * kMinuteNs), "409 not_complete") << "after now";
  EXPECT_EQ(problem(now_ - kMinuteNs, now_ - 2 * kMinuteNs), "400 window_invalid") << "inverted";
  EXPECT_EQ(problem(now_ - kMinuteNs, now_ - kMinuteNs), "400 window_invalid") << "empty";
  EXPECT_EQ(problem(now_ - 30 * 24 * kHourNs, now_ - kMinuteNs), "403 window_expired") << "of 30 days";
  channels::Channel changed = *channels_->find("ch1");
  changed.cutv_window_hours = 720;
  ASSERT_TRUE(channels_->update(changed, now_));
  EXPECT_EQ(problem(now_ - 30 * 24 * kHourNs + kHourNs, now_ - kMinuteNs), "400 invalid_request") << "of 30 days";

  for (const std::string start :
       {"2026-02-25T14:30:00", "2026-02-25T14:30:00+25:00", "2026-02-25T14:30:00%20Europe/Berlin",
        "2026-02-25T14:30:00%2B01:60", "2026-02-30T00:00:00Z", "today", "", "1e9", "0x10"}) {
    const auto response = get(stream("kind=startover&start=" + start, Kind::kStartover));
    EXPECT_EQ(std::to_string(response.status) + " " + response.code(), "400 invalid_request") << start;
  }
  // The same instant in another zone is the same window.
  const Utc start = programme(-3).start;
  std::string berlin = core::to_rfc3339(start + kHourNs);
  berlin.replace(berlin.size() - 1, 1, "%2B01:00");
  const std::string end = "&end=" + seconds(programme(-3).end);
  const auto zoned = get(stream("kind=catchup&start=" + berlin + end, Kind::kCatchup));
  ASSERT_EQ(zoned.status, 200) << zoned.body;
  EXPECT_EQ(zoned.body, get(stream("kind=catchup&start=" + seconds(start) + end, Kind::kCatchup)).body);
}

}  // namespace
}  // namespace aircheck::http
