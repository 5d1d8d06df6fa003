// A file that nobody sees before it is complete: written under a hidden temporary name in its own folder, then renamed.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::fmp4 {

// What has to be on the disk before a file gets its name. A crash of the process loses nothing in any case.
enum class SyncPolicy {
  kNone,       // leave it to the system: a power cut may lose the last half minute
  kFile,       // the file's data: no listed segment is ever short or empty after a power cut
  kDirectory,  // and the folder's entry
};

class PendingFile {
 public:
  // Opens the temporary file of `path`, whose folder must exist. Waits while another sink writes a file of that name.
  static core::Result<PendingFile> create(const std::string& path);

  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&&) = delete;
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile();  // removes the temporary file unless it was published

  // Appends the parts, one behind the other.
  core::Result<void> write(std::span<const core::ByteView> parts);

  // Makes the data safe, as the policy says; before publish().
  core::Result<void> sync(SyncPolicy policy);

  // Gives the file its name. kExists where a file of that name is there: it stays as it is, and publish() can be called
  // again with another name in the same folder. After any other error there is no file of that name.
  core::Result<void> publish(const std::string& path, SyncPolicy policy);
  // The same over a file that is there: a reader sees the old or the new one, never a part.
  core::Result<void> replace(const std::string& path, SyncPolicy policy);

 private:
  PendingFile(std::string temporary, int descriptor) : temporary_(std::move(temporary)), descriptor_(descriptor) {}

  core::Result<void> published(const std::string& path, SyncPolicy policy);

  std::string temporary_;  // empty once published
  int descriptor_ = -1;
};

// A small file that is replaced as a whole, such as a playlist. Not synced: it can be made again.
core::Result<void> write_text(const std::string& path, std::string_view text);

// Removes the temporary file that a crash left. One that somebody writes stays; with `wait`, until he is done.
core::Result<void> remove_leftover(const std::string& temporary, bool wait);

// "out/.ch1-20260225143000.m4s.part" of "out/ch1-20260225143000.m4s".
[[nodiscard]] std::string temporary_path(std::string_view path);
// The file name that a temporary name stands for, "" where it is none.
[[nodiscard]] std::string_view published_name(std::string_view temporary_name);

// The folder of a path with its last '/', "" for the current folder.
[[nodiscard]] std::string_view folder_of(std::string_view path);

// Makes the folders of a path that are missing below `existing`, which is a prefix of it; with kDirectory each is safe
// in its own folder.
core::Result<void> make_folders(const std::string& path, std::string_view existing, SyncPolicy policy);

// kNotFound, kPermission, kNoSpace ... unless a file can be made in the folder ("" is the current one).
core::Result<void> check_folder(const std::string& folder);

}  // namespace aircheck::fmp4
