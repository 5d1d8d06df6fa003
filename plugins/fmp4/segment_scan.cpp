#include "fmp4/segment_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <memory>
#include <tuple>

#include "fmp4/pending_file.hpp"

namespace aircheck::fmp4 {

namespace {

using core::Result;

struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

bool is_folder(const std::string& path, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  const int descriptor = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return false;
  close(descriptor);
  return true;
}

// Calls visit(path) for each file below `folder` ("" or with a last '/'); into its folders only when `deep`.
Result<void> walk(const std::string& folder, bool deep, const std::function<void(std::string)>& visit) {
  const std::unique_ptr<DIR, CloseFolder> stream(opendir(folder.empty() ? "." : folder.c_str()));
  if (stream == nullptr) return core::fail_errno(errno, "cannot read the folder '" + folder + "'");
  std::vector<std::string> folders;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    std::string path = folder + name;
    if (!is_folder(path, *entry)) {
      visit(std::move(path));
    } else if (deep) {
      folders.push_back(path + "/");
    }
  }
  for (const std::string& below : folders) AIRCHECK_TRY_VOID(walk(below, deep, visit));
  return {};
}

Result<core::SegmentInfo> read_info(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return core::fail_errno(errno, "cannot open");
  std::array<std::uint8_t, 4096> head{};
  const ssize_t size = pread(descriptor, head.data(), head.size(), 0);
  const int error = size < 0 ? errno : 0;
  close(descriptor);
  if (error != 0) return core::fail_errno(error, "cannot read");
  return core::read_segment_info(core::ByteView(head.data(), static_cast<std::size_t>(size)));
}

// `path` is `wanted`, or is what it becomes with 16 digits.
bool names_it(const std::string& wanted, const std::string& path) {
  const std::size_t mark = wanted.find(kHashMark);
  if (mark == std::string::npos) return path == wanted;
  constexpr std::size_t kDigits = 16;
  const std::string_view before = std::string_view(wanted).substr(0, mark);
  const std::string_view behind = std::string_view(wanted).substr(mark + kHashMark.size());
  if (path.size() != before.size() + kDigits + behind.size()) return false;
  return path.starts_with(before) && path.ends_with(behind) &&
         path.find_first_not_of("0123456789abcdef", mark) >= mark + kDigits;
}

}  // namespace

Result<SegmentScan> scan_segments(const core::NamePattern& pattern, std::size_t limit) {
  std::vector<std::pair<std::string, core::NameParts>> files;
  AIRCHECK_TRY_VOID(walk(pattern.directory(), pattern.has_dated_folders(), [&](std::string path) {
    if (const auto name = pattern.parse_name(path)) files.emplace_back(std::move(path), *name);
  }));
  const auto newer = [](const auto& a, const auto& b) {
    return std::tie(a.second.epoch, a.second.utc, a.second.track, a.second.duplicate) >
           std::tie(b.second.epoch, b.second.utc, b.second.track, b.second.duplicate);
  };
  std::sort(files.begin(), files.end(), newer);
  SegmentScan scan;
  std::size_t numbers = 0;
  for (auto& [path, name] : files) {
    auto info = read_info(path);
    if (!info) {
      scan.warnings.push_back("'" + path + "' has no segment information and is left out: " + info.error().message);
      continue;
    }
    const bool another = scan.segments.empty() || scan.segments.back().info.sequence != info->sequence;
    if (another && limit != 0 && numbers == limit) break;
    numbers += another ? 1 : 0;
    scan.segments.push_back({std::move(path), std::move(name), std::move(*info)});
  }
  std::reverse(scan.segments.begin(), scan.segments.end());
  return scan;
}

std::string normal_path(const std::string& path) {
  std::error_code error;
  return std::filesystem::absolute(path, error).lexically_normal().string();
}

std::string init_path_of(const std::string& segment_path, const core::SegmentInfo& info) {
  return normal_path(std::string(folder_of(segment_path)) + info.init_name);
}

bool is_below(const std::string& path, const std::string& folder) {
  const std::string outer = normal_path(folder.empty() ? "." : folder);
  const std::string inside = std::filesystem::path(normal_path(path)).lexically_relative(outer).string();
  return !inside.empty() && inside != "." && !inside.starts_with("..");
}

bool others_need(const core::NamePattern& pattern, const std::string& init_path) {
  bool needed = false;
  const auto walked = walk(pattern.directory(), true, [&](const std::string& path) {
    if (needed || pattern.parse_name(path)) return;
    const auto info = read_info(path);
    needed = info && init_path_of(path, *info) == normal_path(init_path);
  });
  return needed || !walked;
}

Result<void> remove_leftovers(const core::NamePattern& pattern, const std::vector<std::string>& others) {
  // The path that a temporary file stands for, "" where it is none.
  const auto published = [](const std::string& path) {
    const std::string folder(folder_of(path));
    const std::string_view name = published_name(std::string_view(path).substr(folder.size()));
    return name.empty() ? std::string() : folder + std::string(name);
  };
  std::vector<std::string> leftovers;
  for (const std::string& other : others) {
    if (other.empty()) continue;
    AIRCHECK_TRY_VOID(walk(std::string(folder_of(other)), false, [&](const std::string& path) {
      if (names_it(other, published(path))) leftovers.push_back(path);
    }));
  }
  AIRCHECK_TRY_VOID(walk(pattern.directory(), pattern.has_dated_folders(), [&](const std::string& path) {
    const std::string wanted = published(path);
    if (!wanted.empty() && pattern.parse_name(wanted)) leftovers.push_back(path);
  }));
  for (const std::string& path : leftovers) AIRCHECK_TRY_VOID(remove_leftover(path, false));
  return {};
}

}  // namespace aircheck::fmp4
