// The names in a folder, as fast as the kernel gives them: where there are 100,000 of them, that takes longer than
// everything else that a playlist needs.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/file_descriptor.hpp"
#include "core/result.hpp"

namespace aircheck::catchup {

class Folder {
 public:
  // `path` as for open(2), "" is the current folder. Nothing where there is no such folder.
  static core::Result<std::optional<Folder>> open(const std::string& path);

  // How many parts threads may read at once: 1 for a small folder, and for one that cannot be divided.
  [[nodiscard]] std::size_t parts() const { return parts_; }

  // Calls visit(name) for each name in a part, in no order. Each name is in one part, as long as its file is there.
  core::Result<void> for_each_name(std::size_t part, const std::function<void(std::string_view)>& visit) const;

 private:
  Folder(std::string path, core::FileDescriptor descriptor);

  std::string path_;
  core::FileDescriptor descriptor_;
  std::size_t parts_ = 1;
};

}  // namespace aircheck::catchup
