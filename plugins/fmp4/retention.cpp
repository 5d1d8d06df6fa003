#include "fmp4/retention.hpp"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace aircheck::fmp4 {

void Retention::add(const std::string& path, const std::string& init_path, std::uint64_t size,
                    const core::SegmentInfo& info) {
  for (auto earlier = files_.rbegin(); earlier != files_.rend(); ++earlier) {
    if (earlier->sequence != info.sequence && earlier->end <= info.start) break;
    if (earlier->sequence != info.sequence) earlier->end = info.start;
  }
  const auto init = inits_.try_emplace(init_path, 0).first;
  ++init->second;
  newest_end_ = info.start + info.duration_ns;
  files_.push_back({path, &init->first, size, info.sequence, info.start, newest_end_});
  size_ += size;
}

bool Retention::is_surplus() const {
  const std::int64_t age_ns = newest_end_ - files_.front().end;
  if (settings_.max_age_s != 0 && age_ns > settings_.max_age_s * core::kNsPerSecond) return true;
  if (settings_.max_size != 0 && size_ > settings_.max_size) return true;
  struct statvfs disk {};
  if (settings_.min_free_space == 0 || statvfs(directory_.empty() ? "." : directory_.c_str(), &disk) != 0) return false;
  return std::uint64_t{disk.f_bavail} * disk.f_frsize < settings_.min_free_space;
}

core::Result<void> Retention::remove_oldest() {
  const File& oldest = files_.front();
  if (unlink(oldest.path.c_str()) != 0 && errno != ENOENT) {
    return core::fail_errno(errno, "cannot delete '" + oldest.path + "', whose time is over");
  }
  // A folder that is not empty refuses.
  for (std::string_view folder = folder_of(oldest.path); folder.size() > directory_.size();
       folder = folder_of(folder.substr(0, folder.size() - 1))) {
    if (rmdir(std::string(folder).c_str()) != 0) break;
  }
  size_ -= oldest.size;
  const auto init = inits_.find(*oldest.init_path);
  if (--init->second == 0) inits_.erase(init);
  files_.pop_front();
  return {};
}

// A file that stays costs a few hundred bytes and harms nobody.
void Retention::remove_init(const std::string& path) {
  unlink(path.c_str());
}

}  // namespace aircheck::fmp4
