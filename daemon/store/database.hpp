// SQLite behind Result: one Database per file, statements prepared once, transactions that roll back by default.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "store/migrations.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace aircheck::store {

class Statement;

// See Database::revision().
struct Revision {
  std::int64_t own = 0;  // rows that this connection has changed, but not aside
  std::int64_t others = 0;

  friend bool operator==(const Revision&, const Revision&) = default;
};

// Not thread-safe: it belongs to one thread, or to the turns of the main context.
class Database {
 public:
  // Opens or creates the file, sets WAL and foreign keys, and migrates. ":memory:" works too. kUnsupported: a newer or
  // foreign database; nothing was changed then.
  static core::Result<std::unique_ptr<Database>> open(const std::string& path, const Schema& schema);

  // Opens a file that has to exist, to look at it: nothing is made, migrated or changed, also beside it. What a process
  // that uses it now has written so far is seen.
  static core::Result<std::unique_ptr<Database>> open_to_read(const std::string& path);

  // One consistent copy while others write (SQLite's online backup), in rollback mode so that it is one file. `target`
  // must not exist; its mode is 0600. The copy is checked.
  core::Result<void> copy_to(const std::string& target);

  // What integrity_check and foreign_key_check find; empty: nothing. It reads the whole file.
  core::Result<std::vector<std::string>> damage();
  // The schema's version in a file of this kind. kUnsupported: it is of another kind, or newer than we know.
  core::Result<std::int64_t> version_of(const Schema& schema);

  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Compiles one statement, or takes it from those that were used before. SQL is ours: a mistake in it is kInternal.
  core::Result<Statement> prepare(std::string_view sql);
  // Runs statements without parameters or results.
  core::Result<void> execute(const std::string& sql);

  // How long a statement waits for a lock that another program holds; 5 s at first. 0: it fails at once, kUnavailable.
  void set_busy_timeout(int ms);

  // Runs `body` inside BEGIN IMMEDIATE ... COMMIT; rolls back when it fails. Inside another transaction it joins that.
  core::Result<void> transaction(const std::function<core::Result<void>()>& body);

  // Runs `body`, whose changes revision() does not count: for tables that change often and are in no Memo.
  core::Result<void> aside(const std::function<core::Result<void>()>& body);

  [[nodiscard]] std::int64_t last_insert_rowid() const;
  // Rows that the last INSERT, UPDATE or DELETE changed.
  [[nodiscard]] std::int64_t changes() const;
  // Another value after every change of the file but those made aside: while it stays the same, what was read here is
  // still so. A change by another program shows a millisecond later at most. Nothing inside of a transaction, which may
  // be undone, and where the file does not answer.
  [[nodiscard]] std::optional<Revision> revision();
  // One cheap read that proves that the file still answers.
  core::Result<void> ping();

  // An error of the last call, with our codes: constraint = kConflict, busy = kUnavailable, full = kNoSpace,
  // no database = kParse. A file that cannot be written is kPermission while it is opened, later kUnavailable: the disk
  // has become read-only and may come back.
  [[nodiscard]] core::Unexpected<core::Error> failure(int code, std::string_view context) const;

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  using StatementHandle = std::unique_ptr<sqlite3_stmt, Finalize>;

  // Of a statement that nobody uses any more.
  void take_back(sqlite3_stmt* statement);

  explicit Database(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Close> handle_;
  std::map<std::string, StatementHandle, std::less<>> idle_;  // by their SQL; without locks and bindings
  int depth_ = 0;
  std::int64_t aside_ = 0;   // rows that were changed aside
  std::int64_t others_ = 0;  // of a revision, as it was seen at others_seen_
  std::optional<std::chrono::steady_clock::time_point> others_seen_;
  bool open_ = false;  // and migrated
};

// bind() from 1, columns from 0, as SQLite counts. The Database has to live longer.
class Statement {
 public:
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, int value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, bool value) { return bind(index, static_cast<std::int64_t>(value)); }
  Statement& bind(int index, double value);
  Statement& bind(int index, std::string_view value);
  Statement& bind(int index, const char* value) { return bind(index, std::string_view(value)); }
  Statement& bind(int index, const std::string& value) { return bind(index, std::string_view(value)); }
  Statement& bind(int index, core::ByteView value);
  Statement& bind_null(int index);
  template <typename T>
  Statement& bind(int index, const std::optional<T>& value) {
    return value ? bind(index, *value) : bind_null(index);
  }

  // True: there is a row to read. False: done; the statement is reset and can be bound again.
  core::Result<bool> step();
  // Runs a statement that gives no rows, and resets it.
  core::Result<void> run();
  // Resets and clears bindings.
  Statement& reset();

  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] bool boolean(int column) const { return integer(column) != 0; }
  [[nodiscard]] double real(int column) const;
  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] core::Bytes blob(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  [[nodiscard]] std::optional<std::int64_t> optional_integer(int column) const;
  [[nodiscard]] std::optional<std::string> optional_text(int column) const;

 private:
  friend class Database;
  struct GiveBack {
    Database* database;
    void operator()(sqlite3_stmt* statement) const { database->take_back(statement); }
  };

  Statement(Database* database, sqlite3_stmt* statement) : database_(database), statement_(statement, {database}) {}

  Database* database_;
  std::unique_ptr<sqlite3_stmt, GiveBack> statement_;
  int bind_error_ = 0;
};

}  // namespace aircheck::store
