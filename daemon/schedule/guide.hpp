// The guide: which programme is when on which channel. Rows of schedule_entries, held in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"
#include "schedule/entry.hpp"
#include "schedule/listing.hpp"
#include "store/database.hpp"

namespace aircheck::schedule {

// What the guide does by itself for a channel.
struct GuideChannel {
  std::string channel_id;
  std::string source = "generated";                          // its schedule_source
  std::int64_t programme_ns = 30 * 60 * core::kNsPerSecond;  // generated programmes begin at UTC multiples of it
  std::int64_t keep_ns = 168 * 3600 * core::kNsPerSecond;    // the catch-up window
};

// Entries of a channel do not overlap. A new one that overlaps an entry of its own source is refused; what another
// source left (the generated programme on air when the channel became manual) gives way: it is cut where the new one
// begins, or goes. Main context only.
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

  // Stores a new entry. kInvalidArgument names a field; kConflict: it overlaps another one of its source.
  core::Result<void> insert(Entry entry, std::string_view source, core::Utc now);
  // Replaces the entry of that id. kNotFound; kConflict also where its version is not the stored one. Source and
  // channel stay.
  core::Result<Entry> update(Entry entry, core::Utc now);
  // kNotFound.
  core::Result<void> remove(std::string_view id, core::Utc now);

  // What plan_listing() says of a listing, in parts of about `most` changes, so that whoever has much to write lets
  // others run in between. They are good for as long as the guide has its revision, but for what put() changes. The
  // error names a field.
  struct Planned {
    ListingCounts counts;  // of all parts
    std::vector<ListingPart> parts;
  };
  [[nodiscard]] core::Result<Planned> plan(const Listing& listing, std::string_view source, core::Utc now,
                                           std::size_t most) const;
  // All of a part, or nothing of it.
  core::Result<void> put(ListingPart part, core::Utc now);

  // Drops what is older than keep_ns + kAfterWindowNs and what another source has planned for later; generates entries
  // from the running programme (or the last entry's end, where that is within keep_ns) to kAheadNs from now. The same
  // channel and time give the same entry, also after the database was lost. Calling it again changes nothing.
  core::Result<void> extend(core::Utc now, const std::vector<GuideChannel>& channels);
  // Counts changes: whoever keeps what he made of the guide makes it anew.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  // Called with a channel's id after its entries changed.
  void observe(std::function<void(const std::string& channel_id)> observer) { observer_ = std::move(observer); }
  // For a channel that is gone, and its rows with it.
  void forget(std::string_view channel_id);

 private:
  using Change = ListingPart;

  explicit Guide(store::Database& database) : database_(&database) {}

  core::Result<void> make_way(const Entry& entry, Change& change) const;
  [[nodiscard]] Change outdated(core::Utc now, const GuideChannel& channel) const;
  [[nodiscard]] Change generated(core::Utc now, const GuideChannel& channel) const;
  core::Result<void> commit(Change change, core::Utc now);
  void drop(const std::string& id);
  void remember(Entry entry);

  store::Database* database_;
  std::map<std::string, EntriesByStart, std::less<>> channels_;
  std::map<std::string, std::pair<std::string, std::int64_t>, std::less<>> ids_;  // id -> channel, start
  std::uint64_t revision_ = 0;
  std::function<void(const std::string& channel_id)> observer_;
};

}  // namespace aircheck::schedule
