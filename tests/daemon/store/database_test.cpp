#include "store/database.hpp"

#include <glib.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <iterator>
#include <set>

#include "support/temporary_directory.hpp"

namespace aircheck::store {
namespace {

using core::Code;

constexpr std::array<Migration, 2> kSteps = {
    {{1, "0001_a", "CREATE TABLE a (x INTEGER NOT NULL, t TEXT, b BLOB) STRICT;"},
     {2, "0002_b", "ALTER TABLE a ADD COLUMN y INTEGER;"}}};
constexpr std::array<Migration, 2> kBroken = {{kSteps[0], {2, "0002_b", "CREATE TABLE c (x) ; CREATE TABLE c (x);"}}};
const Schema kFirst{"test", 77, std::span(kSteps).first(1)};
const Schema kSecond{"test", 77, kSteps};
const Schema kBrokenSecond{"test", 77, kBroken};
const Schema kOther{"other", 78, kSteps};

std::int64_t number(Database& database, const std::string& sql) {
  auto statement = database.prepare(sql);
  EXPECT_TRUE(statement.has_value()) << statement.error().message;
  EXPECT_TRUE(*statement->step());
  return statement->integer(0);
}

TEST(Database, BindsAndReadsEveryType) {
  const auto database = Database::open(":memory:", kFirst);
  ASSERT_TRUE(database.has_value()) << database.error().message;
  auto insert = (*database)->prepare("INSERT INTO a VALUES (?, ?, ?)");
  ASSERT_TRUE(insert.has_value());
  const core::Bytes blob = {0, 1, 255};
  ASSERT_TRUE(
      insert->bind(1, std::int64_t{1} << 62).bind(2, std::string("t\0x", 3)).bind(3, core::ByteView(blob)).run());
  ASSERT_TRUE(insert->bind(1, 2).bind(2, "").bind(3, core::ByteView()).run());
  ASSERT_TRUE(insert->bind(1, 3).bind(2, std::optional<std::string>()).bind_null(3).run());
  auto select = (*database)->prepare("SELECT x, t, b FROM a ORDER BY rowid");
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->integer(0), std::int64_t{1} << 62);
  EXPECT_EQ(select->text(1), std::string("t\0x", 3));
  EXPECT_EQ(select->blob(2), blob);
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->optional_text(1), "");
  EXPECT_FALSE(select->is_null(2));
  ASSERT_TRUE(*select->step());
  EXPECT_EQ(select->optional_text(1), std::nullopt);
  EXPECT_FALSE(*select->step());
}

TEST(Database, AStatementThatIsUsedAgainKnowsNothingOfItsFirstUse) {
  const auto database = Database::open(":memory:", kFirst);
  const auto count = [&](std::optional<int> x) {
    auto select = (*database)->prepare("SELECT count(*) FROM a WHERE x IS ?1 OR ?1 IS NULL");
    if (x) select->bind(1, *x);
    return *select->step() ? select->integer(0) : -1;  // left in the middle of its rows
  };
  ASSERT_TRUE((*database)->execute("INSERT INTO a (x) VALUES (1), (2)").has_value());
  EXPECT_EQ(count(2), 1);
  EXPECT_EQ(count({}), 2) << "the parameter of the first use is still bound";
  EXPECT_TRUE((*database)->execute("DROP TABLE a").has_value()) << "the first use still holds its lock";
  auto kept = (*database)->prepare("SELECT count(*) FROM a WHERE x IS ?1 OR ?1 IS NULL");
  ASSERT_TRUE(kept.has_value()) << "compiled anew, which cannot work any more";
  EXPECT_FALSE(kept->step().has_value());
}

TEST(Database, TwoOfTheSameSqlAtATimeAreTwoStatements) {
  const auto database = Database::open(":memory:", kFirst);
  ASSERT_TRUE((*database)->execute("INSERT INTO a (x) VALUES (1), (2)").has_value());
  for (int round = 0; round < 2; ++round) {
    auto outer = (*database)->prepare("SELECT x FROM a ORDER BY x");
    auto inner = (*database)->prepare("SELECT x FROM a ORDER BY x");
    ASSERT_TRUE(*outer->step() && *inner->step() && *inner->step());
    EXPECT_EQ(outer->integer(0), 1);
    EXPECT_EQ(inner->integer(0), 2);
  }
}

