#include "store/database.hpp"

#include <sqlite3.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "store/migrate.hpp"

namespace aircheck::store {

using core::Code;
using core::fail;

namespace {

constexpr std::size_t kMaxIdleStatements = 64;

Code to_code(int result) {
  switch (result & 0xff) {
    case SQLITE_CONSTRAINT: return Code::kConflict;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Code::kUnavailable;
    case SQLITE_FULL: return Code::kNoSpace;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN: return Code::kPermission;
    case SQLITE_NOTADB: return Code::kParse;
    case SQLITE_ERROR:
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
    case SQLITE_MISMATCH: return Code::kInternal;
    default: return Code::kIo;
  }
}

// Of a file that was written before: its disk has become read-only, or takes nothing now. It may come back.
bool is_disk_that_takes_nothing(int result) {
  switch (result) {
    case SQLITE_IOERR_WRITE:
    case SQLITE_IOERR_FSYNC:
    case SQLITE_IOERR_DIR_FSYNC:
    case SQLITE_IOERR_TRUNCATE:
    case SQLITE_IOERR_SHMSIZE: return true;
    default: return to_code(result) == Code::kPermission;
  }
}

// SQLite's URI form of a path, in which ?, # and % mean something.
std::string file_uri(const std::string& path, const char* query) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '?') {
      uri += "%3f";
    } else if (c == '#') {
      uri += "%23";
    } else if (c == '%') {
      uri += "%25";
    } else {
      uri += c;
    }
  }
  return uri + query;
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close_v2(handle);
}

void Database::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

core::Unexpected<core::Error> Database::failure(int code, std::string_view context) const {
  const Code ours = open_ && is_disk_that_takes_nothing(code) ? Code::kUnavailable : to_code(code);
  return fail(ours, std::string(context) + ": " + sqlite3_errmsg(handle_.get()));
}

core::Result<std::unique_ptr<Database>> Database::open(const std::string& path, const Schema& schema) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (handle == nullptr) return fail(Code::kInternal, "SQLite has no memory for " + path);
  const std::string context = "database " + path;
  if (result != SQLITE_OK) return database->failure(result, context);
  sqlite3_busy_timeout(handle, 5000);
  AIRCHECK_TRY_VOID(database
                        ->execute("PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                                  "PRAGMA trusted_schema = OFF;")
                        .with_context(context));
  AIRCHECK_TRY_VOID(migrate(*database, path, schema).with_context(context));
  database->open_ = true;
  return database;
}

core::Result<std::unique_ptr<Database>> Database::open_to_read(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return fail(Code::kNotFound, path + " does not exist");
  // Even a reader makes a write-ahead log where there is none; immutable says that nobody writes either.
  const bool in_use = std::filesystem::exists(path + "-wal", error);
  sqlite3* handle = nullptr;
  const int result =
      sqlite3_open_v2(file_uri(path, in_use ? "" : "?immutable=1").c_str(), &handle,
                      SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Database> database(new Database(handle));
  if (handle == nullptr) return fail(Code::kInternal, "SQLite has no memory for " + path);
  if (result != SQLITE_OK) return database->failure(result, "database " + path);
  sqlite3_busy_timeout(handle, 5000);
  AIRCHECK_TRY_VOID(database->ping().with_context("database " + path));
  return database;
}

core::Result<void> Database::copy_to(const std::string& target) {
  const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return core::fail_errno(errno, "cannot make " + target);
  close(fd);
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(target.c_str(), &handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<Database> copy(new Database(handle));
  if (handle == nullptr) return fail(Code::kInternal, "SQLite has no memory for " + target);
  if (opened != SQLITE_OK) return copy->failure(opened, target);
  sqlite3_busy_timeout(handle, 5000);
  sqlite3_backup* backup = sqlite3_backup_init(handle, "main", handle_.get(), "main");
  if (backup == nullptr) return copy->failure(sqlite3_errcode(handle), target);
  // All pages in one step: the copy is that of one moment, and of a WAL database nobody has to wait for it.
  sqlite3_backup_step(backup, -1);
  const int finished = sqlite3_backup_finish(backup);
  if (finished != SQLITE_OK) return copy->failure(finished, "cannot copy the database to " + target);
  AIRCHECK_TRY_VOID(copy->execute("PRAGMA journal_mode = DELETE").with_context(target));
  AIRCHECK_TRY(const auto found, copy->damage());
  if (found.empty()) return {};
  return fail(Code::kIo, "the database is damaged, so its copy is of no use: " + found.front());
}

core::Result<std::vector<std::string>> Database::damage() {
  std::vector<std::string> found;
  AIRCHECK_TRY(Statement integrity, prepare("PRAGMA integrity_check(20)"));
  while (true) {
    AIRCHECK_TRY(const bool row, integrity.step());
    if (!row) break;
    // One finding of several lines stays one.
    std::string text = integrity.text(0);
    std::ranges::replace(text, '\n', ' ');
    if (text != "ok") found.push_back(std::move(text));
  }
  AIRCHECK_TRY(Statement keys, prepare("PRAGMA foreign_key_check"));
  while (found.size() < 40) {
    AIRCHECK_TRY(const bool row, keys.step());
    if (!row) break;
    found.push_back("row " + std::to_string(keys.integer(1)) + " of " + keys.text(0) + " refers to nothing in " +
                    keys.text(2));
  }
  return found;
}

core::Result<std::int64_t> Database::version_of(const Schema& schema) {
  return schema_version(*this, schema);
}

core::Result<Statement> Database::prepare(std::string_view sql) {
  if (const auto idle = idle_.find(sql); idle != idle_.end()) {
    sqlite3_stmt* used = idle->second.release();
    idle_.erase(idle);
    return Statement(this, used);
  }
  sqlite3_stmt* statement = nullptr;
  const int result =
      sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), 0, &statement, nullptr);
  if (result != SQLITE_OK) return failure(result, "SQL \"" + std::string(sql.substr(0, 80)) + "\"");
  return Statement(this, statement);
}

