#include "schedule/sources.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/files.hpp"
#include "base/http_url.hpp"
#include "base/json.hpp"
#include "gobj/time_zone.hpp"
#include "schedule/entry.hpp"

namespace aircheck::schedule {

using core::Code;
using core::fail;

namespace {

constexpr std::size_t kMostChannels = 1000;

constexpr std::string_view kSelect =
    "SELECT id, name, url, file, zone, channels, interval_minutes, version, etag, last_modified, last_import, report "
    "FROM schedule_sources";
constexpr std::string_view kUpsert =
    "INSERT INTO schedule_sources (id, name, url, file, zone, channels, interval_minutes, version, created_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO UPDATE SET name = ?2, url = ?3, file = ?4, "
    "zone = ?5, channels = ?6, interval_minutes = ?7, version = ?8, etag = '', last_modified = ''";

core::Unexpected<core::Error> wrong(std::string_view field, std::string_view what) {
  return fail(Code::kInvalidArgument, "\"" + std::string(field) + "\" " + std::string(what));
}

bool is_line(const std::string& text, std::size_t most) {
  return !text.empty() && text.size() <= most && tidy_text(text, most) == text;
}

core::Result<Source> read_row(const store::Statement& row) {
  Source source{.id = row.text(0), .name = row.text(1), .url = row.text(2), .file = row.text(3), .zone = row.text(4)};
  AIRCHECK_TRY(const base::Json channels, base::Json::parse(row.text(5)).with_context("schedule source " + source.id));
  if (const auto* members = channels.as_object()) {
    for (const auto& [name, channel] : *members) {
      if (channel.as_string() != nullptr) source.channels.emplace(name, *channel.as_string());
    }
  }
  source.interval_minutes = static_cast<int>(row.integer(6));
  source.version = row.integer(7);
  source.etag = row.text(8);
  source.last_modified = row.text(9);
  if (const auto ns = row.optional_integer(10)) source.last_import = core::Utc{*ns};
  source.report = row.text(11);
  return source;
}

core::Result<void> write_row(store::Database& database, const Source& source, core::Utc now) {
  base::Json channels = base::Json::object();
  for (const auto& [name, channel] : source.channels) channels.set(name, channel);
  AIRCHECK_TRY(auto row, database.prepare(kUpsert));
  row.bind(1, source.id).bind(2, source.name).bind(3, source.url).bind(4, source.file).bind(5, source.zone);
  return row.bind(6, channels.dump()).bind(7, source.interval_minutes).bind(8, source.version).bind(9, now.ns).run();
}

}  // namespace

core::Result<void> validate(const Source& source) {
  if (!is_line(source.name, 200)) return wrong("name", "has to be 1 to 200 bytes of text in one line");
  if (source.url.empty() == source.file.empty()) return wrong("url", "or \"file\" has to be given, and not both");
  if (!source.url.empty() && (!is_line(source.url, 2000) || !base::is_http_url(source.url))) {
    return wrong("url", "has to be an http or https URL");
  }
  if (!source.file.empty() && (!is_line(source.file, 1000) || source.file.front() == '/')) {
    return wrong("file", "has to be a path below the directory of listings");
  }
  if (!gobj::find_time_zone(source.zone)) return wrong("zone", "has to be an IANA time zone like \"Europe/Berlin\"");
  if (source.channels.empty() || source.channels.size() > kMostChannels) {
    return wrong("channels", "has to name 1 to 1000 channels, as {\"id in the file\": \"our channel\"}");
  }
  std::set<std::string> filled;
  for (const auto& [name, channel] : source.channels) {
    if (!is_line(name, 200)) return wrong("channels", "has a name that is no text of 1 to 200 bytes");
    if (!filled.insert(channel).second) return wrong("channels", "fills one channel twice");
  }
  const int interval = source.interval_minutes;
  if (interval != 0 && (interval < 5 || interval > 10080)) {
    return wrong("interval_minutes", "has to be 0 (only when asked) or 5 to 10080");
  }
  return {};
}

core::Result<Sources> Sources::open(store::Database& database) {
  Sources sources(database);
  AIRCHECK_TRY(auto rows, database.prepare(kSelect));
  while (true) {
    AIRCHECK_TRY(const bool more, rows.step());
    if (!more) break;
    AIRCHECK_TRY(Source source, read_row(rows));
    sources.sources_.push_back(std::move(source));
  }
  sources.sort();
  return sources;
}

void Sources::sort() {
  std::ranges::sort(sources_,
                    [](const Source& a, const Source& b) { return std::tie(a.name, a.id) < std::tie(b.name, b.id); });
}

const Source* Sources::find(std::string_view id) const {
  const auto found = std::ranges::find(sources_, id, &Source::id);
  return found == sources_.end() ? nullptr : &*found;
}

// Two sources that fill one channel would undo each other for ever.
core::Result<void> Sources::check_unique(const Source& source) const {
  for (const Source& other : sources_) {
    if (other.id == source.id) continue;
    for (const auto& [name, channel] : source.channels) {
      const bool taken =
          std::ranges::any_of(other.channels, [&key = channel](const auto& pair) { return pair.second == key; });
      if (taken)
        return fail(Code::kExists, "\"channels\": " + name + " goes to a channel that \"" + other.name + "\" fills");
    }
  }
  return {};
}

core::Result<Source> Sources::insert(Source source, core::Utc now) {
  source.id = base::random_uuid();
  source.version = 1;
  AIRCHECK_TRY_VOID(validate(source));
  AIRCHECK_TRY_VOID(check_unique(source));
  AIRCHECK_TRY_VOID(write_row(*database_, source, now));
  sources_.push_back(source);
  sort();
  return source;
}

core::Result<Source> Sources::update(Source source, core::Utc now) {
  const auto stored = std::ranges::find(sources_, source.id, &Source::id);
  if (stored == sources_.end()) return fail(Code::kNotFound, "no schedule source " + source.id);
  if (stored->version != source.version) return fail(Code::kConflict, "the source was changed meanwhile");
  ++source.version;
  AIRCHECK_TRY_VOID(validate(source));
  AIRCHECK_TRY_VOID(check_unique(source));
  AIRCHECK_TRY_VOID(write_row(*database_, source, now));
  source.etag.clear();
  source.last_modified.clear();
  *stored = source;
  sort();
  return source;
}

core::Result<void> Sources::remove(std::string_view id) {
  const auto stored = std::ranges::find(sources_, id, &Source::id);
  if (stored == sources_.end()) return fail(Code::kNotFound, "no schedule source " + std::string(id));
  AIRCHECK_TRY(auto row, database_->prepare("DELETE FROM schedule_sources WHERE id = ?"));
  AIRCHECK_TRY_VOID(row.bind(1, id).run());
  sources_.erase(stored);
  return {};
}

core::Result<void> Sources::note_import(const Source& source) {
  const auto stored = std::ranges::find(sources_, source.id, &Source::id);
  if (stored == sources_.end()) return {};
  AIRCHECK_TRY(auto row, database_->prepare("UPDATE schedule_sources SET etag = ?2, last_modified = ?3, "
                                            "last_import = ?4, report = ?5 WHERE id = ?1"));
  row.bind(1, source.id).bind(2, source.etag).bind(3, source.last_modified);
  AIRCHECK_TRY_VOID(row.bind(4, source.last_import->ns).bind(5, source.report).run());
  stored->etag = source.etag;
  stored->last_modified = source.last_modified;
  stored->last_import = source.last_import;
  stored->report = source.report;
  return {};
}

}  // namespace aircheck::schedule
