#include "catchup/archive.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <tuple>

#include "catchup/folder.hpp"
#include "catchup/parallel.hpp"

namespace aircheck::catchup {

namespace {

using core::Code;
using core::Result;
using core::Utc;

constexpr std::size_t kLargestFile = 256 << 20;

std::string_view folder_of(std::string_view path) {
  return path.substr(0, path.rfind('/') + 1);
}

// Says of nearly every name outside a span of stems that it is outside, by one comparison of bytes.
class Span {
 public:
  // Of the paths `folder` + name, those from `first` to `last` in the order of their bytes.
  Span(std::string_view folder, std::string_view first, std::string_view last)
      : first_(below(folder, first)), last_(below(folder, last)) {}

  [[nodiscard]] bool may_hold(std::string_view name) const {
    return compare(name, first_) >= 0 && compare(name, last_) <= 0;
  }

 private:
  struct Bound {
    int outside = 0;  // the whole folder comes after it (1) or before it (-1)
    std::string_view rest;
  };

  static Bound below(std::string_view folder, std::string_view bound) {
    const int order = folder.compare(bound.substr(0, folder.size()));
    return order == 0 ? Bound{0, bound.substr(folder.size())} : Bound{order, {}};
  }
  static int compare(std::string_view name, const Bound& bound) {
    return bound.outside != 0 ? bound.outside : name.substr(0, bound.rest.size()).compare(bound.rest);
  }

  Bound first_;
  Bound last_;
};

bool older(const SegmentName& a, const SegmentName& b) {
  return std::tie(a.epoch, a.start, a.duplicate) < std::tie(b.epoch, b.start, b.duplicate);
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

Result<void> Archive::add_names(const std::string& folder, Utc from, Utc end, std::vector<SegmentName>& names) const {
  AIRCHECK_TRY(const auto listed, Folder::open(folder));
  if (!listed) {
    if (pattern_.folder_period_ns() != 0) return {};
    return core::fail(Code::kNotFound, "location: there is no folder '" + (folder.empty() ? "." : folder) + "'");
  }
  const std::string first = pattern_.stem(from, track_);
  const std::string last = pattern_.stem(end, track_);
  const bool sorted = pattern_.sorts_by_time() && first.size() == last.size();
  const Span span(folder, first, last);
  struct Part {
    std::vector<SegmentName> names;
    Result<void> read;
  };
  std::vector<Part> parts(listed->parts());
  in_parallel(parts.size(), [&](std::size_t i) {
    std::string path = folder;
    parts[i].read = listed->for_each_name(i, [&](std::string_view name) {
      if (sorted && !span.may_hold(name)) return;
      path.resize(folder.size());
      path += name;
      const auto parsed = pattern_.parse_name(path);
      if (!parsed || parsed->track != track_ || parsed->utc < from || parsed->utc >= end) return;
      parts[i].names.push_back({parsed->utc, parsed->epoch, parsed->duplicate, path});
    });
  });
  for (Part& part : parts) {
    AIRCHECK_TRY_VOID(std::move(part.read));
    std::move(part.names.begin(), part.names.end(), std::back_inserter(names));
  }
  return {};
}

Result<std::vector<SegmentName>> Archive::names(Utc start, Utc end) const {
  const Utc from = std::max(Utc{0}, start - kLongestSegmentNs);
  std::vector<SegmentName> names;
  const std::vector<std::string> inside = folders(start, end);
  for (const std::string& folder : inside) AIRCHECK_TRY_VOID(add_names(folder, from, end, names));
  // The segment that covers the start may lie in a folder before: only where none of the newest epoch was found here.
  const auto newest = std::max_element(names.begin(), names.end(), older);
  const auto covers = [&](const SegmentName& name) { return name.epoch == newest->epoch && name.start <= start; };
  if (pattern_.folder_period_ns() != 0 && std::none_of(names.begin(), names.end(), covers)) {
    for (const std::string& folder : folders(from, start)) {
      if (folder != inside.front()) AIRCHECK_TRY_VOID(add_names(folder, from, end, names));
    }
    std::error_code error;
    if (names.empty() &&
        !std::filesystem::is_directory(pattern_.directory().empty() ? "." : pattern_.directory(), error)) {
      return core::fail(Code::kNotFound, "location: there is no folder '" + pattern_.directory() + "'");
    }
  }
  std::sort(names.begin(), names.end(), older);
  return names;
}

std::string Archive::relative(const std::string& path) const {
  const std::string directory = pattern_.directory();
  if (path.starts_with(directory)) return path.substr(directory.size());
  return std::filesystem::path(path).lexically_relative(directory.empty() ? "." : directory).string();
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

Result<std::optional<Segment>> SegmentReader::read(const SegmentName& name) {
  const core::FileDescriptor descriptor(open(name.path));
  if (!descriptor.valid() && errno == ENOENT) return std::optional<Segment>();
  if (!descriptor.valid()) return core::fail_errno(errno, "location: cannot open '" + name.path + "'");
  // styp and our box take about 200 bytes; an init segment far away has a longer name.
  std::array<std::uint8_t, 4096> head;
  for (const std::size_t wanted : {std::size_t{512}, head.size()}) {
    const ssize_t size = pread(descriptor.get(), head.data(), wanted, 0);
    if (size < 0) return core::fail_errno(errno, "location: cannot read '" + name.path + "'");
    auto info = core::read_segment_info(core::ByteView(head).first(static_cast<std::size_t>(size)));
    if (info) return std::optional<Segment>(Segment{name.path, std::move(*info)});
    if (wanted == head.size()) return std::move(info).with_context("location: '" + name.path + "'").unexpected();
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
