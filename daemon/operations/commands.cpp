#include "operations/commands.hpp"

#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/main_context.hpp"
#include "channels/channel_store.hpp"
#include "operations/backup.hpp"
#include "operations/check.hpp"
#include "operations/control_socket.hpp"
#include "operations/state_lock.hpp"
#include "timeshift/archive.hpp"

namespace aircheck::operations {

using core::Code;
using core::fail;

namespace {

constexpr int kAnswerTimeoutS = 20;
constexpr int kRescanTimeoutS = 1800;
// What a graceful end may take: open answers, then workers.
constexpr std::int64_t kStopTimeoutUs = 60 * G_USEC_PER_SEC;
constexpr std::int64_t kLookAgainUs = 50'000;
constexpr int kPoolThreads = 2;

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
}

core::Result<base::Json> ask(const RunningDaemon& daemon, const base::Json& request, int timeout_s) {
  const std::string hint = ": process " + std::to_string(daemon.pid) + " holds the lock";
  if (daemon.control_socket.empty()) return fail(Code::kUnavailable, "the daemon is still starting" + hint);
  const auto answer = ask_daemon(daemon.control_socket, request, timeout_s);
  if (!answer)
    return core::Unexpected(core::Error{answer.error().code, "the daemon: " + answer.error().message + hint});
  const base::Json* ok = answer->find("ok");
  if (ok != nullptr && ok->as_bool() != nullptr && *ok->as_bool()) return *answer;
  const base::Json* error = answer->find("error");
  const bool said = error != nullptr && error->as_string() != nullptr;
  return fail(Code::kConflict, said ? *error->as_string() : std::string("the daemon refused"));
}

core::Result<RunningDaemon> needed_daemon(const base::Config& config) {
  AIRCHECK_TRY(const auto daemon, running_daemon(config.state_directory));
  if (daemon) return *daemon;
  return fail(Code::kNotFound, "no daemon runs in " + config.state_directory);
}

core::Result<int> back_up_station(const base::CommandLine& line, const base::Config& config) {
  const std::string& folder = line.arguments.front();
  AIRCHECK_TRY_VOID(back_up(config, line.config_file, folder));
  say("backed up to " + folder + ": it holds the secrets that open the archive, keep it like them");
  return 0;
}

core::Result<int> check(const base::Config& config) {
  std::size_t warnings = 0;
  std::size_t errors = 0;
  for (const Finding& finding : check_station(config)) {
    const bool good = finding.weight == Finding::Weight::kGood;
    const bool error = finding.weight == Finding::Weight::kError;
    if (error) ++errors;
    if (!good && !error) ++warnings;
    say((good ? "ok       " : error ? "error    " : "warning  ") + finding.text);
  }
  say(std::to_string(errors) + " errors, " + std::to_string(warnings) + " warnings");
  return errors > 0 ? 1 : warnings > 0 ? 3 : 0;
}

void print_rebuilt(const std::string& key, const base::Json& rebuilt) {
  const auto count = [&](const char* name) {
    const base::Json* value = rebuilt.find(name);
    return std::to_string(value != nullptr && value->as_integer() != nullptr ? *value->as_integer() : 0);
  };
  say(key + ": " + count("segments") + " segments, " + count("added") + " of them new, " + count("corrected") +
      " corrected, " + count("removed") + " gone, " + count("unreadable") + " files unreadable");
}

core::Result<int> rescan_running(const RunningDaemon& daemon, const std::vector<std::string>& keys) {
  base::Json wanted = base::Json::array();
  for (const std::string& key : keys) wanted.push(key);
  AIRCHECK_TRY(
      const base::Json answer,
      ask(daemon, base::Json::object({{"command", "rescan"}, {"channels", std::move(wanted)}}), kRescanTimeoutS));
  const base::Json* channels = answer.find("channels");
  if (channels == nullptr || channels->as_array() == nullptr)
    return fail(Code::kParse, "the daemon's answer is strange");
  for (const base::Json& channel : *channels->as_array()) {
    const base::Json* key = channel.find("cdn_channel_key");
    print_rebuilt(key != nullptr && key->as_string() != nullptr ? *key->as_string() : "?", channel);
  }
  return 0;
}

core::Result<int> rescan_at_rest(const base::Config& config, const std::vector<std::string>& keys) {
  AIRCHECK_TRY(const StateLock lock, StateLock::acquire(config.state_directory));
  AIRCHECK_TRY(const auto database,
               store::Database::open(config.state_directory + "/station.db", store::station_schema()));
  AIRCHECK_TRY(const auto channels, channels::ChannelStore::open(*database));
  base::WorkerPool pool(kPoolThreads);
  AIRCHECK_TRY(const auto archive, timeshift::Archive::open({.segment_directory = config.segment_directory,
                                                             .index_path = config.state_directory + "/index.db",
                                                             .now = [] { return core::Utc{g_get_real_time() * 1000}; }},
                                                            pool));
  for (const std::string& key : keys) {
    if (channels->find(key) == nullptr) return fail(Code::kNotFound, "there is no channel '" + key + "'");
  }
  for (const channels::Channel& channel : channels->all()) {
    if (!keys.empty() && std::ranges::find(keys, channel.key) == keys.end()) continue;
    archive->add_channel({channel.id, channel.key, channel.target_duration_s});
    while (!archive->complete(channel.id)) g_main_context_iteration(nullptr, TRUE);
    core::Result<timeshift::Archive::Rebuilt> result = fail(Code::kInternal, "nobody answered");
    bool done = false;
    archive->rebuild(channel.id, [&](const core::Result<timeshift::Archive::Rebuilt>& rebuilt) {
      result = rebuilt;
      done = true;
    });
    while (!done) g_main_context_iteration(nullptr, TRUE);
    if (!result) return core::Unexpected(result.error().with_context(channel.key));
    print_rebuilt(channel.key, to_json(*result));
  }
  return 0;
}

core::Result<int> rescan(const base::CommandLine& line, const base::Config& config) {
  AIRCHECK_TRY(const auto daemon, running_daemon(config.state_directory));
  return daemon ? rescan_running(*daemon, line.arguments) : rescan_at_rest(config, line.arguments);
}

core::Result<int> stop(const base::CommandLine& line, const base::Config& config) {
  AIRCHECK_TRY(const RunningDaemon daemon, needed_daemon(config));
  const auto workers = line.options.find("workers.on-exit");
  base::Json request = base::Json::object({{"command", "stop"}});
  if (workers != line.options.end()) request.set("workers", workers->second);
  AIRCHECK_TRY([[maybe_unused]] const base::Json answer, ask(daemon, request, kAnswerTimeoutS));
  const std::int64_t deadline = g_get_monotonic_time() + kStopTimeoutUs;
  while (g_get_monotonic_time() < deadline) {
    AIRCHECK_TRY(const auto left, running_daemon(config.state_directory));
    // Another one may have taken its place already.
    if (!left || left->pid != daemon.pid) {
      say("stopped");
      return 0;
    }
    g_usleep(kLookAgainUs);
  }
  return fail(Code::kTimeout, "the daemon, process " + std::to_string(daemon.pid) + ", has not ended after 60 s");
}

core::Result<int> reload(const base::Config& config) {
  AIRCHECK_TRY(const RunningDaemon daemon, needed_daemon(config));
  AIRCHECK_TRY(const base::Json answer, ask(daemon, base::Json::object({{"command", "reload"}}), kAnswerTimeoutS));
  const auto print = [&](const char* member, const std::string& what) {
    const base::Json* names = answer.find(member);
    if (names == nullptr || names->as_array() == nullptr) return;
    for (const base::Json& name : *names->as_array()) {
      if (name.as_string() != nullptr) say(what + *name.as_string());
    }
  };
  print("changed", "in force: ");
  print("needs_restart", "needs a restart: ");
  say("the configuration was read anew");
  return 0;
}

}  // namespace

base::Json to_json(const timeshift::Archive::Rebuilt& rebuilt) {
  return base::Json::object({{"segments", std::uint64_t{rebuilt.segments}},
                             {"added", std::uint64_t{rebuilt.added}},
                             {"corrected", std::uint64_t{rebuilt.corrected}},
                             {"removed", std::uint64_t{rebuilt.removed}},
                             {"unreadable", std::uint64_t{rebuilt.unreadable.size()}}});
}

core::Result<int> run_command(const base::CommandLine& line, const base::Config& config) {
  if (line.command == "backup") return back_up_station(line, config);
  if (line.command == "check") return check(config);
  if (line.command == "rescan") return rescan(line, config);
  if (line.command == "stop") return stop(line, config);
  return reload(config);
}

}  // namespace aircheck::operations
