#include "schedule/entry_store.hpp"

#include "base/json.hpp"

namespace aircheck::schedule {

namespace {

constexpr std::string_view kSelect =
    "SELECT id, channel_id, title, description, start_time, end_time, catchup_eligible, sub_title, categories, "
    "episode_num, icon_url, source, version FROM schedule_entries";
constexpr std::string_view kUpsert =
    "INSERT INTO schedule_entries (id, channel_id, title, description, start_time, end_time, catchup_eligible, "
    "sub_title, categories, episode_num, icon_url, source, version, created_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT (id) DO UPDATE SET title = ?3, "
    "description = ?4, start_time = ?5, end_time = ?6, catchup_eligible = ?7, sub_title = ?8, categories = ?9, "
    "episode_num = ?10, icon_url = ?11, source = ?12, version = ?13";

std::string categories_text(const Entry& entry) {
  base::Json names = base::Json::array();
  for (const std::string& category : entry.categories) names.push(category);
  return names.dump();
}

core::Result<Entry> read_row(const store::Statement& row) {
  Entry entry{.id = row.text(0),
              .channel_id = row.text(1),
              .title = row.text(2),
              .description = row.text(3),
              .start = core::Utc{row.integer(4)},
              .end = core::Utc{row.integer(5)},
              .catchup_eligible = row.boolean(6),
              .sub_title = row.text(7)};
  AIRCHECK_TRY(const base::Json categories, base::Json::parse(row.text(8)).with_context("schedule entry " + entry.id));
  if (const auto* names = categories.as_array()) {
    for (const base::Json& name : *names) {
      if (name.as_string() != nullptr) entry.categories.push_back(*name.as_string());
    }
  }
  entry.episode_num = row.text(9);
  entry.icon_url = row.text(10);
  entry.source = row.text(11);
  entry.version = row.integer(12);
  return entry;
}

}  // namespace

core::Result<void> read_entries(store::Database& database, const std::function<void(Entry)>& each) {
  AIRCHECK_TRY(auto rows, database.prepare(kSelect));
  while (true) {
    AIRCHECK_TRY(const bool more, rows.step());
    if (!more) return {};
    AIRCHECK_TRY(Entry entry, read_row(rows));
    each(std::move(entry));
  }
}

core::Result<void> write_entry(store::Database& database, const Entry& entry, core::Utc now) {
  AIRCHECK_TRY(auto row, database.prepare(kUpsert));
  row.bind(1, entry.id).bind(2, entry.channel_id).bind(3, entry.title).bind(4, entry.description);
  row.bind(5, entry.start.ns).bind(6, entry.end.ns).bind(7, entry.catchup_eligible).bind(8, entry.sub_title);
  row.bind(9, categories_text(entry)).bind(10, entry.episode_num).bind(11, entry.icon_url).bind(12, entry.source);
  return row.bind(13, entry.version).bind(14, now.ns).run();
}

core::Result<void> delete_entry(store::Database& database, std::string_view id) {
  AIRCHECK_TRY(auto row, database.prepare("DELETE FROM schedule_entries WHERE id = ?"));
  return row.bind(1, id).run();
}

}  // namespace aircheck::schedule
