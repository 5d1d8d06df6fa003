#include "timeshift/leftovers.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <utility>

#include "timeshift/folder_files.hpp"
#include "timeshift/location_form.hpp"

namespace aircheck::timeshift {

namespace {

constexpr core::Utc kBehindAll{INT64_MAX};

// What a channel may be called (channels::is_channel_key); other folders are somebody else's.
bool may_be_key(const std::string& name) {
  return !name.empty() && name[0] != '-' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos;
}

bool is_init_of(const std::string& key, const std::string& location) {
  const std::string name = location.substr(location.rfind('/') + 1);
  return name.starts_with(key + "-init-") && name.ends_with(".mp4");
}

core::Result<Leftover> read_leftover(const std::string& folder, const std::string& key) {
  AIRCHECK_TRY(const SegmentNames names, SegmentNames::of(key));
  Leftover leftover{.key = key};
  const auto add = [&](const std::string& location, core::Utc start) {
    struct stat status = {};
    if (::lstat((folder + "/" + location).c_str(), &status) != 0) return;  // gone meanwhile
    const core::Utc written{status.st_mtim.tv_sec * core::kNsPerSecond + status.st_mtim.tv_nsec};
    leftover.written = std::max(leftover.written, written);
    leftover.bytes += static_cast<std::uint64_t>(status.st_size);
    leftover.files.push_back({start, static_cast<std::uint64_t>(status.st_size),
                              static_cast<std::uint32_t>(leftover.locations.size()),
                              static_cast<std::uint32_t>(location.size())});
    leftover.locations += location;
  };
  AIRCHECK_TRY_VOID(walk_files(folder, [&](const std::string& location) {
    const auto start = digits_of(location);
    if (start && names.has(location)) {
      if (leftover.segments++ == 0) leftover.oldest = leftover.newest = *start;
      leftover.oldest = std::min(leftover.oldest, *start);
      leftover.newest = std::max(leftover.newest, *start);
      add(location, *start);
    } else if (is_init_of(key, location)) {
      add(location, kBehindAll);
    }
  }));
  std::ranges::sort(leftover.files, std::ranges::greater(), &LeftoverFile::start);
  return leftover;
}

}  // namespace

core::Result<std::vector<Leftover>> find_leftovers(const std::string& segment_directory,
                                                   const std::set<std::string>& channel_keys) {
  std::vector<Leftover> found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(segment_directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string key = entry->path().filename().string();
    std::error_code unknown;
    if (!may_be_key(key) || channel_keys.contains(key) || entry->is_symlink(unknown)) continue;
    if (!entry->is_directory(unknown)) continue;
    AIRCHECK_TRY(Leftover leftover, read_leftover(entry->path().string(), key));
    if (leftover.segments > 0) found.push_back(std::move(leftover));
  }
  if (error) return core::fail_errno(error.value(), segment_directory);
  std::ranges::sort(found, {}, &Leftover::key);
  return found;
}

Archive::Retired Leftovers::retire(core::Utc untouched_since, std::size_t limit) {
  const std::set<std::string> keys = channel_keys_();
  Leftover* oldest = nullptr;
  for (Leftover& leftover : leftovers_) {
    if (leftover.files.empty() || leftover.written >= untouched_since || keys.contains(leftover.key)) continue;
    if (oldest == nullptr || leftover.files.back().start < oldest->files.back().start) oldest = &leftover;
  }
  Archive::Retired retired;
  if (oldest == nullptr) return retired;
  retired.folder = std::make_shared<const SegmentFolder>(segment_directory_ + "/" + oldest->key);
  for (; limit > 0 && !oldest->files.empty(); --limit) {
    const LeftoverFile& file = oldest->files.back();
    if (file.start != kBehindAll) ++retired.segments;
    retired.bytes += file.size;
    retired.locations.push_back(oldest->locations.substr(file.location_at, file.location_length));
    oldest->files.pop_back();
  }
  oldest->segments -= retired.segments;
  oldest->bytes -= retired.bytes;
  if (oldest->segments > 0) oldest->oldest = oldest->files.back().start;
  return retired;
}

void Leftovers::forget_files() {
  for (Leftover& leftover : leftovers_) {
    leftover.files = {};
    leftover.locations = {};
  }
}

std::vector<const Leftover*> Leftovers::all() const {
  const std::set<std::string> keys = channel_keys_();
  std::vector<const Leftover*> found;
  for (const Leftover& leftover : leftovers_) {
    if (leftover.segments > 0 && !keys.contains(leftover.key)) found.push_back(&leftover);
  }
  return found;
}

std::uint64_t Leftovers::bytes() const {
  std::uint64_t sum = 0;
  for (const Leftover* leftover : all()) sum += leftover->bytes;
  return sum;
}

}  // namespace aircheck::timeshift
