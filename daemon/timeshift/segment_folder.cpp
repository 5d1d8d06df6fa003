#include "timeshift/segment_folder.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "core/aes.hpp"

namespace aircheck::timeshift {

namespace {

using core::Code;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

struct OpenFile {
  Descriptor descriptor;
  std::uint64_t size;
};

core::Result<Descriptor> open_below(const std::string& folder, const std::string& location, std::uint64_t flags) {
  const Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) return core::fail_errno(errno, folder);
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  Descriptor file(static_cast<int>(::syscall(SYS_openat2, root.get(), location.c_str(), &how, sizeof how)));
  if (file.get() >= 0) return file;
  if (errno == EXDEV || errno == ELOOP || errno == ENAMETOOLONG) return core::fail(Code::kNotFound, "no such file");
  return core::fail_errno(errno, location);
}

core::Result<OpenFile> open_file(const std::string& folder, const std::string& location) {
  // O_NONBLOCK: a FIFO of that name must not hold the thread.
  AIRCHECK_TRY(Descriptor file, open_below(folder, location, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return core::fail_errno(errno, location);
  if (!S_ISREG(status.st_mode)) return core::fail(Code::kNotFound, "no such file");
  return OpenFile{std::move(file), static_cast<std::uint64_t>(status.st_size)};
}

// "2026/02/25/ch1.m4s" is "2026/02/25" and "ch1.m4s".
std::pair<std::string, std::string> split(const std::string& location) {
  const std::size_t slash = location.rfind('/');
  if (slash == std::string::npos) return {"", location};
  return {location.substr(0, slash), location.substr(slash + 1)};
}

core::Result<Descriptor> open_folder(const std::string& root, const std::string& below) {
  return open_below(root, below.empty() ? "." : below, O_PATH | O_DIRECTORY);
}

// The innermost first, up to the first one that holds something.
void remove_empty_folders(const std::string& root, std::string folder) {
  while (!folder.empty()) {
    const auto [above, name] = split(folder);
    const auto parent = open_folder(root, above);
    if (!parent || ::unlinkat(parent->get(), name.c_str(), AT_REMOVEDIR) != 0) return;
    folder = above;
  }
}

}  // namespace

core::Result<core::Bytes> SegmentFolder::read_head(const std::string& location, std::size_t limit) const {
  AIRCHECK_TRY(const OpenFile file, open_file(path_, location));
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(file.size, limit));
  core::Bytes bytes;
  bytes.reserve(size + core::AesBlock().size());  // AES-128 makes a segment a block longer
  bytes.resize(size);
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(file.descriptor.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return core::fail_errno(errno, location);
    if (got == 0) return core::fail(Code::kIo, location + ": the file became shorter while it was read");
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

core::Result<core::Bytes> SegmentFolder::read(const std::string& location) const {
  AIRCHECK_TRY(const std::uint64_t bytes, size(location));
  if (bytes > kLargestFile) return core::fail(Code::kInvalidArgument, location + ": larger than 256 MiB");
  return read_head(location, static_cast<std::size_t>(bytes));
}

core::Result<std::uint64_t> SegmentFolder::size(const std::string& location) const {
  AIRCHECK_TRY(const OpenFile file, open_file(path_, location));
  return file.size;
}

core::Result<void> SegmentFolder::remove(const std::string& location) const {
  const auto [above, name] = split(location);
  const auto folder = open_folder(path_, above);
  if (!folder) return folder.error().code == Code::kNotFound ? core::Result<void>() : folder.unexpected();
  if (::unlinkat(folder->get(), name.c_str(), 0) != 0 && errno != ENOENT) {
    return core::fail_errno(errno, "cannot delete " + path_ + "/" + location);
  }
  remove_empty_folders(path_, above);
  return {};
}

}  // namespace aircheck::timeshift
