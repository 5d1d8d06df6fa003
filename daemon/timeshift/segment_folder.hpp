// The files of one channel. Whatever path is asked for, nothing outside the folder and nothing that is not a regular
// file is opened.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::timeshift {

// Any thread.
class SegmentFolder {
 public:
  // The folder need not exist yet: it is opened again for each file.
  explicit SegmentFolder(std::string path) : path_(std::move(path)) {}

  // The whole file, or its first `limit` bytes. kNotFound: no such regular file below the folder.
  [[nodiscard]] core::Result<core::Bytes> read_head(const std::string& location, std::size_t limit) const;
  // kInvalidArgument for a file over kLargestFile.
  [[nodiscard]] core::Result<core::Bytes> read(const std::string& location) const;
  // Size in bytes.
  [[nodiscard]] core::Result<std::uint64_t> size(const std::string& location) const;

  // Deletes a file, and the folder that it leaves empty below the channel's. One that is not there is no error.
  [[nodiscard]] core::Result<void> remove(const std::string& location) const;

  [[nodiscard]] const std::string& path() const { return path_; }

  static constexpr std::uint64_t kLargestFile = 256ull << 20;

 private:
  std::string path_;
};

}  // namespace aircheck::timeshift