void Database::take_back(sqlite3_stmt* statement) {
  StatementHandle handle(statement);
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  if (idle_.size() < kMaxIdleStatements) idle_.try_emplace(sqlite3_sql(statement), std::move(handle));
}

core::Result<void> Database::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return failure(result, "SQL");
  return {};
}

void Database::set_busy_timeout(int ms) {
  sqlite3_busy_timeout(handle_.get(), ms);
}

core::Result<void> Database::transaction(const std::function<core::Result<void>()>& body) {
  if (depth_ > 0) return body();
  AIRCHECK_TRY_VOID(execute("BEGIN IMMEDIATE"));
  ++depth_;
  core::Result<void> result = body();
  --depth_;
  if (result) result = execute("COMMIT");
  // A failed COMMIT may leave the transaction open; a failed ROLLBACK means that SQLite has rolled back already.
  if (!result) sqlite3_exec(handle_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  return result;
}

core::Result<void> Database::aside(const std::function<core::Result<void>()>& body) {
  const std::int64_t before = sqlite3_total_changes64(handle_.get());
  core::Result<void> result = body();
  aside_ += sqlite3_total_changes64(handle_.get()) - before;
  return result;
}

std::int64_t Database::last_insert_rowid() const {
  return sqlite3_last_insert_rowid(handle_.get());
}

std::int64_t Database::changes() const {
  return sqlite3_changes64(handle_.get());
}

std::optional<Revision> Database::revision() {
  if (depth_ > 0) return std::nullopt;
  // Looking takes two locks of the file.
  constexpr std::chrono::milliseconds kLook{1};
  const auto now = std::chrono::steady_clock::now();
  if (!others_seen_ || now - *others_seen_ >= kLook) {
    others_seen_.reset();
    auto query = prepare("PRAGMA data_version");
    if (!query || !query->step().value_or(false)) return std::nullopt;
    others_ = query->integer(0);
    others_seen_ = now;
  }
  return Revision{sqlite3_total_changes64(handle_.get()) - aside_, others_};
}

core::Result<void> Database::ping() {
  return execute("SELECT count(*) FROM sqlite_schema");
}

Statement& Statement::bind(int index, std::int64_t value) {
  bind_error_ |= sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}

Statement& Statement::bind(int index, double value) {
  bind_error_ |= sqlite3_bind_double(statement_.get(), index, value);
  return *this;
}

Statement& Statement::bind(int index, std::string_view value) {
  // A null pointer would bind NULL, not the empty text.
  const char* data = value.data() != nullptr ? value.data() : "";
  bind_error_ |= sqlite3_bind_text64(statement_.get(), index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int index, core::ByteView value) {
  const void* data = value.data() != nullptr ? static_cast<const void*>(value.data()) : "";
  bind_error_ |= sqlite3_bind_blob64(statement_.get(), index, data, value.size(), SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind_null(int index) {
  bind_error_ |= sqlite3_bind_null(statement_.get(), index);
  return *this;
}

core::Result<bool> Statement::step() {
  if (bind_error_ != 0) {
    reset();
    return fail(Code::kInternal, std::string("SQL: a parameter of \"") + sqlite3_sql(statement_.get()) + "\" is wrong");
  }
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) {
    sqlite3_reset(statement_.get());
    return false;
  }
  auto failure = database_->failure(result, "SQL");
  sqlite3_reset(statement_.get());
  return failure;
}

core::Result<void> Statement::run() {
  AIRCHECK_TRY([[maybe_unused]] const bool row, step());
  reset();
  return {};
}

Statement& Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bind_error_ = 0;
  return *this;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

double Statement::real(int column) const {
  return sqlite3_column_double(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

core::Bytes Statement::blob(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.get(), column));
  if (data == nullptr) return {};
  return {data, data + sqlite3_column_bytes(statement_.get(), column)};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

std::optional<std::int64_t> Statement::optional_integer(int column) const {
  return is_null(column) ? std::nullopt : std::optional(integer(column));
}

std::optional<std::string> Statement::optional_text(int column) const {
  return is_null(column) ? std::nullopt : std::optional(text(column));
}

}  // namespace aircheck::store
