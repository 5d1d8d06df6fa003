// A channel under supervision, with a process that speaks the real protocol: tests/support/fake_worker.cpp.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "channels/supervisor.hpp"
#include "support/main_loop.hpp"

namespace aircheck::channels {

class SupervisorTest : public test::MainLoopTest {
 protected:
  void SetUp() override {
    for (const char* name : {"run", "segments", "logs", "sources"}) {
      ASSERT_TRUE(base::ensure_directory(directory_ / name, 0700).has_value());
    }
    auto database = store::Database::open(":memory:", store::station_schema());
    ASSERT_TRUE(database.has_value());
    database_ = std::move(*database);
    channels_ = std::move(*ChannelStore::open(*database_));
    keys_ = std::move(*KeyStore::open(*database_, directory_ / "master.key"));
    Channel channel;
    channel.key = "ch1";
    channel.number = 1;
    channel.name = "One";
    id_ = channels_->insert(channel, now_)->id;
    boot();
  }
  void TearDown() override {
    if (!supervisor_) return;
    bool done = false;
    supervisor_->shut_down([&] { done = true; });
    EXPECT_TRUE(run_until([&] { return done; }));
  }
  void boot() {
    SupervisorOptions options;
    options.worker_program = program_;
    options.run_directory = directory_ / "run";
    options.segment_directory = directory_ / "segments";
    options.log_directory = directory_ / "logs";
    options.sources = {directory_ / "sources", ""};
    options.environment =
        scrub_environment({"PATH=/usr/bin", "JWT_SECRET=do not pass", "GST_DEBUG=2", "AIRCHECK_ADMIN_PASSWORD=x"});
    options.now = [this] { return now_; };
    options.stall = stall_;
    options.silent_attempts = 1;
    options.key_ahead_ms = key_ahead_ms_;
    options.guide = [this](const Channel&, core::Utc from, core::Utc to) {
      std::vector<ProgrammeRights> rights;
      for (const ProgrammeRights& programme : guide_) {
        if (programme.end > from && programme.start < to) rights.push_back(programme);
      }
      return rights;
    };
    ArchiveHooks hooks;
    hooks.last_sequence = [this](const Channel&) -> std::optional<std::uint64_t> {
      return rows_.empty() ? std::nullopt : std::optional(rows_.back());
    };
    hooks.last_segment = [this](const Channel&) { return last_segment_; };
    hooks.not_before = [](const Channel&) { return core::Utc{42}; };
    hooks.segments = [this](const Channel&, const std::vector<control::SegmentRow>& rows) {
      for (const auto& row : rows) {
        if (rows_.empty() || row.sequence > rows_.back()) rows_.push_back(row.sequence);
        last_end_ = row.start + row.duration_ns;
      }
    };
    hooks.on_air = [this](const Channel&, bool up) { on_air_ += up ? "up " : "down "; };
    supervisor_ = std::make_unique<Supervisor>(options, *channels_, *keys_, hooks);
    supervisor_->boot();
  }
  void mode(const std::string& text) { directory_.write("run/ch1.mode", text); }
  [[nodiscard]] ChannelStatus status() const { return supervisor_->status(*channels_->find(id_)); }
  [[nodiscard]] bool reaches(const std::string& state) {
    return run_until([&] { return status().state == state; });
  }
  // How often the worker was configured, and the keys that it got on air: KID and from when.
  [[nodiscard]] std::ptrdiff_t configurations() const {
    const std::string text = directory_.read("run/ch1.configured");
    return std::count(text.begin(), text.end(), '\n');
  }
  [[nodiscard]] std::vector<std::pair<std::string, core::Utc>> rotations() const {
    std::istringstream lines(directory_.read("run/ch1.rotated"));
    std::vector<std::pair<std::string, core::Utc>> found;
    std::string key_id;
    for (std::int64_t from = 0; lines >> key_id >> from;) found.emplace_back(key_id, core::Utc{from});
    return found;
  }
  [[nodiscard]] bool more_rows() {
    const std::size_t before = rows_.size();
    return run_until([&] { return rows_.size() > before + 3; });
  }
  [[nodiscard]] bool contiguous() const {
    return std::adjacent_find(rows_.begin(), rows_.end(), [](auto a, auto b) { return b != a + 1; }) == rows_.end();
  }

  test::TemporaryDirectory directory_;
  core::Utc now_ = *core::from_rfc3339("2026-02-25T14:30:00Z");
  std::string program_ = std::string(g_getenv("AIRCHECK_TEST_BUILD_ROOT")) + "/tests/support/fake-worker";
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<ChannelStore> channels_;
  std::unique_ptr<KeyStore> keys_;
  std::unique_ptr<Supervisor> supervisor_;
  std::string id_;
  std::vector<std::uint64_t> rows_;
  core::Utc last_end_;
  std::string on_air_;
  std::optional<LastSegment> last_segment_;
  std::vector<ProgrammeRights> guide_;
  SupervisorOptions::StallLimit stall_;
  std::int64_t key_ahead_ms_ = SupervisorOptions{}.key_ahead_ms;
};

}  // namespace aircheck::channels
