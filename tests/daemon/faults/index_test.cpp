// index.db is a cache: lost, behind or damaged, at rest and while the station runs, it changes no playlist by a byte
// and holds no answer up.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "daemon/faults/station_with_files.hpp"

namespace aircheck {
namespace {

class IndexTest : public test::StationWithFiles {
 protected:
  // An archive over a change of the crypto period, with holes and restarts.
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(make_station());
    begin_ = ago(3600);
    writer_.emplace(begin_);
    write_run(40);
    writer_->restart(writer_->end() + 20 * core::kNsPerSecond);
    write_run(30);
    ASSERT_TRUE(keys_->end_at(keys_->at(channel_id_, begin_).value(), writer_->end()));
    writer_->restart(writer_->end());
    write_run(20);
    writer_->restart(writer_->end() + 61 * core::kNsPerSecond);
    write_run(30);
    for (const core::Utc instant : {begin_, writer_->end()}) {
      key_ids_.insert(core::to_hex(keys_->at(channel_id_, instant).value().key_id));
    }
    ASSERT_EQ(key_ids_.size(), 2U);
    close_station();
    ASSERT_NO_FATAL_FAILURE(start());
    token_ = sign_in();
    ASSERT_NO_FATAL_FAILURE(settle());
    whole_ = playlists();
    ASSERT_EQ(whole_.size(), 12U);
    // As it was in the middle, on air.
    const auto copied =
        test::run("cd " + state() + " && sqlite3 index.db \".backup '" + (directory_ / "older.db") + "'\" && sqlite3 " +
                  (directory_ / "older.db") + " 'DELETE FROM blocks WHERE number > 7; DELETE FROM trailing_gaps' 2>&1");
    ASSERT_EQ(copied.exit, 0) << copied.output;
  }
  void write_run(int segments) {
    for (int i = 0; i < segments; ++i) write(writer_->segment());
  }
  [[nodiscard]] std::string index() const { return state() + "/index.db"; }
  void remove_index() const {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(index() + suffix);
  }
  static std::string without_tokens(std::string text) {
    for (std::size_t at = 0; (at = text.find("token=", at)) != std::string::npos;) {
      at += 6;
      text.erase(at, text.find_first_of("&\"\n", at) - at);
    }
    return text;
  }
  // Every kind and form, by what it is. Tokens change with the minute; what they open does not.
  std::map<std::string, std::string> playlists() {
    const auto at = [&](std::int64_t seconds) { return std::to_string(begin_.ns / core::kNsPerSecond + seconds); };
    std::map<std::string, std::string> texts;
    for (const std::string file : {"index.m3u8", "main.m3u8"}) {
      for (const std::string form : {"cenc", "aes-128"}) {
        for (const std::string& window :
             {"kind=startover&start=" + at(0) + "&end=" + at(800), "kind=catchup&start=" + at(0) + "&end=" + at(790),
              "kind=catchup&start=" + at(251) + "&end=" + at(700)}) {
          std::string path = "/hls/ch1/" + file;
          path += "?protection=" + form + "&" + window;
          test::HttpResponse answer;
          const base::Timer tick = base::Timer::every(20, [] {});
          // 503: the init segments are still being read.
          EXPECT_TRUE(run_until([&] {
            answer = get(url(path), token_);
            return answer.status != 503;
          }));
          EXPECT_EQ(answer.status, 200) << path << " " << answer.body;
          texts[path] = without_tokens(answer.body);
        }
      }
    }
    return texts;
  }
  void expect_same_playlists(const std::string& what) {
    SCOPED_TRACE(what);
    ASSERT_NO_FATAL_FAILURE(start());
    EXPECT_EQ(playlists(), whole_);
    ASSERT_NO_FATAL_FAILURE(settle());
    EXPECT_EQ(playlists(), whole_);
    ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
  }

