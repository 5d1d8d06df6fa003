// Files that layers show, read by a thread of their own and read again when they change.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/result.hpp"
#include "drawtext/picture.hpp"

namespace aircheck::drawtext {

enum class FileKind { kText, kImage };

inline constexpr std::size_t kLongestText = 64 * 1024;  // bytes
inline constexpr int kLargestImage = 4096;              // pixels in both directions

// As it was read; never changed.
struct FileContent {
  std::string text;                      // of kText, without the newline at its end
  std::shared_ptr<const Picture> image;  // of kImage
  core::Error error;                     // with a message when it could not be read
};

// Reads it here and now. Never fails: the error is inside.
[[nodiscard]] std::shared_ptr<const FileContent> read_file(const std::string& path, FileKind kind);

class Files {
 public:
  using Content = std::shared_ptr<const FileContent>;

  Files() = default;
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files();

  // What the file holds, as far as it is known: null until the thread has read it. Never waits for a disk. Asking is
  // what keeps a file watched.
  Content get(const std::string& path, FileKind kind);

  // The same, but reads it now when nothing is known: before the first picture.
  Content get_now(const std::string& path, FileKind kind);

  // Ends the thread and forgets everything.
  void stop();

 private:
  struct Key {
    std::string path;
    FileKind kind;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  // Tells one version of a file from another.
  struct Version {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t changed_ns = 0;
    friend bool operator==(const Version&, const Version&) = default;
  };
  struct Entry {
    Content content;
    Version version;
    int idle = 0;  // rounds since somebody asked
  };

  static Version version_of(const std::string& path);
  void run();
  void look_at(const Key& key);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  bool hurry_ = false;  // something is asked for that was never read
  std::map<Key, Entry> entries_;
  std::thread thread_;  // touched by the callers, which take turns
};

}  // namespace aircheck::drawtext
