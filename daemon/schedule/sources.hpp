// Where listings come from: rows of schedule_sources. Held in memory and written through. Main context only.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"
#include "store/database.hpp"

namespace aircheck::schedule {

// An XMLTV file and the channels that it fills.
struct Source {
  std::string id;  // UUID, given by the store
  std::string name;
  std::string url;                              // http or https; or
  std::string file;                             // a path below the directory of listings
  std::string zone = "UTC";                     // IANA name, of times that say none
  std::map<std::string, std::string> channels;  // the file's channel id -> our channel id
  int interval_minutes = 360;                   // 0: only when asked; else 5 to 10080
  std::int64_t version = 1;                     // counts changes: the ETag
  // What the last import left.
  std::string etag = {};
  std::string last_modified = {};
  std::optional<core::Utc> last_import = std::nullopt;
  std::string report = {};  // a JSON object; empty: none yet
};

// Every rule for one source by itself; the error names the field.
core::Result<void> validate(const Source& source);

class Sources {
 public:
  // The database has to live longer.
  static core::Result<Sources> open(store::Database& database);

  // By name, then id.
  [[nodiscard]] const std::vector<Source>& all() const { return sources_; }
  [[nodiscard]] const Source* find(std::string_view id) const;

  // kInvalidArgument names a field; kExists: another source fills one of the channels.
  core::Result<Source> insert(Source source, core::Utc now);
  // kNotFound, kConflict: the version is not the stored one. What was learnt of the document is forgotten, so that the
  // next import reads all of it.
  core::Result<Source> update(Source source, core::Utc now);
  core::Result<void> remove(std::string_view id);
  // etag, last_modified, last_import and report of a source that may be gone.
  core::Result<void> note_import(const Source& source);

 private:
  explicit Sources(store::Database& database) : database_(&database) {}

  core::Result<void> check_unique(const Source& source) const;
  void sort();

  store::Database* database_;
  std::vector<Source> sources_;
};

}  // namespace aircheck::schedule
