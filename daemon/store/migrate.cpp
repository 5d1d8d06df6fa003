#include "store/migrate.hpp"

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "store/database.hpp"

namespace aircheck::store {

using core::Code;
using core::fail;

namespace {

core::Result<std::int64_t> pragma(Database& database, const std::string& name) {
  AIRCHECK_TRY(Statement statement, database.prepare("PRAGMA " + name));
  AIRCHECK_TRY(const bool row, statement.step());
  return row ? statement.integer(0) : 0;
}

core::Result<bool> has_tables(Database& database) {
  AIRCHECK_TRY(Statement statement, database.prepare("SELECT count(*) FROM sqlite_schema"));
  AIRCHECK_TRY(const bool row, statement.step());
  return row && statement.integer(0) > 0;
}

// It gets its name when it is whole, so that a process that was killed leaves none that is not. One that is there is
// older and better.
core::Result<void> copy_before(Database& database, const std::string& path, std::int64_t version) {
  const std::string copy = path + ".before-" + std::to_string(version + 1);
  const std::string partial = copy + ".partial";
  std::error_code error;
  if (std::filesystem::exists(copy, error)) return {};
  std::filesystem::remove(partial, error);
  auto copied = database.copy_to(partial);
  if (copied && rename(partial.c_str(), copy.c_str()) != 0) copied = core::fail_errno(errno, copy);
  return std::move(copied).with_context("cannot copy the database before migrating it");
}

core::Result<void> apply(Database& database, const Schema& schema, const Migration& migration) {
  return database
      .transaction([&]() -> core::Result<void> {
        AIRCHECK_TRY_VOID(database.execute(std::string(migration.sql)));
        AIRCHECK_TRY_VOID(database.execute("PRAGMA application_id = " + std::to_string(schema.application_id)));
        return database.execute("PRAGMA user_version = " + std::to_string(migration.number));
      })
      .with_context("migration " + std::string(migration.name));
}

}  // namespace

core::Result<std::int64_t> schema_version(Database& database, const Schema& schema) {
  AIRCHECK_TRY(const std::int64_t version, pragma(database, "user_version"));
  AIRCHECK_TRY(const std::int64_t application, pragma(database, "application_id"));
  AIRCHECK_TRY(const bool used, has_tables(database));
  if (used && application != schema.application_id) {
    return fail(Code::kUnsupported, "this is not a " + std::string(schema.name) +
                                        " database of Aircheck: move it away, or give another state directory");
  }
  const auto newest = static_cast<std::int64_t>(schema.migrations.size());
  if (version > newest) {
    return fail(Code::kUnsupported, "its schema is version " + std::to_string(version) +
                                        ", this Aircheck knows up to " + std::to_string(newest) +
                                        ": install the newer Aircheck again");
  }
  return version;
}

core::Result<void> migrate(Database& database, const std::string& path, const Schema& schema) {
  AIRCHECK_TRY(const std::int64_t version, schema_version(database, schema));
  AIRCHECK_TRY(const bool used, has_tables(database));
  const auto newest = static_cast<std::int64_t>(schema.migrations.size());
  if (used && version < newest && path != ":memory:") AIRCHECK_TRY_VOID(copy_before(database, path, version));
  for (const Migration& migration : schema.migrations) {
    if (migration.number > version) AIRCHECK_TRY_VOID(apply(database, schema, migration));
  }
  return {};
}

}  // namespace aircheck::store
