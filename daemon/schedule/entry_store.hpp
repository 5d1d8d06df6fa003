// schedule_entries: the SQL of the guide.
#pragma once

#include <functional>
#include <string_view>

#include "schedule/entry.hpp"
#include "store/database.hpp"

namespace aircheck::schedule {

// Calls `each` with every row.
core::Result<void> read_entries(store::Database& database, const std::function<void(Entry)>& each);

// Writes the row of this id, new or not. created_at stays that of its first time.
core::Result<void> write_entry(store::Database& database, const Entry& entry, core::Utc now);
core::Result<void> delete_entry(store::Database& database, std::string_view id);

}  // namespace aircheck::schedule
