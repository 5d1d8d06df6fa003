// backup, restore, check, rescan and stop, on a real aircheckd.
#include <sys/stat.h>

#include <set>

#include "channels/key_store.hpp"
#include "core/aes.hpp"
#include "daemon/timeshift/segment_files.hpp"
#include "daemon/timeshift/writer.hpp"
#include "store/database.hpp"
#include "support/station_process.hpp"
#include "timeshift/index_store.hpp"

namespace aircheck {
namespace {

using timeshift::test::Writer;

class CommandsTest : public test::StationProcess {
 protected:
  static constexpr int kSegments = 20;

  // A station with one channel and an archive of two minutes under a key of its own.
  void start_with_archive() {
    start({}, {{"AIRCHECK_ADMIN_PASSWORD", kPassword}});
    token_ = sign_in();
    create_channel(token_);
    ASSERT_EQ(end(), 0);
    const auto database = store::Database::open(state() + "/station.db", store::station_schema());
    ASSERT_TRUE(database.has_value());
    auto rows = (*database)->prepare("SELECT id FROM channels");
    ASSERT_TRUE(*rows->step());
    const auto keys = channels::KeyStore::open(**database, state() + "/secrets/master.key");
    ASSERT_TRUE(keys.has_value());
    begin_ = core::Utc::from_seconds(g_get_real_time() / G_USEC_PER_SEC / 6 * 6 - 1200);
    key_ = (*keys)->at(rows->text(0), begin_)->key_id;
    Writer writer(begin_);
    for (int i = 0; i < kSegments; ++i) write(writer.segment());
    start();
    token_ = sign_in();
  }
  void write(timeshift::SegmentRow row) {
    row.key_id = key_;
    row.init_location = "ch1-init-0011223344556677.mp4";
    files_.push_back(timeshift::test::write_segment(state() + "/segments/ch1", "ch1", row).location);
  }
  // Makes rows of index.db say what their files do not, while no daemon runs.
  void spoil_rows(const std::set<std::uint64_t>& sequences) const {
    const auto station = store::Database::open(state() + "/station.db", store::station_schema());
    auto channel = (*station)->prepare("SELECT id FROM channels");
    ASSERT_TRUE(*channel->step());
    const std::string id = channel->text(0);
    const auto index = timeshift::IndexStore::open(state() + "/index.db");
    ASSERT_TRUE(index.has_value());
    std::vector<timeshift::SegmentRow> rows;
    const auto read =
        timeshift::IndexStore::read(state() + "/index.db", id, [&](const auto& row) { rows.push_back(row); });
    ASSERT_TRUE(read.has_value());
    for (timeshift::SegmentRow& row : rows) {
      if (!sequences.contains(row.sequence)) continue;
      (*index)->remove(id, row.sequence);
      row.size = 1;
      (*index)->add(id, row);
    }
    ASSERT_TRUE((*index)->flush());
  }
  [[nodiscard]] std::string segment(std::size_t i) const { return state() + "/segments/ch1/" + files_.at(i); }
  std::string content_key() {
    const auto answer = get(url("/api/v1/drm/key/" + core::to_hex(key_)), token_);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body;
  }
  // The names of an EVENT playlist over the whole archive; "GAP" for what is missing.
  std::vector<std::string> listed() {
    const auto answer =
        get(url("/hls/ch1/main.m3u8?kind=startover&start=" + std::to_string(begin_.ns / core::kNsPerSecond)), token_);
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::vector<std::string> names;
    bool gap = false;
    std::istringstream lines(answer.body);
    for (std::string line; std::getline(lines, line);) {
      if (line == "#EXT-X-GAP") gap = true;
      if (line.empty() || line[0] == '#') continue;
      names.push_back(gap ? "GAP" : line.substr(line.rfind('/') + 1));
      gap = false;
    }
    while (!names.empty() && names.back() == "GAP") names.pop_back();
    return names;
  }
  // What check says once index.db has what a daemon that started just now found on the disk.
  test::Finished check_behind() {
    test::Finished checked = command("check");
    for (int i = 0; i < 100 && checked.exit == 3; ++i) checked = command("check");
    return checked;
  }
  // Every file of the state with its size: what a command must leave as it is.
  std::set<std::string> everything() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(state())) {
      std::error_code error;
      const auto size = entry.is_regular_file(error) ? entry.file_size(error) : 0;
      names.insert(entry.path().string() + " " + std::to_string(size));
    }
    return names;
  }

  std::string token_;
  core::Utc begin_;
  core::KeyId key_{};
  std::vector<std::string> files_;
};

