#include "schedule/listing_file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "core/file_descriptor.hpp"

namespace aircheck::schedule {

namespace {

using core::Code;
using core::fail;
using core::fail_errno;
using core::FileDescriptor;

constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::size_t kMostUnmapped = 100;

XmltvReader reader_for(const ReadOptions& options) {
  std::set<std::string> wanted;
  for (const auto& [name, channel] : options.channels) wanted.insert(name);
  return {std::move(wanted), gobj::find_time_zone(options.zone)};
}

core::Result<ReadListings> finish(const ReadOptions& options, XmltvReader& reader) {
  AIRCHECK_TRY(XmltvFile file, reader.finish());
  ReadListings read;
  read.notes = std::move(file.notes);
  for (const auto& [name, channel] : options.channels) {
    Listing listing = make_listing(name, channel, std::move(file.programmes[name]), read.notes);
    read.listings.emplace_back(name, std::move(listing));
  }
  std::ranges::stable_sort(read.notes, {}, &XmltvNote::line);
  for (const auto& [name, programmes] : file.others) {
    if (read.unmapped.size() < kMostUnmapped) read.unmapped.push_back(name);
  }
  return read;
}

core::Result<int> open_beneath(const std::string& directory, const std::string& file) {
  const FileDescriptor root(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) return fail_errno(errno, "the directory of listings");
  struct open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a FIFO must not hold us
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const int opened = static_cast<int>(::syscall(SYS_openat2, root.get(), file.c_str(), &how, sizeof how));
  if (opened < 0 && (errno == EXDEV || errno == ELOOP)) {
    return fail(Code::kPermission, "the file leads out of the directory of listings");
  }
  if (opened < 0) return fail_errno(errno, "the file");
  return opened;
}

}  // namespace

core::Result<ReadListings> read_listings(const ReadOptions& options, core::ByteView document) {
  XmltvReader reader = reader_for(options);
  AIRCHECK_TRY_VOID(reader.feed(document));
  return finish(options, reader);
}

core::Result<ReadListings> read_listing_file(const ReadOptions& options, const std::string& directory,
                                             const std::string& file, const std::string& etag) {
  AIRCHECK_TRY(const int fd, open_beneath(directory, file));
  const FileDescriptor opened(fd);
  struct stat status = {};
  if (::fstat(opened.get(), &status) != 0) return fail_errno(errno, "the file");
  if (!S_ISREG(status.st_mode)) return fail(Code::kInvalidArgument, "it is no regular file");
  const std::string now = std::to_string(status.st_size) + "-" + std::to_string(status.st_mtim.tv_sec) + "." +
                          std::to_string(status.st_mtim.tv_nsec);
  if (now == etag) return ReadListings{.unchanged = true, .etag = etag};
  XmltvReader reader = reader_for(options);
  core::Bytes buffer(kReadBytes);
  while (true) {
    const ssize_t count = ::read(opened.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "the file");
    if (count == 0) break;
    AIRCHECK_TRY_VOID(reader.feed(core::ByteView(buffer).first(static_cast<std::size_t>(count))));
  }
  AIRCHECK_TRY(ReadListings read, finish(options, reader));
  read.etag = now;
  return read;
}

}  // namespace aircheck::schedule
