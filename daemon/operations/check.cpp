#include "operations/check.hpp"

#include <glib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "base/certificate.hpp"
#include "channels/key_store.hpp"
#include "operations/state_lock.hpp"
#include "store/database.hpp"
#include "timeshift/index_store.hpp"
#include "timeshift/rescan.hpp"

namespace aircheck::operations {

namespace {

using Weight = Finding::Weight;

constexpr std::int64_t kFreshNs = 300 * core::kNsPerSecond;
// Time to renew a certificate before clients refuse it.
constexpr std::int64_t kRenewNs = 14 * 86400 * core::kNsPerSecond;
constexpr std::size_t kExamples = 3;

class Check {
 public:
  explicit Check(const base::Config& config) : config_(config) {}

  std::vector<Finding> run() {
    if (::access(config_.state_directory.c_str(), F_OK) != 0) {
      add(Weight::kError, config_.state_directory + " does not exist: give the --state that the station runs with");
      return std::move(findings_);
    }
    look_for_daemon();
    permissions();
    certificate();
    const auto station = open("station.db", store::station_schema(), Weight::kError,
                              "stop the station, and restore station.db and secrets/ from your backup");
    if (station) keys(*station);
    const auto index = open("index.db", store::index_schema(), Weight::kWarning,
                            "it is made anew from the segment files at the next start");
    if (station && index) files(*station, *index);
    return std::move(findings_);
  }

 private:
  void add(Weight weight, std::string text) { findings_.push_back({weight, std::move(text)}); }

  void look_for_daemon() {
    const auto daemon = running_daemon(config_.state_directory);
    if (!daemon) return add(Weight::kError, daemon.error().message);
    running_ = daemon->has_value();
    add(Weight::kGood, running_ ? "a daemon runs, process " + std::to_string((*daemon)->pid) : "no daemon runs");
  }

  // Nobody else's eyes in the secrets, nobody else's hands in the state.
  void permissions() {
    const std::size_t before = findings_.size();
    struct stat owner = {};
    stat(config_.state_directory.c_str(), &owner);
    if ((owner.st_mode & 0002) != 0) {
      add(Weight::kError, config_.state_directory + " can be written by everybody: run 'chmod o-w' on it");
    }
    look_at(config_.secrets_directory(), 0700, owner.st_uid);
    std::error_code error;
    for (std::filesystem::directory_iterator entry(config_.secrets_directory(), error), end; !error && entry != end;
         entry.increment(error)) {
      look_at(entry->path().string(), 0600, owner.st_uid);
    }
    struct stat segments = {};
    if (stat(config_.segment_directory.c_str(), &segments) != 0) {
      add(Weight::kWarning, config_.segment_directory + " does not exist: the next start makes it");
    } else if ((segments.st_mode & 0002) != 0) {
      add(Weight::kError, config_.segment_directory + " can be written by everybody: run 'chmod o-w' on it");
    }
    if (findings_.size() == before) add(Weight::kGood, "permissions: secrets are the station's alone");
  }

  void look_at(const std::string& path, mode_t mode, uid_t owner) {
    struct stat status = {};
    if (lstat(path.c_str(), &status) != 0) {
      return add(Weight::kError, path + ": " + g_strerror(errno) + ": restore it from your backup");
    }
    if ((status.st_mode & 0777 & ~mode) != 0) {
      add(Weight::kError, path + " can be used by others: run 'chmod " + (mode == 0700 ? "700 " : "600 ") + path + "'");
    }
    if (status.st_uid != owner) {
      add(Weight::kError, path + " belongs to user " + std::to_string(status.st_uid) + ", the state to " +
                              std::to_string(owner) + ": run chown on it");
    }
  }

  void certificate() {
    if (!config_.tls()) return;
    const auto read = base::read_certificate(config_.tls_certificate, config_.tls_key);
    if (!read) return add(Weight::kError, read.error().message);
    const core::Utc now{g_get_real_time() * 1000};
    if (const auto why = base::refused_at(*read, now)) {
      return add(Weight::kError, read->title + " " + *why + ": clients refuse it; renew it and run 'aircheckd reload'");
    }
    const bool soon = read->not_after - now < kRenewNs;
    add(soon ? Weight::kWarning : Weight::kGood, read->title + " is valid until " + core::to_rfc3339(read->not_after) +
                                                     (soon ? ": renew it and run 'aircheckd reload'" : ""));
  }

