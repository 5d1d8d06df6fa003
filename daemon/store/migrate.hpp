// Brings an open database to the newest version of its schema. For Database::open only.
#pragma once

#include <cstdint>
#include <string>

#include "core/result.hpp"
#include "store/migrations.hpp"

namespace aircheck::store {

class Database;

// Copies the file to PATH.before-N before changing one that has data; each migration and its user_version are one
// transaction.
core::Result<void> migrate(Database& database, const std::string& path, const Schema& schema);

// The version of its schema, 0 for an empty file. kUnsupported: it is of another kind, or newer than we know.
core::Result<std::int64_t> schema_version(Database& database, const Schema& schema);

}  // namespace aircheck::store
