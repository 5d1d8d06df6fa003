#include "cenc/key_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "core/file_descriptor.hpp"

namespace aircheck::cenc {

namespace {

using core::ContentKey;
using core::FileDescriptor;

// Room for 32 digits and a line end of two characters, and one byte to see that there is more.
struct Contents {
  std::array<char, 35> bytes{};
  std::size_t size = 0;

  ~Contents() { core::wipe(bytes.data(), bytes.size()); }
};

core::Result<ContentKey> parse(const Contents& contents) {
  std::string_view text(contents.bytes.data(), contents.size);
  if (text.size() == ContentKey::kSize) return ContentKey::from_bytes(core::as_bytes(text));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (text.size() == 2 * ContentKey::kSize) {
    if (auto key = ContentKey::from_hex(text)) return key;
  }
  return core::fail(core::Code::kInvalidArgument, "holds neither 16 raw bytes nor 32 hexadecimal digits");
}

}  // namespace

core::Result<KeyFile> read_key_file(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (file.get() < 0 || fstat(file.get(), &status) != 0) return core::fail_errno(errno, path);

  Contents contents;
  while (contents.size < contents.bytes.size()) {
    const ssize_t count =
        read(file.get(), contents.bytes.data() + contents.size, contents.bytes.size() - contents.size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail_errno(errno, path);
    if (count == 0) break;
    contents.size += static_cast<std::size_t>(count);
  }
  auto key = parse(contents);
  if (!key) return core::Unexpected(key.error().with_context(path));
  return KeyFile{*key, S_ISREG(status.st_mode) && (status.st_mode & (S_IRWXG | S_IRWXO)) != 0};
}

}  // namespace aircheck::cenc