TEST_F(CommandsTest, ABackupOfARunningStationBringsItBack) {
  start_with_archive();
  ASSERT_EQ(listed(), files_);
  const std::string key = content_key();
  const std::string folder = directory_ / "backup";
  const auto made = command("backup " + folder);
  ASSERT_EQ(made.exit, 0) << made.output;
  EXPECT_EQ(test::run("cd " + folder + " && sha256sum --check --strict SHA256SUMS").exit, 0);
  EXPECT_EQ(test::run("sqlite3 " + folder + "/station.db 'PRAGMA integrity_check'").output, "ok\n");
  EXPECT_EQ(test::run("find " + folder + " -perm /077").output, "") << "for its owner alone";
  EXPECT_EQ(test::run("grep -c secrets/ " + folder + "/SHA256SUMS").output, "4\n");
  const auto again = command("backup " + folder);
  EXPECT_EQ(again.exit, 1);
  EXPECT_NE(again.output.find("exists already"), std::string::npos) << again.output;

  // What came after the backup is lost, the rest is back: README, "Backup".
  create_channel(token_, "ch2", 2);
  ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
  for (const char* name : {"station.db", "station.db-wal", "station.db-shm", "index.db", "index.db-wal"}) {
    std::filesystem::remove(state() + "/" + name);
  }
  std::filesystem::remove_all(state() + "/secrets");
  const auto copied = test::run("cp -a " + folder + "/station.db " + folder + "/secrets " + state() + "/ 2>&1");
  ASSERT_EQ(copied.exit, 0) << copied.output;
  start();
  token_ = sign_in();
  EXPECT_EQ(get(url("/api/v1/admin/channels"), token_).json().find("items")->as_array()->size(), 1U);
  EXPECT_EQ(content_key(), key) << "the archive is still decrypted by the key that its players get";
  EXPECT_EQ(listed(), files_) << "rebuilt from the files";
  const auto checked = check_behind();
  EXPECT_EQ(checked.exit, 0) << checked.output;
}

TEST_F(CommandsTest, ABackupWhileTheStationWritesIsOfOneMoment) {
  start({}, {{"AIRCHECK_ADMIN_PASSWORD", kPassword}});
  token_ = sign_in();
  for (int i = 1; i <= 5; ++i) {
    create_channel(token_, "ch" + std::to_string(i), i);
    const std::string folder = directory_ / ("backup" + std::to_string(i));
    ASSERT_EQ(command("backup " + folder).exit, 0);
    EXPECT_EQ(test::run("sqlite3 " + folder + "/station.db 'SELECT count(*) FROM channels'").output,
              std::to_string(i) + "\n");
  }
}

TEST_F(CommandsTest, ABackupHasTheConfigurationAndTheIssuersThatItNames) {
  start();
  directory_.write("partners.json", R"({"issuers":[]})");
  directory_.write("aircheck.conf", "[access]\nissuers-file=" + (directory_ / "partners.json") + "\n");
  const auto made = command("backup " + (directory_ / "backup") + " --config " + (directory_ / "aircheck.conf"));
  ASSERT_EQ(made.exit, 0) << made.output;
  EXPECT_EQ(directory_.read("backup/aircheck.conf"), directory_.read("aircheck.conf"));
  EXPECT_EQ(directory_.read("backup/issuers.json"), directory_.read("partners.json"));
  const auto sums = test::run(
      "cd " + (directory_ / "backup") +
      " && sha256sum --check --strict SHA256SUMS >/dev/null && grep -cE ' (aircheck.conf|issuers.json)$' SHA256SUMS");
  EXPECT_EQ(sums.output, "2\n");
}

