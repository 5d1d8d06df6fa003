// What a station has on disk before anything of it runs: its folders and its database.
#pragma once

#include <memory>
#include <string>

#include "base/config.hpp"
#include "core/result.hpp"
#include "store/database.hpp"

namespace aircheck::operations {

// Makes what is missing. The error names the setting to change.
core::Result<void> prepare_directories(const base::Config& config);

// Opens station.db, checked whole. A damaged or missing one is an operator's to restore: an empty one in its place
// would look like a station without channels, whose archive nobody can decrypt.
core::Result<std::unique_ptr<store::Database>> open_station_database(const base::Config& config);

// Whether segments can be written. kNoSpace: under 64 MiB are free.
core::Result<void> check_storage(const std::string& directory);

}  // namespace aircheck::operations