TEST(Database, ErrorsHaveOurCodes) {
  const auto database = Database::open(":memory:", kFirst);
  EXPECT_EQ((*database)->prepare("SELECT nothing").error().code, Code::kInternal);
  auto insert = (*database)->prepare("INSERT INTO a (x) VALUES (?)");
  EXPECT_EQ(insert->bind_null(1).run().error().code, Code::kConflict);
  EXPECT_TRUE(insert->bind(1, 1).run().has_value()) << "a failed statement is usable again";
  EXPECT_EQ(insert->bind(2, 1).run().error().code, Code::kInternal);
}

TEST(Database, AFailedTransactionLeavesNothing) {
  const auto database = Database::open(":memory:", kFirst);
  Database& db = **database;
  const auto failed = db.transaction([&]() -> core::Result<void> {
    AIRCHECK_TRY_VOID(db.execute("INSERT INTO a (x) VALUES (1)"));
    return db.transaction([]() -> core::Result<void> { return core::fail(Code::kConflict, "no"); });
  });
  EXPECT_EQ(failed.error().code, Code::kConflict);
  EXPECT_EQ(number(db, "SELECT count(*) FROM a"), 0);
  EXPECT_TRUE(db.transaction([&] { return db.execute("INSERT INTO a (x) VALUES (1)"); }).has_value());
  EXPECT_EQ(number(db, "SELECT count(*) FROM a"), 1);
}

TEST(Migrations, RunOnceAndCopyFirst) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "test.db";
  {
    const auto database = Database::open(path, kFirst);
    ASSERT_TRUE((*database)->execute("INSERT INTO a (x) VALUES (5)").has_value());
  }
  EXPECT_FALSE(std::filesystem::exists(path + ".before-1")) << "a new database needs no copy";
  const auto database = Database::open(path, kSecond);
  ASSERT_TRUE(database.has_value()) << database.error().message;
  EXPECT_EQ(number(**database, "SELECT x FROM a WHERE y IS NULL"), 5);
  EXPECT_EQ(number(**database, "PRAGMA user_version"), 2);
  EXPECT_EQ(number(**database, "PRAGMA application_id"), 77);
  EXPECT_EQ(number(**database, "PRAGMA foreign_keys"), 1);
  const auto copy = Database::open(path + ".before-2", kFirst);
  ASSERT_TRUE(copy.has_value()) << copy.error().message;
  EXPECT_EQ(number(**copy, "SELECT x FROM a"), 5);
}

TEST(Migrations, AStationWithoutViewingSessionsKeepsWhatItHas) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "station.db";
  const Schema& schema = station_schema();
  {
    const auto before = Database::open(path, Schema{schema.name, schema.application_id, schema.migrations.first(6)});
    ASSERT_TRUE(before.has_value()) << before.error().message;
    ASSERT_TRUE(
        (*before)->execute("INSERT INTO users (id, email, role, password_hash, created_at, updated_at) "
                           "VALUES ('u', 'a@example.org', 'viewer', '$', 1, 1)"));
  }
  const auto after = Database::open(path, schema);
  ASSERT_TRUE(after.has_value()) << after.error().message;
  EXPECT_EQ(number(**after, "SELECT count(*) FROM users WHERE email = 'a@example.org'"), 1);
  EXPECT_EQ(number(**after, "SELECT count(*) FROM tstv_sessions"), 0);
  EXPECT_TRUE(std::filesystem::exists(path + ".before-7"));
  // What no heartbeat may say, no other program writes either.
  const auto insert = [&](const std::string& values) {
    return (*after)->execute(
        "INSERT INTO tstv_sessions (id, user_id, channel_id, schedule_entry_id, kind, started_at, "
        "last_heartbeat_at, ended_at, end_reason, position_seconds) VALUES (" +
        values + ")");
  };
  EXPECT_TRUE(insert("'1', 'u', 'c', 'p', 'catchup', 5, 6, NULL, '', 1.5"));
  EXPECT_TRUE(insert("'2', 'u', 'c', 'p', 'startover', 5, 6, 7, 'timeout', 0"));
  EXPECT_FALSE(insert("'3', 'u', 'c', 'p', 'live', 5, 6, NULL, '', 0"));
  EXPECT_FALSE(insert("'4', 'u', 'c', 'p', 'catchup', 5, 6, 7, '', 0"));
  EXPECT_FALSE(insert("'5', 'u', 'c', 'p', 'catchup', 5, 6, 4, 'stopped', 0"));
  EXPECT_FALSE(insert("'6', 'u', 'c', 'p', 'catchup', 5, 6, NULL, '', -1"));
}

