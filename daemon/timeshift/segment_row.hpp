// One row of a channel's media sequence: a segment file, or a GAP where there is none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/bytes.hpp"
#include "core/time.hpp"

namespace aircheck::timeshift {

struct SegmentRow {
  std::uint64_t sequence = 0;
  // Number of EXT-X-DISCONTINUITY tags up to and including this row.
  std::uint64_t discontinuity_sequence = 0;
  core::Utc start;
  std::int64_t duration_ns = 0;
  std::uint64_t size = 0;  // bytes; 0 for a GAP
  std::uint32_t epoch = 0;
  bool discontinuity = false;
  bool gap = false;
  std::optional<core::KeyId> key_id;  // nothing: the file is not encrypted
  std::string location;               // below the channel's folder
  std::string init_location;          // below the channel's folder

  [[nodiscard]] core::Utc end() const { return start + duration_ns; }

  friend bool operator==(const SegmentRow&, const SegmentRow&) = default;
};

}  // namespace aircheck::timeshift
