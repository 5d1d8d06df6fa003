#include "worker/segment_log.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <tuple>

#include "core/naming.hpp"
#include "core/segment_info.hpp"

namespace aircheck::worker {
namespace {

constexpr std::size_t kMaxRows = 20'000;  // 33 hours of 6 s; a few MB
constexpr std::size_t kHeadSize = 4096;

struct Name {
  core::NameParts parts;
  std::string path;
};

// In the order in which they were written.
core::Result<std::vector<Name>> list_names(const std::string& pattern_text) {
  AIRCHECK_TRY(const auto pattern, core::NamePattern::parse(pattern_text));
  std::vector<Name> names;
  std::error_code error;
  std::filesystem::directory_iterator entries(pattern.directory(), error), end;
  if (error == std::errc::no_such_file_or_directory) return names;
  for (; !error && entries != end; entries.increment(error)) {
    std::string path = pattern.directory() + entries->path().filename().string();
    if (const auto parts = pattern.parse_name(path)) names.push_back({*parts, std::move(path)});
  }
  if (error) return core::fail_errno(error.value(), pattern.directory());
  const auto key = [](const Name& name) { return std::tuple(name.parts.epoch, name.parts.utc, name.parts.duplicate); };
  std::ranges::sort(names, [&key](const Name& a, const Name& b) { return key(a) < key(b); });
  return names;
}

core::Result<control::SegmentRow> read_row(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return core::fail_errno(errno, path);
  std::array<std::uint8_t, kHeadSize> head;
  const ssize_t length = ::pread(fd, head.data(), head.size(), 0);
  struct stat status {};
  const int stat_result = ::fstat(fd, &status);
  ::close(fd);
  if (length < 0 || stat_result != 0) return core::fail(core::Code::kIo, path + ": cannot be read");
  auto info = core::read_segment_info(core::ByteView(head.data(), static_cast<std::size_t>(length)));
  if (!info) return std::move(info).with_context(path).unexpected();
  control::SegmentRow row;
  row.location = path.substr(path.rfind('/') + 1);
  row.init_location = info->init_name;
  row.start = info->start;
  row.duration_ns = info->duration_ns;
  row.size = static_cast<std::uint64_t>(status.st_size);
  row.sequence = info->sequence;
  row.discontinuity_sequence = info->discontinuity_sequence;
  row.epoch = info->epoch;
  row.key_id = info->key_id;
  row.discontinuity = info->discontinuity;
  return row;
}

}  // namespace

void SegmentLog::add(const control::SegmentRow& row) {
  rows_.push_back(row);
  if (rows_.size() > kMaxRows) rows_.pop_front();
}

std::optional<std::uint64_t> SegmentLog::last_sequence() const {
  return rows_.empty() ? std::nullopt : std::optional(rows_.back().sequence);
}

std::optional<std::vector<control::SegmentRow>> SegmentLog::since(std::uint64_t sequence, std::uint32_t limit) const {
  if (rows_.empty() || sequence < rows_.front().sequence) return std::nullopt;
  const auto first = std::ranges::lower_bound(rows_, sequence, {}, &control::SegmentRow::sequence);
  const auto count = std::min<std::ptrdiff_t>(limit, rows_.end() - first);
  return std::vector<control::SegmentRow>(first, first + count);
}

core::Result<std::vector<control::SegmentRow>> read_segments(const std::string& pattern, std::uint64_t sequence,
                                                             std::uint32_t limit) {
  AIRCHECK_TRY(const auto names, list_names(pattern));
  // Numbers rise with the names, so the first one is found by halving; a file that cannot be read counts as too old.
  const auto is_before = [sequence](const Name& name) {
    const auto row = read_row(name.path);
    return !row || row->sequence < sequence;
  };
  auto name = std::ranges::partition_point(names, is_before);
  std::vector<control::SegmentRow> rows;
  for (; name != names.end() && rows.size() < limit; ++name) {
    // Deleted by retention since the folder was listed, or foreign: the index does not need it.
    if (auto row = read_row(name->path); row && row->sequence >= sequence) rows.push_back(std::move(*row));
  }
  return rows;
}

core::Result<std::optional<control::SegmentRow>> read_last_segment(const std::string& pattern) {
  AIRCHECK_TRY(const auto names, list_names(pattern));
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (auto row = read_row(name->path)) return std::optional(std::move(*row));
  }
  return std::optional<control::SegmentRow>();
}

}  // namespace aircheck::worker