// Whoever made it was killed.
TEST(Migrations, HalfACopyIsMadeAnew) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "test.db";
  { ASSERT_TRUE((*Database::open(path, kFirst))->execute("INSERT INTO a (x) VALUES (5)").has_value()); }
  directory.write("test.db.before-2.partial", "half a copy");
  ASSERT_TRUE(Database::open(path, kSecond).has_value());
  EXPECT_FALSE(std::filesystem::exists(path + ".before-2.partial"));
  const auto copy = Database::open(path + ".before-2", kFirst);
  ASSERT_TRUE(copy.has_value()) << copy.error().message;
  EXPECT_EQ(number(**copy, "SELECT x FROM a"), 5);
}

TEST(Migrations, AFailingOneChangesNothing) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "test.db";
  { ASSERT_TRUE(Database::open(path, kFirst).has_value()); }
  const auto failed = Database::open(path, kBrokenSecond);
  ASSERT_FALSE(failed.has_value());
  EXPECT_NE(failed.error().message.find("0002_b"), std::string::npos) << failed.error().message;
  const auto database = Database::open(path, kFirst);
  ASSERT_TRUE(database.has_value()) << database.error().message;
  EXPECT_EQ(number(**database, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
}

TEST(Migrations, ANewerOrForeignDatabaseIsRefusedUntouched) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "test.db";
  { ASSERT_TRUE(Database::open(path, kSecond).has_value()); }
  EXPECT_NE(Database::open(path, kFirst).error().message.find("install the newer Aircheck"), std::string::npos);
  EXPECT_NE(Database::open(path, kOther).error().message.find("not a other database"), std::string::npos);
  directory.write("text.db", std::string(4096, 'x'));
  EXPECT_EQ(Database::open(directory / "text.db", kFirst).error().code, Code::kParse);
  EXPECT_EQ(directory.read("text.db"), std::string(4096, 'x'));
  EXPECT_NE(Database::open(directory / "absent/x.db", kFirst).error().message.find("absent/x.db"), std::string::npos);
}

// Everything that CREATE made, without white space and comments, which ALTER TABLE and people place differently.
std::multiset<std::string> shape(Database& database) {
  std::multiset<std::string> rows;
  auto statement = database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
  while (*statement->step()) {
    std::string text;
    bool comment = false;
    const std::string sql = statement->text(0);
    for (std::size_t i = 0; i < sql.size(); ++i) {
      if (sql.compare(i, 2, "--") == 0) comment = true;
      if (sql[i] == '\n') comment = false;
      if (!comment && !g_ascii_isspace(sql[i])) text.push_back(sql[i]);
    }
    rows.insert(text);
  }
  return rows;
}

class SchemaFile : public ::testing::TestWithParam<const Schema* (*)()> {};

TEST_P(SchemaFile, IsTheSumOfTheMigrations) {
  const Schema& schema = *GetParam()();
  const auto migrated = Database::open(":memory:", schema);
  ASSERT_TRUE(migrated.has_value()) << migrated.error().message;
  std::ifstream file(std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/schemas/sql/" + std::string(schema.name) +
                     "/schema.sql");
  ASSERT_TRUE(file.good());
  const auto declared = Database::open(":memory:", Schema{schema.name, schema.application_id, {}});
  const auto executed = (*declared)->execute({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  ASSERT_TRUE(executed.has_value()) << executed.error().message;
  EXPECT_EQ(shape(**declared), shape(**migrated));
}

INSTANTIATE_TEST_SUITE_P(All, SchemaFile,
                         ::testing::Values([] { return &station_schema(); }, [] { return &index_schema(); }));

}  // namespace
}  // namespace aircheck::store
