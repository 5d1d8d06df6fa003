#include "timeshift/segment_folder.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

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

core::Result<OpenFile> open_file(const std::string& folder, const std::string& location) {
  const Descriptor root(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) return core::fail_errno(errno, folder);
  // O_NONBLOCK: a FIFO of that name must not hold the thread.
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  Descriptor file(static_cast<int>(::syscall(SYS_openat2, root.get(), location.c_str(), &how, sizeof how)));
  if (file.get() < 0) {
    if (errno == EXDEV || errno == ELOOP || errno == ENAMETOOLONG) return core::fail(Code::kNotFound, "no such file");
    return core::fail_errno(errno, location);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return core::fail_errno(errno, location);
  if (!S_ISREG(status.st_mode)) return core::fail(Code::kNotFound, "no such file");
  return OpenFile{std::move(file), static_cast<std::uint64_t>(status.st_size)};
}

}  // namespace

core::Result<core::Bytes> SegmentFolder::read_head(const std::string& location, std::size_t limit) const {
  AIRCHECK_TRY(const OpenFile file, open_file(path_, location));
  core::Bytes bytes(static_cast<std::size_t>(std::min<std::uint64_t>(file.size, limit)));
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

}  // namespace aircheck::timeshift
