// What is asked of a store of segments, and the names that come of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/naming.hpp"
#include "fmp4/pending_file.hpp"

namespace aircheck::fmp4 {

enum class PlaylistKind {
  kAuto,   // kEvent where playlist_length is 0, else kLive
  kLive,   // the newest rows
  kEvent,  // all rows, from the beginning on
  kVod,    // all rows, written when the stream is over
};

struct RetentionSettings {
  std::uint32_t max_age_s = 0;       // of media, behind the newest; 0: no limit
  std::uint64_t max_size = 0;        // bytes of segments; 0: no limit
  std::uint64_t min_free_space = 0;  // bytes of the file system; 0: no matter

  [[nodiscard]] bool active() const { return max_age_s != 0 || max_size != 0 || min_free_space != 0; }
};

struct StoreSettings {
  std::string location;               // a core::NamePattern
  std::string init_location;          // with %{hash}; "": init-%{hash}.mp4 behind the prefix of `location`
  std::string playlist_location;      // "": no playlist; with %{track} where `location` has it
  std::uint32_t playlist_length = 0;  // rows; 0: all
  PlaylistKind playlist_kind = PlaylistKind::kAuto;
  std::string multivariant_location;  // "": none
  std::string key_uri;                // with %{kid}; "": no line of the identity format
  SyncPolicy sync = SyncPolicy::kFile;
  RetentionSettings retention;
};

// What a store and its tracks share.
struct StoreNames {
  StoreSettings settings;
  core::NamePattern pattern;
};

// Replaces every `mark`, for example %{kid}.
[[nodiscard]] std::string expand(std::string text, std::string_view mark, std::string_view value);

// `path` as seen from the folder of `from`.
[[nodiscard]] std::string relative_path(const std::string& path, const std::string& from);

}  // namespace aircheck::fmp4
