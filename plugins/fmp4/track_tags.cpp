#include "fmp4/track_tags.hpp"

#include <gst/tag/tag.h>

#include <string_view>

#include "core/bmff/boxes_movie.hpp"

namespace aircheck::fmp4 {
namespace {

std::uint32_t number(const GstTagList* list, const char* tag) {
  guint value = 0;
  gst_tag_list_get_uint(list, tag, &value);
  return value;
}

// "eng" is "en" in RFC 5646, which takes the shortest code; what follows a hyphen stays.
std::string shortest(const std::string& code) {
  const std::string primary = code.substr(0, code.find('-'));
  const gchar* two = gst_tag_get_language_code_iso_639_1(primary.c_str());
  return (two != nullptr ? two : primary) + code.substr(primary.size());
}

}  // namespace

void TrackTags::merge(const GstTagList* list) {
  gchar* code = nullptr;
  if (gst_tag_list_get_string(list, GST_TAG_LANGUAGE_CODE, &code)) {
    language = std::string_view(code) == "und" ? "" : shortest(code);
    g_free(code);
  }
  std::uint32_t average = number(list, GST_TAG_BITRATE);
  if (average == 0) average = number(list, GST_TAG_NOMINAL_BITRATE);
  const std::uint32_t most = number(list, GST_TAG_MAXIMUM_BITRATE);
  if (average != 0) average_bitrate = average;
  if (most != 0) max_bitrate = most;
}

std::uint16_t mdhd_language(const std::string& language) {
  const std::string primary = language.substr(0, language.find('-'));
  const gchar* code = primary.empty() ? nullptr : gst_tag_get_language_code_iso_639_2T(primary.c_str());
  if (code == nullptr) return core::bmff::Mdhd::kUndetermined;
  std::uint16_t packed = 0;
  for (int i = 0; i < 3; ++i) packed = static_cast<std::uint16_t>(packed << 5U | ((code[i] - 0x60) & 0x1f));
  return packed;
}

}  // namespace aircheck::fmp4
