// index.db of the oldest schema: the station reads the segment files in its place, and is what it was before, however
// often it is killed meanwhile. 10,000 rows; AIRCHECK_TEST_ROWS says how many (the soak).
#include <cstdio>
#include <cstdlib>

#include "daemon/faults/station_with_files.hpp"
#include "timeshift/index_store.hpp"

namespace aircheck {
namespace {

constexpr std::int64_t kTarget = 6;  // s
constexpr int kKills = 8;

int rows_wanted() {
  const char* const rows = std::getenv("AIRCHECK_TEST_ROWS");
  return rows != nullptr ? std::atoi(rows) : 10'000;
}

std::string quoted(const std::string& text) {
  return "'" + text + "'";
}

class MigrationTest : public test::StationWithFiles {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(make_station());
    const int rows = rows_wanted();
    begin_ = ago((rows + 100) * kTarget);
    timeshift::test::Writer writer(begin_);
    for (int i = 0; i < rows; ++i) {
      // A restart with a hole in each hour.
      if (i % 600 == 599) writer.restart(writer.end() + 20 * core::kNsPerSecond);
      write(writer.segment());
    }
    end_ = writer.end();
    // So that retention takes nothing.
    ASSERT_TRUE(database_->execute("UPDATE channels SET cutv_window_hours = 720"));
    close_station();
    ASSERT_NO_FATAL_FAILURE(start());
    token_ = sign_in();
    ASSERT_NO_FATAL_FAILURE(settle());
    whole_ = playlists();
    ASSERT_EQ(end(), 0) << log();
    ASSERT_NO_FATAL_FAILURE(make_oldest());
  }
  [[nodiscard]] std::string index() const { return state() + "/index.db"; }
  [[nodiscard]] std::string asked(const std::string& database, const std::string& sql) const {
    return test::run("sqlite3 " + database + " " + quoted(sql) + " 2>&1").output;
  }
  // With the rows that index.db has now, as the first version of Aircheck wrote it.
  void make_oldest() {
    std::string sql = ".read " + std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) +
                      "/schemas/sql/index/migrations/0001_segments.sql\nPRAGMA application_id = " +
                      asked(index(), "PRAGMA application_id") + ";\nPRAGMA user_version = 1;\nBEGIN;\n";
    const auto read = timeshift::IndexStore::read(index(), channel_id_, [&](const timeshift::SegmentRow& row) {
      sql += "INSERT INTO segments VALUES ('" + channel_id_ + "'";
      for (const auto value :
           {static_cast<std::int64_t>(row.sequence), static_cast<std::int64_t>(row.discontinuity_sequence),
            row.start.ns, row.duration_ns, static_cast<std::int64_t>(row.size), std::int64_t{row.epoch},
            std::int64_t{row.discontinuity}}) {
        sql += ", " + std::to_string(value);
      }
      sql += ", x'" + core::to_hex(*row.key_id) + "', '" + row.location + "', '" + row.init_location + "');\n";
    });
    ASSERT_TRUE(read.has_value());
    directory_.write("oldest.sql", sql + "COMMIT;\n");
    const std::string oldest = directory_ / "oldest.db";
    ASSERT_EQ(test::run("sqlite3 " + oldest + " < " + (directory_ / "oldest.sql") + " 2>&1").output, "");
    ASSERT_EQ(asked(oldest, "SELECT count(*) FROM segments"), std::to_string(rows_wanted()) + "\n");
  }
  void put_oldest_in_place() {
    for (const char* suffix : {"", "-wal", "-shm", ".before-2", ".before-2.partial"}) {
      std::filesystem::remove(index() + suffix);
    }
    std::filesystem::copy(directory_ / "oldest.db", index());
  }
  // At the beginning, in the middle, at the end, and over holes.
  std::map<std::string, std::string> playlists() {
    std::map<std::string, std::string> texts;
    const std::int64_t begin = begin_.ns / core::kNsPerSecond;
    const std::int64_t end = end_.ns / core::kNsPerSecond;
    for (const std::int64_t from : {begin, begin + 3000, (begin + end) / 2, end - 7200}) {
      const std::string path = "/hls/ch1/main.m3u8?kind=catchup&start=" + std::to_string(from) +
                               "&end=" + std::to_string(std::min(from + 7200, end - kTarget));
      test::HttpResponse answer;
      const base::Timer tick = base::Timer::every(20, [] {});
      EXPECT_TRUE(run_until([&] {
        answer = get(url(path), token_);
        return answer.status != 503;
      }));
      EXPECT_EQ(answer.status, 200) << answer.body;
      for (std::size_t at = 0; (at = answer.body.find("token=", at)) != std::string::npos;) {
        answer.body.erase(at, answer.body.find('"', at) - at);
      }
      texts[path] = std::move(answer.body);
    }
    return texts;
  }
  // The copy that an operator could go back to is whole, or not there.
  void expect_whole_copy() {
    if (!std::filesystem::exists(index() + ".before-2")) return;
    EXPECT_EQ(asked(index() + ".before-2", "PRAGMA integrity_check"), "ok\n");
    EXPECT_EQ(asked(index() + ".before-2", "SELECT count(*) FROM segments"), std::to_string(rows_wanted()) + "\n");
  }

  core::Utc begin_;
  core::Utc end_;
  std::map<std::string, std::string> whole_;
};

TEST_F(MigrationTest, TheOldestIndexGivesTheSamePlaylistsThroughKills) {
  ASSERT_NE(whole_.begin()->second.find("#EXT-X-GAP"), std::string::npos);
  put_oldest_in_place();
  const std::int64_t began = g_get_monotonic_time();
  ASSERT_NO_FATAL_FAILURE(start());
  const std::int64_t took_ms = (g_get_monotonic_time() - began) / 1000;
  token_ = sign_in();
  EXPECT_EQ(playlists(), whole_);
  ASSERT_NO_FATAL_FAILURE(settle());
  std::printf("%d rows of schema 1: ready after %lld ms\n", rows_wanted(), static_cast<long long>(took_ms));
  EXPECT_EQ(asked(index(), "PRAGMA user_version"), "2\n");
  EXPECT_TRUE(std::filesystem::exists(index() + ".before-2"));
  expect_whole_copy();
  ASSERT_EQ(end(), 0) << log();

  int copied = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    SCOPED_TRACE(kill);
    put_oldest_in_place();
    launch();
    pause_ms(static_cast<int>(took_ms * kill / kKills));
    ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
    copied += std::filesystem::exists(index() + ".before-2") ? 1 : 0;
    expect_whole_copy();
    ASSERT_NO_FATAL_FAILURE(start());
    token_ = sign_in();
    EXPECT_EQ(playlists(), whole_);
    expect_whole_copy();
    ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
  }
  std::printf("%d kills, %d of them behind the copy\n", kKills, copied);
}

}  // namespace
}  // namespace aircheck
