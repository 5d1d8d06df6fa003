#include "operations/backup.hpp"

#include <fcntl.h>
#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/files.hpp"
#include "store/database.hpp"

namespace aircheck::operations {

using core::Code;
using core::fail;

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestFile = 16U << 20;  // of a secret or a configuration file

core::Result<void> copy_file(const std::string& from, const std::string& to) {
  AIRCHECK_TRY(const core::Bytes bytes, base::read_file(from, kLargestFile));
  return base::write_file_atomically(to, bytes, 0600);
}

core::Result<void> copy_secrets(const std::string& from, const std::string& to) {
  AIRCHECK_TRY_VOID(base::ensure_directory(to, 0700));
  std::error_code error;
  for (fs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error)) {
    if (!entry->is_regular_file(error)) continue;
    AIRCHECK_TRY_VOID(copy_file(entry->path().string(), to + "/" + entry->path().filename().string()));
  }
  return error ? fail(Code::kIo, from + ": " + error.message()) : core::Result<void>();
}

// The database is as large as the station's guide is long: it is summed up in pieces.
core::Result<std::string> sha256_of(const std::string& path) {
  FILE* const file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return core::fail_errno(errno, path);
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
  std::vector<guchar> buffer(1U << 16);
  for (std::size_t size = 0; (size = std::fread(buffer.data(), 1, buffer.size(), file)) > 0;) {
    g_checksum_update(sum, buffer.data(), static_cast<gssize>(size));
  }
  const bool whole = std::ferror(file) == 0;
  std::fclose(file);
  if (!whole) return fail(Code::kIo, path + " cannot be read");
  return std::string(g_checksum_get_string(sum));
}

core::Result<void> write_sums(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) names.push_back(entry.path().lexically_relative(folder).string());
  }
  std::sort(names.begin(), names.end());
  std::string text;
  for (const std::string& name : names) {
    AIRCHECK_TRY(const std::string sum, sha256_of(folder + "/" + name));
    text += sum + "  " + name + "\n";
  }
  return base::write_file_atomically(folder + "/SHA256SUMS", core::as_bytes(text), 0600);
}

core::Result<void> fill(const base::Config& config, const std::string& config_file, const std::string& folder) {
  AIRCHECK_TRY(const auto database, store::Database::open_to_read(config.state_directory + "/station.db"));
  AIRCHECK_TRY([[maybe_unused]] const std::int64_t version, database->version_of(store::station_schema()));
  AIRCHECK_TRY_VOID(database->copy_to(folder + "/station.db"));
  // After the database: a secret that it refers to was written before the row.
  AIRCHECK_TRY_VOID(copy_secrets(config.secrets_directory(), folder + "/secrets"));
  if (!config_file.empty()) AIRCHECK_TRY_VOID(copy_file(config_file, folder + "/aircheck.conf"));
  if (!config.issuers_file.empty()) AIRCHECK_TRY_VOID(copy_file(config.issuers_file, folder + "/issuers.json"));
  return write_sums(folder);
}

}  // namespace

core::Result<void> back_up(const base::Config& config, const std::string& config_file, const std::string& folder) {
  std::error_code error;
  const std::string target = fs::absolute(folder).lexically_normal().string();
  if (fs::exists(target, error)) {
    return fail(Code::kExists, target + " exists already: give the name of a new folder");
  }
  std::string partial = target + ".partial-XXXXXX";
  if (mkdtemp(partial.data()) == nullptr) return core::fail_errno(errno, "cannot make " + partial);
  auto filled = fill(config, config_file, partial);
  if (filled && rename(partial.c_str(), target.c_str()) != 0) {
    filled = core::fail_errno(errno, "cannot rename " + partial + " to " + target);
  }
  if (!filled) fs::remove_all(partial, error);
  return filled;
}

}  // namespace aircheck::operations
