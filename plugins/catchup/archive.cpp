#include "catchup/archive.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>

#include "catchup/listing.hpp"

namespace aircheck::catchup {

namespace {

using core::Code;
using core::Result;
using core::Utc;

constexpr std::size_t kLargestFile = 256 << 20;

std::string_view folder_of(std::string_view path) {
  const void* const slash = memrchr(path.data(), '/', path.size());
  return slash == nullptr ? std::string_view()
                          : path.substr(0, static_cast<std::size_t>(static_cast<const char*>(slash) - path.data()) + 1);
}

}  // namespace

Result<Archive> Archive::open(const std::string& location, const std::string& track) {
  if (location.empty()) {
    return core::fail(Code::kInvalidArgument,
                      "location: is not set; set it to the location of the sink that wrote the segments, such as "
                      "out/ch1-%Y%m%d%H%M%S.m4s");
  }
  AIRCHECK_TRY(auto pattern, core::NamePattern::parse(location).with_context("location"));
  if (pattern.has_track() && !core::is_track(track)) {
    return core::fail(Code::kInvalidArgument,
                      "track: location has %{track}; set it to one of the tracks, such as video");
  }
  std::string own_track = pattern.has_track() ? track : std::string();
  return Archive(std::move(pattern), std::move(own_track));
}

std::vector<std::string> Archive::folders(Utc start, Utc end) const {
  const std::int64_t period = pattern_.folder_period_ns();
  std::vector<std::string> result;
  const auto add = [&](Utc instant) {
    const std::string stem = pattern_.stem(instant, track_);
    if (result.empty() || result.back() != folder_of(stem)) result.emplace_back(folder_of(stem));
  };
  if (period == 0) {
    add(start);
    return result;
  }
  for (Utc instant = core::slot_start(core::slot_of(start, period), period); instant < end;
       instant = instant + period) {
    add(instant);
  }
  return result;
}

Result<std::vector<SegmentName>> Archive::names(Utc start, Utc end, Heads heads) const {
  const Utc from = std::max(Utc{0}, start - kLongestSegmentNs);
  const Wanted wanted{pattern_, track_, from, end, heads == Heads::kOfWindow ? start : end};
  const std::vector<std::string> inside = folders(start, end);
  AIRCHECK_TRY(std::vector<SegmentName> names, list_names(inside, wanted));
  // The segment that covers the start may lie in a folder before: only where none of the newest epoch was found here.
  const auto covers = [&](const SegmentName& name) { return name.epoch == names.back().epoch && name.start <= start; };
  if (pattern_.folder_period_ns() == 0 || std::any_of(names.begin(), names.end(), covers)) return names;
  std::vector<std::string> before = folders(from, start);
  std::erase(before, inside.front());
  AIRCHECK_TRY(std::vector<SegmentName> earlier, list_names(before, wanted));
  const auto count = static_cast<std::ptrdiff_t>(names.size());
  std::move(earlier.begin(), earlier.end(), std::back_inserter(names));
  std::inplace_merge(names.begin(), names.begin() + count, names.end(), older);
  std::error_code error;
  if (names.empty() && !std::filesystem::is_directory(directory_.empty() ? "." : directory_, error)) {
    return core::fail(Code::kNotFound, "location: there is no folder '" + directory_ + "'");
  }
  return names;
}

std::string Archive::relative(const std::string& path) const {
  if (path.starts_with(directory_)) return path.substr(directory_.size());
  return std::filesystem::path(path).lexically_relative(directory_.empty() ? "." : directory_).string();
}

std::string Archive::init_path(const Segment& segment) {
  const std::string path = std::string(folder_of(segment.path)) + segment.info.init_name;
  return segment.info.init_name.find('/') == std::string::npos
             ? path
             : std::filesystem::path(path).lexically_normal().string();
}

bool Archive::are_neighbours(const Segment& a, const Segment& b) {
  return folder_of(a.path) == folder_of(b.path);
}

std::string Archive::path_of(Utc start, std::uint32_t epoch) const {
  return pattern_.format({start, epoch, 0, track_});
}

int SegmentReader::open(const std::string& path) {
  const std::string_view folder = folder_of(path);
  if (!descriptor_ || folder != folder_) {
    folder_ = folder;
    descriptor_.emplace(::open(folder_.empty() ? "." : folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!descriptor_->valid()) {
      const int error = errno;
      descriptor_.reset();
      errno = error;
      return -1;
    }
  }
  // O_NONBLOCK: a FIFO of that name must not hold the thread.
  return openat(descriptor_->get(), path.c_str() + folder.size(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

Head& SegmentReader::read_head(SegmentName& name) {
  if (name.head == nullptr) name.head = std::make_unique<Head>(read(std::move(name.path)));
  return *name.head;
}

Head SegmentReader::read(std::string path) {
  const core::FileDescriptor descriptor(open(path));
  if (!descriptor.valid() && errno == ENOENT) return std::optional<Segment>();
  if (!descriptor.valid()) return core::fail_errno(errno, "location: cannot open '" + path + "'");
  // styp and our box take about 200 bytes; an init segment far away has a longer name.
  std::array<std::uint8_t, 4096> head;
  for (const std::size_t wanted : {std::size_t{512}, head.size()}) {
    const ssize_t size = pread(descriptor.get(), head.data(), wanted, 0);
    if (size < 0) return core::fail_errno(errno, "location: cannot read '" + path + "'");
    auto info = core::read_segment_info(core::ByteView(head).first(static_cast<std::size_t>(size)));
    if (info) return std::optional<Segment>(Segment{std::move(path), std::move(*info)});
    if (wanted == head.size()) return std::move(info).with_context("location: '" + path + "'").unexpected();
  }
  return std::optional<Segment>();
}

Result<core::Bytes> SegmentReader::read_file(const std::string& path) {
  const core::FileDescriptor descriptor(open(path));
  if (!descriptor.valid()) return core::fail_errno(errno, "location: cannot open '" + path + "'");
  struct stat status {};
  if (fstat(descriptor.get(), &status) != 0) return core::fail_errno(errno, "location: cannot read '" + path + "'");
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) > kLargestFile) {
    return core::fail(Code::kInvalidArgument, "location: '" + path + "' is no file of at most 256 MiB");
  }
  core::Bytes bytes(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::read(descriptor.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return core::fail_errno(errno, "location: cannot read '" + path + "'");
    if (got == 0) return core::fail(Code::kTruncated, "location: '" + path + "' became shorter while it was read");
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace aircheck::catchup
