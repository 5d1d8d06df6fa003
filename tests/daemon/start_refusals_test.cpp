// A station with channels that cannot start any more: one line says why and what to do, and nothing of it is changed.
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdio>
#include <fstream>

#include "support/station_process.hpp"

namespace aircheck {
namespace {

class StartRefusalsTest : public test::StationProcess {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(start({}, environment_));
    const std::string token = sign_in();
    create_channel(token);
    ASSERT_EQ(end(), 0) << log();
    std::filesystem::create_directories(state() + "/segments/ch1");
    directory_.write("state/segments/ch1/ch1-20260101000000.m4s", "bytes");
  }
  void TearDown() override {
    StationProcess::TearDown();
    if (read_only_) umount2(state().c_str(), MNT_DETACH);
    if (unwritable_) std::filesystem::permissions(state(), std::filesystem::perms(0750));
  }

  // Each file of the state, by name and contents; the lock and the log are no data.
  [[nodiscard]] std::map<std::string, std::string> contents() const {
    std::map<std::string, std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(state())) {
      const std::string name = std::filesystem::relative(entry.path(), state());
      if (entry.is_regular_file() && name != "aircheckd.lock") found[name] = directory_.read("state/" + name);
    }
    return found;
  }
  // The daemon's one error line, after it has changed nothing.
  std::string refusal() {
    const auto before = contents();
    launch({}, environment_);
    siginfo_t ended = {};
    const base::Timer tick = base::Timer::every(20, [] {});
    const bool refused = run_until([&] {
      return waitid(P_PID, static_cast<id_t>(daemon_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0;
    });
    EXPECT_TRUE(refused) << "it runs: " << log();
    EXPECT_EQ(refused ? wait_for_end() : end(), 1) << log();
    const std::string text = log();
    const std::size_t at = text.find("error: ");
    EXPECT_NE(at, std::string::npos) << text;
    if (at == std::string::npos) return {};
    EXPECT_EQ(text.find('\n', at), text.size() - 1) << "one line: " << text;
    EXPECT_EQ(text.find("error: ", at + 1), std::string::npos) << text;
    const auto after = contents();
    for (const auto& [name, bytes] : before) {
      EXPECT_TRUE(after.contains(name)) << name << " is gone";
      if (after.contains(name)) {
        EXPECT_TRUE(after.at(name) == bytes) << name << " was changed";
      }
    }
    for (const auto& [name, bytes] : after) EXPECT_TRUE(before.contains(name)) << name << " was made";
    return text.substr(at);
  }
  void expect_comes_back() {
    ASSERT_NO_FATAL_FAILURE(start({}, environment_));
    const auto channels = get(url("/api/v1/admin/channels"), sign_in());
    EXPECT_NE(channels.body.find("\"ch1\""), std::string::npos) << channels.body;
    EXPECT_EQ(directory_.read("state/segments/ch1/ch1-20260101000000.m4s"), "bytes");
  }
  void overwrite(const std::string& name, std::size_t from, std::size_t size) const {
    std::fstream file(state() + "/" + name, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(from));
    file << std::string(size, '\xa5');
  }
  // Also for root, where the system lets it; others have the mode against them.
  void make_read_only() {
    read_only_ = mount(state().c_str(), state().c_str(), nullptr, MS_BIND, nullptr) == 0;
    if (read_only_) {
      ASSERT_EQ(mount(nullptr, state().c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr), 0);
      return;
    }
    ASSERT_NE(getuid(), 0U) << "root may write anywhere, and may not mount here";
    unwritable_ = true;
    std::filesystem::permissions(state(), std::filesystem::perms(0550));
  }

  const std::map<std::string, std::string> environment_{{"AIRCHECK_ADMIN_PASSWORD", kPassword}};
  bool read_only_ = false;
  bool unwritable_ = false;
};

TEST_F(StartRefusalsTest, AMissingStationDatabaseBesideItsSecretsIsNotReplaced) {
  std::filesystem::rename(state() + "/station.db", directory_ / "kept");
  const std::string why = refusal();
  for (const char* part : {"station.db is missing", "master.key", "restore station.db and secrets/ from your backup",
                           "move secrets/ away to begin a new station"}) {
    EXPECT_NE(why.find(part), std::string::npos) << part << " in " << why;
  }
  std::filesystem::rename(directory_ / "kept", state() + "/station.db");
  expect_comes_back();
}

TEST_F(StartRefusalsTest, AStationDatabaseThatIsDamagedPastItsHeaderIsKept) {
  const std::string whole = directory_.read("state/station.db");
  ASSERT_GT(whole.size(), 40960U);
  for (const std::size_t from : {std::size_t{4096} + 8, whole.size() / 8192 * 4096, whole.size() - 4096}) {
    overwrite("station.db", from, 2048);
    const std::string why = refusal();
    EXPECT_NE(why.find("station.db"), std::string::npos) << why;
    EXPECT_NE(why.find("restore station.db and secrets/ from your backup"), std::string::npos) << from << ": " << why;
    directory_.write("state/station.db", whole);
  }
  expect_comes_back();
}

TEST_F(StartRefusalsTest, AStationDatabaseThatIsNoDatabaseIsKeptAndTheNewestBackupBringsItBack) {
  const auto backup = command("backup " + (directory_ / "backup"));
  ASSERT_EQ(backup.exit, 0) << backup.output;
  for (const std::string& text : {std::string("no database at all"), std::string(65536, '\xa5')}) {
    directory_.write("state/station.db", text);
    const std::string why = refusal();
    for (const char* part : {"station.db", "not a database", "restore station.db and secrets/ from your backup",
                             "the newest that `aircheckd backup` made"}) {
      EXPECT_NE(why.find(part), std::string::npos) << part << " in " << why;
    }
  }
  std::filesystem::copy(directory_ / "backup/station.db", state() + "/station.db",
                        std::filesystem::copy_options::overwrite_existing);
  expect_comes_back();
}

TEST_F(StartRefusalsTest, AnIndexThatAnotherProgramHoldsIsLeftAsItIs) {
  // A process of its own: a lock of this one would go as soon as it closes the file that it compares.
  FILE* const other = popen(("sqlite3 '" + state() + "/index.db'").c_str(), "we");
  ASSERT_NE(other, nullptr);
  fputs(
      "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE held (x ANY) STRICT; ROLLBACK;"
      "BEGIN EXCLUSIVE;\n",
      other);
  fputs((".shell touch '" + (directory_ / "held") + "'\n").c_str(), other);
  fflush(other);
  const base::Timer tick = base::Timer::every(20, [] {});
  ASSERT_TRUE(run_until([&] { return std::filesystem::exists(directory_ / "held"); }));
  const std::string why = refusal();
  for (const char* part : {"index.db", "locked", "left as it is", "end the program that has it open"}) {
    EXPECT_NE(why.find(part), std::string::npos) << part << " in " << why;
  }
  EXPECT_EQ(pclose(other), 0);
  expect_comes_back();
}

TEST_F(StartRefusalsTest, AStateDirectoryThatCannotBeWrittenIsSaid) {
  make_read_only();
  const std::string why = refusal();
  EXPECT_NE(why.find("--state"), std::string::npos) << why;
  EXPECT_NE(why.find(state()), std::string::npos) << why;
  EXPECT_NE(why.find("writ"), std::string::npos) << why;
}

}  // namespace
}  // namespace aircheck