  core::Utc begin_;
  std::set<std::string> key_ids_;
  std::optional<timeshift::test::Writer> writer_;
  std::map<std::string, std::string> whole_;
};

TEST_F(IndexTest, LostBehindOrDamagedItGivesTheSamePlaylistsByteForByte) {
  const std::string& text = whole_.begin()->second;
  ASSERT_FALSE(text.empty());
  const auto holds = [&](const std::string& tag) {
    return std::any_of(whole_.begin(), whole_.end(),
                       [&](const auto& playlist) { return playlist.second.find(tag) != std::string::npos; });
  };
  for (const char* tag : {"#EXT-X-GAP", "#EXT-X-DISCONTINUITY\n", "METHOD=AES-128", "org.w3.clearkey"}) {
    EXPECT_TRUE(holds(tag)) << tag;
  }
  for (const std::string& key_id : key_ids_) EXPECT_TRUE(holds(key_id)) << "a key period";
  ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
  expect_same_playlists("killed");
  remove_index();
  expect_same_playlists("deleted");
  remove_index();
  std::filesystem::copy(directory_ / "older.db", index());
  expect_same_playlists("behind");
  remove_index();
  directory_.write("state/index.db", "no database at all");
  expect_same_playlists("no database");
  remove_index();
  std::string damaged = directory_.read("older.db");
  std::fill(damaged.begin() + 4096, damaged.begin() + 3 * 4096, '\xa5');
  directory_.write("state/index.db", damaged);
  expect_same_playlists("damaged inside");
  remove_index();
  directory_.write("state/index.db", directory_.read("older.db").substr(0, 9000));
  expect_same_playlists("cut off");
}

TEST_F(IndexTest, AnotherProgramThatHoldsItHoldsNoAnswerUp) {
  FILE* const other = popen(("sqlite3 '" + index() + "'").c_str(), "we");
  ASSERT_NE(other, nullptr);
  fputs(("BEGIN IMMEDIATE;\n.shell touch '" + (directory_ / "held") + "'\n").c_str(), other);
  fflush(other);
  const base::Timer tick = base::Timer::every(20, [] {});
  ASSERT_TRUE(run_until([&] { return std::filesystem::exists(directory_ / "held"); }));
  // A row that has to be written.
  std::filesystem::rename(state() + "/segments/ch1/" + files_[5], directory_ / "kept");
  ASSERT_EQ(command("rescan ch1").exit, 0);
  std::filesystem::rename(directory_ / "kept", state() + "/segments/ch1/" + files_[5]);
  ASSERT_EQ(command("rescan ch1").exit, 0);
  EXPECT_TRUE(logs("index.db is behind, the archive goes on: "));
  std::int64_t slowest = 0;
  for (int i = 0; i < 40; ++i) {
    const std::int64_t asked = g_get_monotonic_time();
    EXPECT_EQ(get(url("/ready")).status, 200);
    slowest = std::max(slowest, g_get_monotonic_time() - asked);
    pause_ms(50);
  }
  EXPECT_LT(slowest, 1'000'000) << "us";
  EXPECT_EQ(playlists(), whole_);
  EXPECT_GE(metric("aircheck_index_unwritten_changes"), 1);
  EXPECT_EQ(pclose(other), 0);
  EXPECT_TRUE(run_until([&] { return metric("aircheck_index_unwritten_changes") == 0; }));
  EXPECT_TRUE(logs("index.db is written again"));
  settle();
}

TEST_F(IndexTest, DeletedOrDamagedUnderARunningStationItIsMadeAnew) {
  remove_index();
  EXPECT_EQ(playlists(), whole_);
  std::filesystem::rename(state() + "/segments/ch1/" + files_[5], directory_ / "kept");
  ASSERT_EQ(command("rescan ch1").exit, 0);
  std::filesystem::rename(directory_ / "kept", state() + "/segments/ch1/" + files_[5]);
  ASSERT_EQ(command("rescan ch1").exit, 0);
  const base::Timer tick = base::Timer::every(50, [] {});
  EXPECT_TRUE(run_until([&] { return std::filesystem::exists(index()); })) << log();
  ASSERT_NO_FATAL_FAILURE(settle());
  EXPECT_EQ(playlists(), whole_);
  ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
  expect_same_playlists("after it was deleted");

  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_NO_FATAL_FAILURE(settle());
  for (const char* suffix : {"", "-wal"}) {
    std::error_code none;
    if (!std::filesystem::exists(index() + suffix, none)) continue;
    std::fstream file(index() + suffix, std::ios::in | std::ios::out | std::ios::binary);
    file << std::string(std::filesystem::file_size(index() + suffix, none), '\xa5');
  }
  std::filesystem::rename(state() + "/segments/ch1/" + files_[5], directory_ / "kept");
  ASSERT_EQ(command("rescan ch1").exit, 0);
  std::filesystem::rename(directory_ / "kept", state() + "/segments/ch1/" + files_[5]);
  ASSERT_EQ(command("rescan ch1").exit, 0);
  EXPECT_TRUE(logs("made anew from the segment files")) << log();
  ASSERT_NO_FATAL_FAILURE(settle());
  EXPECT_EQ(playlists(), whole_);
  ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
  expect_same_playlists("after it was damaged");
}

}  // namespace
}  // namespace aircheck
