// What tags say of a track that belongs into its init segment.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <string>

namespace aircheck::fmp4 {

struct TrackTags {
  std::string language;               // RFC 5646; empty: not known
  std::uint32_t average_bitrate = 0;  // bits a second; 0: not known
  std::uint32_t max_bitrate = 0;
  friend bool operator==(const TrackTags&, const TrackTags&) = default;

  // Takes over what the list has.
  void merge(const GstTagList* list);
};

// ISO 639-2/T as mdhd has it: three letters of five bits; "und" where the language has no such code.
[[nodiscard]] std::uint16_t mdhd_language(const std::string& language);

}  // namespace aircheck::fmp4
