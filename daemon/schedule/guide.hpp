// The guide: which programme is when on which channel. Rows of schedule_entries, held in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"
#include "store/database.hpp"

namespace aircheck::schedule {

struct Entry {
  std::string id;  // UUID
  std::string channel_id;
  std::string title;
  std::string description;
  core::Utc start;
  core::Utc end;
  bool catchup_eligible = true;

  friend bool operator==(const Entry&, const Entry&) = default;
};

// A channel whose guide is generated.
struct GeneratedChannel {
  std::string channel_id;
  std::int64_t programme_ns = 30 * 60 * core::kNsPerSecond;  // programmes begin at UTC multiples of it
  std::int64_t keep_ns = 168 * 3600 * core::kNsPerSecond;    // the catch-up window
};

// Main context only.
class Guide {
 public:
  static constexpr std::int64_t kAheadNs = 24 * 3600 * core::kNsPerSecond;
  // How long an entry stays after its catch-up window closed, so that the answer is "expired" and not "unknown".
  static constexpr std::int64_t kAfterWindowNs = 168 * 3600 * core::kNsPerSecond;

  // Reads every entry. The database has to live longer.
  static core::Result<Guide> open(store::Database& database);

  // Entries that overlap [from, to), by start.
  [[nodiscard]] std::vector<Entry> entries(std::string_view channel_id, core::Utc from, core::Utc to) const;
  [[nodiscard]] std::optional<Entry> entry(std::string_view id) const;
  [[nodiscard]] std::optional<Entry> at(std::string_view channel_id, core::Utc instant) const;
  // The first entry that begins at or after the instant.
  [[nodiscard]] std::optional<Entry> next(std::string_view channel_id, core::Utc instant) const;

  // Of all entries of the channel; 0 without any.
  [[nodiscard]] std::int64_t longest_ns(std::string_view channel_id) const;

  // Stores a new entry; kConflict where it overlaps another one of its channel. source: as schedule_source.
  core::Result<void> insert(const Entry& entry, std::string_view source, core::Utc now);

  // Generates entries from the running programme (or the last entry's end, where that is within keep_ns) to kAheadNs
  // from now, and drops what is older than keep_ns + kAfterWindowNs. The same channel and time give the same entry,
  // also after the database was lost. Calling it again changes nothing.
  core::Result<void> extend(core::Utc now, const std::vector<GeneratedChannel>& channels);

 private:
  using Channel = std::map<std::int64_t, Entry>;  // by start

  explicit Guide(store::Database& database) : database_(&database) {}

  [[nodiscard]] bool overlaps(const Entry& entry) const;
  core::Result<void> extend_channel(core::Utc now, const GeneratedChannel& channel);
  core::Result<void> prune(core::Utc before, const std::string& channel_id);
  void remember(Entry entry);

  store::Database* database_;
  std::map<std::string, Channel, std::less<>> channels_;
  std::map<std::string, std::pair<std::string, std::int64_t>, std::less<>> ids_;  // id -> channel, start
};

}  // namespace aircheck::schedule
