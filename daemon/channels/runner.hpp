// One channel's worker: performs what supervision's table says and feeds it what happens.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/main_context.hpp"
#include "channels/channel_store.hpp"
#include "channels/key_plan.hpp"
#include "channels/key_store.hpp"
#include "channels/sources.hpp"
#include "channels/supervision.hpp"
#include "channels/worker_process.hpp"
#include "control/client.hpp"
#include "core/time.hpp"

namespace aircheck::channels {

// What the archive has to do with workers. main.cpp connects it to timeshift.
struct ArchiveHooks {
  // The number of the last segment that is known; a worker is asked for what came after.
  std::function<std::optional<std::uint64_t>(const Channel&)> last_sequence;
  std::function<std::optional<LastSegment>(const Channel&)> last_segment;
  // The worker must not begin before this: earlier slots are listed as GAP already.
  std::function<core::Utc(const Channel&)> not_before;
  // In order of sequence; some may be known already.
  std::function<void(const Channel&, const std::vector<control::SegmentRow>&)> segments;
  // The worker goes on, but nothing that begins before `until` will come any more.
  std::function<void(const Channel&, core::Utc until)> lost;
  // false: off air, GAP rows from here on. true: on air, or about to be.
  std::function<void(const Channel&, bool up)> on_air;
};

struct SupervisorOptions {
  std::string worker_program;
  std::string run_directory;
  std::string segment_directory;
  std::string log_directory;
  std::vector<std::string> environment;  // for workers, scrubbed
  SourceOptions sources;
  bool drm_enabled = true;
  std::function<core::Utc()> now;
  // A worker on air that closes no segment for this long hangs, and is replaced: so many of its longest segments, and
  // time for a busy machine.
  struct StallLimit {
    int segments = 5;
    std::int64_t grace_ms = 30'000;
  };
  StallLimit stall;
  // What the key has to change for.
  GuideRights guide;
  // The next key goes to the worker so long before its period, which is longer than any encoder takes for a picture.
  // Edits of the guide that come later than that come late on air too.
  std::int64_t key_ahead_ms = 30'000;
  // How many times in a row a worker may take a connection without answering before it counts as hung.
  int silent_attempts = 3;
};

struct ChannelStatus {
  std::string state;   // stopped | starting | running | backoff | failed
  std::string reason;  // why it is in backoff or failed, or runs without its source or loses segments; else empty
  core::Utc since;     // of `state`
  std::optional<pid_t> pid;
  int failures = 0;
  std::uint64_t restarts = 0;  // how often it went on air since this daemon had it on air first
  std::optional<core::Utc> retry_at;
};

class Runner {
 public:
  Runner(const SupervisorOptions& options, ChannelStore& channels, KeyStore& keys, const ArchiveHooks& hooks,
         std::string channel_id, std::string channel_key, bool wanted);
  ~Runner() = default;
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  void dispatch(Event event);
  [[nodiscard]] ChannelStatus status() const;
  // Nothing runs and nothing will by itself.
  [[nodiscard]] bool at_rest() const;
  void kill();
  // The guide or the channel's rights changed: the key may have to.
  void rights_changed();
  [[nodiscard]] const std::string& key() const { return key_; }
  // How far the media have come; nothing while it is not on air.
  [[nodiscard]] std::optional<core::Utc> on_air() const {
    return state_.phase == Phase::kRunning ? std::optional(on_air_until_) : std::nullopt;
  }

 private:
  void perform(Action action);
  void note(const Supervision& before);

  void connect();
  void try_connect();
  void connected(core::Result<std::unique_ptr<control::Client>> client, std::optional<pid_t> silent);
  [[nodiscard]] bool is_hung(const core::Error& why, std::optional<pid_t> silent) const;
  [[nodiscard]] bool take_hold_of(pid_t pid);
  void take_over(const control::Status& status);
  void launch();
  void ended(const std::string& how);
  void closed(const core::Error& why);
  void fetch_rows();
  void deliver(const std::vector<control::SegmentRow>& rows);
  void expect_segment();
  void start_worker();
  core::Result<control::Configuration> configuration(const Channel& channel);
  void start_answered(const core::Result<void>& result);
  void stop_worker();
  void terminate();
  void report(bool up);
  void arm_retry();
  void watch_key();
  void plan_key();
  void change_key();
  void change_key_by_restart(core::Utc from);
  [[nodiscard]] core::Utc media_now() const { return std::max(options_.now(), on_air_until_); }

  [[nodiscard]] const Channel* channel() const { return channels_.find(id_); }

  const SupervisorOptions& options_;
  ChannelStore& channels_;
  const ArchiveHooks& hooks_;
  const std::string id_;
  const std::string key_;

  Supervision state_;
  std::deque<Event> events_;
  bool dispatching_ = false;
  std::string reason_;
  std::string storage_reason_;    // why the worker runs and closes no segments
  bool closed_segments_ = false;  // the worker, since it went on air
  core::Utc since_;
  std::uint64_t times_on_air_ = 0;
  std::optional<core::Utc> retry_at_;

  std::unique_ptr<WorkerProcess> process_;
  std::unique_ptr<control::Client> client_;
  std::function<void()> abandon_connect_;
  std::int64_t connect_deadline_us_ = 0;  // monotonic; 0: one attempt
  bool connect_when_ended_ = false;
  bool fetching_ = false;
  std::vector<control::SegmentRow> while_fetching_;
  KeyPlan key_plan_;
  bool changing_key_ = false;
  core::Utc on_air_until_;  // how far the media has come, as its segments say
  base::Timer connect_again_;
  base::Timer retry_;
  base::Timer healthy_;
  base::Timer stall_;
  base::Timer key_change_;
};

}  // namespace aircheck::channels