  std::unique_ptr<store::Database> open(const std::string& name, const store::Schema& schema, Weight weight,
                                        const std::string& remedy) {
    auto database = store::Database::open_to_read(config_.state_directory + "/" + name);
    if (!database) {
      add(weight, database.error().message + ": " + remedy);
      return nullptr;
    }
    const auto version = (*database)->version_of(schema);
    if (!version) {
      add(weight, name + ": " + version.error().message);
      return nullptr;
    }
    const auto damage = (*database)->damage();
    if (!damage) {
      add(weight, name + ": " + damage.error().message + ": " + remedy);
      return nullptr;
    }
    for (const std::string& what : *damage) add(weight, name + " is damaged: " + what + ": " + remedy);
    if (damage->empty()) add(Weight::kGood, name + ": whole, schema version " + std::to_string(*version));
    return std::move(*database);
  }

  void keys(store::Database& station) {
    const auto audit = channels::KeyStore::audit(station, config_.secrets_directory() + "/master.key");
    if (!audit) return add(Weight::kError, "content keys: " + audit.error().message);
    if (audit->sealed.empty()) {
      return add(Weight::kGood, "content keys: all " + std::to_string(audit->keys) + " open under the master key");
    }
    add(Weight::kError, "content keys: " + std::to_string(audit->sealed.size()) + " of " + std::to_string(audit->keys) +
                            " do not open under secrets/master.key" + examples(audit->sealed) +
                            ": what they encrypted cannot be watched until you restore the "
                            "master.key that belongs to station.db");
  }

  template <typename Names>
  static std::string examples(const Names& names) {
    std::string text;
    std::size_t count = 0;
    for (const auto& name : names) {
      if (count++ == kExamples) return text + " ...)";
      text += (text.empty() ? " (" : ", ") + name;
    }
    return text.empty() ? text : text + ")";
  }

  void files(store::Database& station, store::Database& index) {
    auto channels = station.prepare("SELECT id, cdn_channel_key FROM channels ORDER BY number");
    if (!channels) return add(Weight::kError, "station.db: " + channels.error().message);
    while (true) {
      const auto row = channels->step();
      if (!row) return add(Weight::kError, "station.db: " + row.error().message);
      if (!*row) return;
      timeshift::SegmentIndex rows(core::kNsPerSecond);
      const auto read = timeshift::IndexStore::read(
          index, channels->text(0), [&](const timeshift::SegmentRow& listed) { static_cast<void>(rows.add(listed)); });
      if (!read) return add(Weight::kWarning, "index.db: " + read.error().message);
      compare(channels->text(1), rows);
    }
  }

  void compare(const std::string& key, const timeshift::SegmentIndex& rows) {
    const timeshift::SegmentFolder folder(config_.segment_directory + "/" + key);
    const auto scan = timeshift::rescan(folder, key, rows);
    if (!scan) return add(Weight::kError, key + ": " + scan.error().message);
    std::vector<std::string> unlisted;
    for (const timeshift::SegmentRow& row : scan->rows) {
      const bool fresh = running_ && row.end().ns + kFreshNs > g_get_real_time() * 1000;
      if (!fresh) unlisted.push_back(row.location);
    }
    if (!scan->missing.empty()) {
      std::vector<std::string> missing;
      for (const std::uint64_t sequence : scan->missing) missing.push_back(rows.row(sequence)->location);
      add(Weight::kWarning, key + ": " + std::to_string(missing.size()) + " rows have no file" + examples(missing) +
                                ": run 'aircheckd rescan " + key + "'");
    }
    if (!unlisted.empty()) {
      add(Weight::kWarning, key + ": " + std::to_string(unlisted.size()) + " files are not in the index" +
                                examples(unlisted) + ": run 'aircheckd rescan " + key + "'");
    }
    if (!scan->unreadable.empty()) {
      add(Weight::kWarning, key + ": " + std::to_string(scan->unreadable.size()) + " files are no segments of ours" +
                                examples(scan->unreadable) + ": they are never listed; move them away");
    }
    if (scan->missing.empty() && unlisted.empty() && scan->unreadable.empty()) {
      add(Weight::kGood, key + ": " + std::to_string(rows.segment_count()) + " rows, each with its file");
    }
  }

  const base::Config& config_;
  std::vector<Finding> findings_;
  bool running_ = false;
};

}  // namespace

std::vector<Finding> check_station(const base::Config& config) {
  return Check(config).run();
}

}  // namespace aircheck::operations
