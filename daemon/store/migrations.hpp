// The numbered SQL files of schemas/sql, compiled in, and the runner's input.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace aircheck::store {

struct Migration {
  int number;             // 1, 2, 3 ... without a hole
  std::string_view name;  // "0001_channels"
  std::string_view sql;
};

// One kind of database.
struct Schema {
  std::string_view name;        // "station"
  std::int32_t application_id;  // PRAGMA application_id, so that another program's file is never migrated
  std::span<const Migration> migrations;
};

// schemas/sql/station: accounts, channels, keys, schedule; the truth, to be backed up.
[[nodiscard]] const Schema& station_schema();
// schemas/sql/index: a cache of the segment files; may be deleted.
[[nodiscard]] const Schema& index_schema();

}  // namespace aircheck::store
