#include "operations/station_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <utility>

#include "base/files.hpp"

namespace aircheck::operations {

using core::Code;
using core::fail;

core::Result<void> prepare_directories(const base::Config& config) {
  const auto make = [](const char* name, const std::string& path, unsigned mode) {
    return base::prepare_directory(path, mode).with_context(name);
  };
  AIRCHECK_TRY_VOID(make("--state", config.state_directory, 0750));
  AIRCHECK_TRY_VOID(make("--state", config.secrets_directory(), 0700));
  AIRCHECK_TRY_VOID(make("--state", config.log_directory(), 0750));
  AIRCHECK_TRY_VOID(make("HLS_SEGMENT_DIR", config.segment_directory, 0750));
  AIRCHECK_TRY_VOID(make("AIRCHECK_RUN_DIR", config.run_directory, 0700));
  // Films may well be read-only.
  const auto made = base::ensure_directory(config.sources_directory, 0750).with_context("HLS_SOURCES_DIR");
  return made ? made : fail(made.error().code, made.error().message + ": give the directory that holds the films");
}

core::Result<std::unique_ptr<store::Database>> open_station_database(const base::Config& config) {
  const std::string path = config.state_directory + "/station.db";
  const std::string remedy =
      "restore station.db and secrets/ from your backup, the newest that `aircheckd backup` made";
  const std::string master_key = config.secrets_directory() + "/master.key";
  std::error_code error;
  if (!std::filesystem::exists(path, error) && std::filesystem::exists(master_key, error)) {
    return fail(Code::kNotFound, path + " is missing, and " + master_key + " is there: " + remedy +
                                     ", or move secrets/ away to begin a new station");
  }
  auto opened = store::Database::open(path, store::station_schema());
  if (!opened && (opened.error().code == Code::kIo || opened.error().code == Code::kParse)) {
    return fail(opened.error().code, opened.error().message + ": " + remedy);
  }
  AIRCHECK_TRY(auto database, std::move(opened));
  const auto damage = database->damage();
  if (!damage) return fail(damage.error().code, path + ": " + damage.error().message + ": " + remedy);
  if (damage->empty()) return database;
  return fail(Code::kConflict, path + " is damaged: " + damage->front() + ": " + remedy);
}

core::Result<void> check_storage(const std::string& directory) {
  struct statvfs status = {};
  if (statvfs(directory.c_str(), &status) != 0) return core::fail_errno(errno, directory);
  if ((status.f_flag & ST_RDONLY) != 0 || ::access(directory.c_str(), W_OK) != 0) {
    return fail(Code::kPermission, directory + " is not writable");
  }
  constexpr std::uint64_t kLowMib = 64;
  const std::uint64_t free_mib = (std::uint64_t{status.f_bavail} * status.f_frsize) >> 20;
  if (free_mib < kLowMib) {
    return fail(Code::kNoSpace, directory + ": only " + std::to_string(free_mib) + " MiB are free on its disk");
  }
  // A file system that an error has made read-only does not say so before somebody writes: a file without a name does.
  const int fd = ::open(directory.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) ::close(fd);
  return fd < 0 && errno == EROFS ? core::fail_errno(EROFS, directory) : core::Result<void>();
}

}  // namespace aircheck::operations
