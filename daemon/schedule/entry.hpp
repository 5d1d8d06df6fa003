// A programme of the guide: one row of schedule_entries.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::schedule {

struct Entry {
  std::string id;  // UUID
  std::string channel_id;
  std::string title;
  std::string description;
  core::Utc start;
  core::Utc end;
  bool catchup_eligible = true;
  std::string sub_title = {};
  std::vector<std::string> categories = {};
  std::string episode_num = {};  // as its source writes it: "S02E03", "1.2.0/1"
  std::string icon_url = {};     // http, https, or empty
  std::string source = {};       // generated | manual | xmltv | playout: who wrote it
  std::int64_t version = 1;      // counts changes: the ETag

  friend bool operator==(const Entry&, const Entry&) = default;
};

// A catch-up window lasts no longer, and retention keeps a channel's longest programme.
inline constexpr std::int64_t kLongestEntryNs = 24 * 3600 * core::kNsPerSecond;

// Every rule for one entry by itself; the error names the field.
core::Result<void> validate(const Entry& entry);

// Text of a field as validate() takes it: control characters are spaces, runs of them one, and what is longer than
// `most` bytes ends at the character before.
[[nodiscard]] std::string tidy_text(std::string_view text, std::size_t most);

// The longest texts, in bytes.
inline constexpr std::size_t kTitleBytes = 500;
inline constexpr std::size_t kDescriptionBytes = 8000;
inline constexpr std::size_t kCategoryBytes = 100;
inline constexpr std::size_t kMostCategories = 20;
inline constexpr std::size_t kEpisodeBytes = 100;
inline constexpr std::size_t kIconBytes = 2000;

}  // namespace aircheck::schedule
