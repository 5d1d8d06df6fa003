// Which segments go, oldest first. Never one that a playlist lists, or listed so recently that a player may still ask
// for it; an init segment goes with the last segment that needs it, a dated folder with its last file.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "core/result.hpp"
#include "core/segment_info.hpp"
#include "fmp4/store_settings.hpp"

namespace aircheck::fmp4 {

class Retention {
 public:
  // `directory` is where the pattern's files lie, with its last '/'; it stays.
  Retention(RetentionSettings settings, std::string directory)
      : settings_(settings), directory_(std::move(directory)) {}

  // A file of the newest segment. Init segments are told apart by their paths.
  void add(const std::string& path, const std::string& init_path, std::uint64_t size, const core::SegmentInfo& info);

  // Deletes what is too old or too much, at most kMostAtOnce files, of segments before `keep_from`. Init segments for
  // which `needed` is true stay. Returns how many files went; an error that keeps one from going.
  template <typename Needed>
  core::Result<std::size_t> sweep(std::uint64_t keep_from, const Needed& needed) {
    std::size_t count = 0;
    for (; count < kMostAtOnce && !files_.empty(); ++count) {
      if (files_.front().sequence >= keep_from || !is_surplus()) break;
      const std::string init = *files_.front().init_path;
      AIRCHECK_TRY_VOID(remove_oldest());
      if (inits_.find(init) == inits_.end() && !needed(init)) remove_init(init);
    }
    return count;
  }

  static constexpr std::size_t kMostAtOnce = 64;

 private:
  struct File {
    std::string path;
    const std::string* init_path = nullptr;  // a key of inits_
    std::uint64_t size = 0;
    std::uint64_t sequence = 0;
    core::Utc start;
    core::Utc end;  // not after the start of what was written later, also where the clock was set back
  };

  [[nodiscard]] bool is_surplus() const;
  core::Result<void> remove_oldest();
  static void remove_init(const std::string& path);

  RetentionSettings settings_;
  std::string directory_;
  std::deque<File> files_;                    // in the order in which they were written
  std::map<std::string, std::size_t> inits_;  // how many files need one
  std::uint64_t size_ = 0;
  core::Utc newest_end_;
};

}  // namespace aircheck::fmp4
