// One writer for each pattern of names in a folder: two would number and name over each other.
#pragma once

#include <string>

#include "core/result.hpp"

namespace aircheck::fmp4 {

class FolderLock {
 public:
  // Locks a hidden file beside the names of the pattern (flock(2)): `.` + the pattern behind `folder` + `.lock`, with
  // `+` for each `/`. kConflict where another sink, of this process or another, has it. A file system without locks is
  // taken as it is. The file goes with the lock; what a crash leaves is no lock.
  static core::Result<FolderLock> take(const std::string& folder, const std::string& pattern);

  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

 private:
  FolderLock(std::string path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_;
};

// Whether the path still names the open file: an earlier owner of a lock may have removed the name between our opening
// and our locking of the file.
[[nodiscard]] bool has_its_name(int descriptor, const std::string& path);

}  // namespace aircheck::fmp4
