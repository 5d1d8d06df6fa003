#include "base/files.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <random>
#include <system_error>

#include "core/file_descriptor.hpp"

namespace aircheck::base {

using core::Code;
using core::fail;
using core::fail_errno;
using core::FileDescriptor;

namespace {

constexpr std::size_t kSecretLimit = 4096;

core::Result<void> write_all(int fd, core::ByteView bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t count = write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "cannot write " + path);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  if (fsync(fd) != 0) return fail_errno(errno, "cannot sync " + path);
  return {};
}

core::Result<core::Bytes> read_all(int fd, std::size_t limit, const std::string& path) {
  core::Bytes bytes;
  std::uint8_t buffer[8192];
  while (true) {
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "cannot read " + path);
    if (count == 0) return bytes;
    if (bytes.size() + static_cast<std::size_t>(count) > limit) {
      return fail(Code::kInvalidArgument, path + " is longer than " + std::to_string(limit) + " bytes");
    }
    bytes.insert(bytes.end(), buffer, buffer + count);
  }
}

core::Result<void> make_and_remove_a_file_in(const std::string& directory) {
  std::string name = directory + "/.writable-XXXXXX";
  const FileDescriptor file(mkostemp(name.data(), O_CLOEXEC));
  if (!file.valid()) return fail_errno(errno, "cannot write into " + directory);
  unlink(name.c_str());
  return {};
}

void sync_directory_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  const FileDescriptor directory(open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.valid()) fsync(directory.get());
}

}  // namespace

core::Result<void> ensure_directory(const std::string& path, unsigned mode) {
  const std::filesystem::path directory(path);
  std::error_code error;
  if (directory.has_parent_path()) std::filesystem::create_directories(directory.parent_path(), error);
  if (mkdir(path.c_str(), mode) == 0) return {};
  if (errno != EEXIST) return fail_errno(errno, "cannot create directory " + path);
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) return fail_errno(errno, "cannot look at " + path);
  if (!S_ISDIR(status.st_mode)) return fail(Code::kExists, path + " exists and is not a directory");
  return {};
}

core::Result<void> prepare_directory(const std::string& path, unsigned mode) {
  core::Result<void> made = ensure_directory(path, mode);
  if (made) made = make_and_remove_a_file_in(path);
  if (made || made.error().code == Code::kNoSpace) return made;
  return fail(made.error().code,
              made.error().message + ": give a directory that user " + std::to_string(geteuid()) + " can write");
}

core::Result<void> write_file_atomically(const std::string& path, core::ByteView bytes, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  {
    const FileDescriptor file(mkostemp(temporary.data(), O_CLOEXEC));
    if (!file.valid()) return fail_errno(errno, "cannot create " + path);
    auto written = write_all(file.get(), bytes, path);
    if (written && fchmod(file.get(), mode) != 0) written = fail_errno(errno, "cannot set the mode of " + path);
    if (!written) {
      unlink(temporary.c_str());
      return written;
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    const int error_number = errno;
    unlink(temporary.c_str());
    return fail_errno(error_number, "cannot rename to " + path);
  }
  sync_directory_of(path);
  return {};
}

core::Result<core::Bytes> read_file(const std::string& path, std::size_t limit) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return fail_errno(errno, "cannot open " + path);
  return read_all(file.get(), limit, path);
}

core::Result<void> write_secret_file(const std::string& path, core::ByteView bytes) {
  return write_file_atomically(path, bytes, 0600);
}

core::Result<core::Bytes> read_secret_file(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) return fail_errno(errno, "cannot open " + path);
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return fail_errno(errno, "cannot look at " + path);
  if ((status.st_mode & 077) != 0) {
    return fail(Code::kPermission, path + " can be read by others: run 'chmod 600 " + path + "'");
  }
  return read_all(file.get(), kSecretLimit, path);
}

core::Result<core::Bytes> load_or_create_secret(const std::string& path, std::size_t size) {
  auto stored = read_secret_file(path);
  if (!stored && stored.error().code != Code::kNotFound) return stored;
  if (stored && stored->size() < size) {
    return fail(Code::kInvalidArgument, path + " holds fewer than " + std::to_string(size) +
                                            " bytes: restore it from your backup, or remove it to make a new one");
  }
  if (stored) return stored;
  core::Bytes fresh = random_bytes(size);
  AIRCHECK_TRY_VOID(write_secret_file(path, fresh));
  return fresh;
}

core::Result<std::string> load_or_create_token(const std::string& path) {
  constexpr std::size_t kTokenBytes = 32;
  constexpr std::size_t kLeast = 16;
  const auto stored = read_secret_file(path);
  if (!stored && stored.error().code != Code::kNotFound) return stored.unexpected();
  if (!stored) {
    const std::string fresh = core::to_base64url(random_bytes(kTokenBytes));
    AIRCHECK_TRY_VOID(write_secret_file(path, core::as_bytes(fresh + "\n")));
    return fresh;
  }
  std::string text(stored->begin(), stored->end());
  text.erase(text.find_last_not_of(" \r\n\t") + 1);
  if (text.size() >= kLeast) return text;
  return fail(Code::kInvalidArgument,
              path + ": shorter than " + std::to_string(kLeast) + " characters: remove it to have a new one made");
}

bool same_secret(std::string_view given, std::string_view secret) {
  return given.size() == secret.size() && sodium_memcmp(given.data(), secret.data(), secret.size()) == 0;
}

core::Bytes random_bytes(std::size_t size) {
  core::Bytes bytes(size);
  randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

namespace {

std::string uuid_of(core::Bytes bytes) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);  // version 4
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // variant of RFC 9562
  std::string text = core::to_hex(bytes);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

std::uint64_t random_seed() {
  return core::ByteReader(random_bytes(sizeof(std::uint64_t))).u64().value();
}

}  // namespace

std::string random_uuid() {
  return uuid_of(random_bytes(16));
}

std::string quick_uuid() {
  thread_local std::mt19937_64 generator(random_seed());
  core::ByteWriter bytes;
  bytes.u64(generator());
  bytes.u64(generator());
  return uuid_of(bytes.take());
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

}  // namespace aircheck::base