TEST_F(CommandsTest, ABackupThatCannotBeMadeLeavesNothing) {
  start();
  EXPECT_EQ(command("backup " + (directory_ / "nowhere/backup")).exit, 1);
  ASSERT_EQ(end(), 0);
  std::filesystem::resize_file(state() + "/station.db", 20'000);
  const auto damaged = command("backup " + (directory_ / "backup"));
  EXPECT_EQ(damaged.exit, 1) << damaged.output;
  EXPECT_NE(damaged.output.find("station.db"), std::string::npos) << damaged.output;
  EXPECT_EQ(test::run("ls -d " + (directory_ / "backup*") + " 2>&1").exit, 2) << "no folder, and no half of one";
}

TEST_F(CommandsTest, CheckTellsWhatIsWrongAndChangesNothing) {
  start_with_archive();
  auto report = check_behind();
  EXPECT_EQ(report.exit, 0) << report.output;
  EXPECT_NE(report.output.find("ok       ch1: 20 rows, each with its file"), std::string::npos) << report.output;
  EXPECT_NE(report.output.find("content keys: all 1 open"), std::string::npos) << report.output;
  ASSERT_EQ(end(), 0);

  const auto before = everything();
  report = command("check");
  EXPECT_EQ(report.exit, 0) << report.output;
  EXPECT_EQ(everything(), before);
  const auto expect = [&](int exit, const std::vector<std::string>& texts) {
    const auto found = command("check");
    EXPECT_EQ(found.exit, exit) << found.output;
    for (const std::string& text : texts) EXPECT_NE(found.output.find(text), std::string::npos) << found.output;
  };
  std::filesystem::rename(segment(3), directory_ / "kept.m4s");
  expect(3, {"warning  ch1: 1 rows have no file (" + files_[3] + "): run 'aircheckd rescan ch1'"});
  std::filesystem::rename(directory_ / "kept.m4s", segment(3));

  Writer later(begin_ + 600 * core::kNsPerSecond);
  write(later.segment());
  expect(3, {"warning  ch1: 1 files are not in the index (" + files_.back() + ")"});
  std::filesystem::remove(segment(kSegments));

  const std::string master = state() + "/secrets/master.key";
  ASSERT_EQ(chmod(master.c_str(), 0644), 0);
  expect(1, {"error    " + master + " can be used by others: run 'chmod 600 " + master + "'"});
  ASSERT_EQ(chmod(master.c_str(), 0600), 0);

  const std::string key = directory_.read("state/secrets/master.key");
  directory_.write("state/secrets/master.key", std::string(32, 'x'));
  expect(1, {"error    content keys: 1 of 1 do not open", core::to_hex(key_), "restore the master.key"});
  std::filesystem::remove(master);
  expect(1, {"master.key is missing or too short: restore it from your backup"});
  EXPECT_FALSE(std::filesystem::exists(master)) << "no new one is made";
  directory_.write("state/secrets/master.key", key);
  ASSERT_EQ(chmod(master.c_str(), 0600), 0);

  directory_.write("state/index.db", "no database");
  expect(3, {"warning  ", "index.db", "made anew from the segment files"});
  std::filesystem::resize_file(state() + "/station.db", 20'000);
  expect(1, {"error    ", "station.db", "restore station.db and secrets/ from your backup"});
  directory_.write("aircheck.conf", "[server]\nprot=1\n");
  EXPECT_EQ(command("check --config " + (directory_ / "aircheck.conf")).exit, 2);
}

TEST_F(CommandsTest, RescanPutsTheIndexRightWhileTheStationRunsAndWhenItRests) {
  start_with_archive();
  ASSERT_EQ(listed(), files_);
  std::filesystem::rename(segment(5), directory_ / "kept.m4s");
  auto report = command("rescan ch1");
  EXPECT_EQ(report.exit, 0) << report.output;
  EXPECT_EQ(report.output, "ch1: 19 segments, 0 of them new, 0 corrected, 1 gone, 0 files unreadable\n");
  auto expected = files_;
  expected[5] = "GAP";
  EXPECT_EQ(listed(), expected);
  std::filesystem::rename(directory_ / "kept.m4s", segment(5));
  report = command("rescan");
  EXPECT_EQ(report.output, "ch1: 20 segments, 1 of them new, 0 corrected, 0 gone, 0 files unreadable\n");
  EXPECT_EQ(listed(), files_);
  EXPECT_EQ(command("rescan nosuch").exit, 1);

  // A row that says what its file does not.
  ASSERT_EQ(end(), 0);
  spoil_rows({1002, 1003});
  report = command("rescan ch1");
  EXPECT_EQ(report.output, "ch1: 20 segments, 0 of them new, 2 corrected, 0 gone, 0 files unreadable\n");
  report = command("rescan ch1");
  EXPECT_EQ(report.output, "ch1: 20 segments, 0 of them new, 0 corrected, 0 gone, 0 files unreadable\n");
  start();
  token_ = sign_in();
  EXPECT_EQ(listed(), files_);
}

TEST_F(CommandsTest, StopEndsTheDaemonAndSaysWhenNoneRuns) {
  start();
  const auto stopped = command("stop");
  EXPECT_EQ(stopped.exit, 0) << stopped.output;
  EXPECT_EQ(stopped.output, "stopped\n");
  EXPECT_EQ(wait_for_end(), 0) << log();
  const auto none = command("stop");
  EXPECT_EQ(none.exit, 1);
  EXPECT_NE(none.output.find("no daemon runs in " + state()), std::string::npos) << none.output;
  EXPECT_EQ(command("stop now").exit, 2);
  EXPECT_EQ(command("backup").exit, 2);
  EXPECT_EQ(command("sotp").exit, 2);
}

}  // namespace
}  // namespace aircheck
