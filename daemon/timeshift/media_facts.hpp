// What playlists say about the media behind an init segment, read from the files themselves.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/bmff/init.hpp"
#include "core/bytes.hpp"
#include "core/cenc.hpp"
#include "core/result.hpp"

namespace aircheck::timeshift {

struct MediaFacts {
  core::bmff::InitInfo init;
  std::vector<std::string> codecs;  // RFC 6381, one for each format
  std::uint32_t width = 0;          // of the largest video track; 0: none
  std::uint32_t height = 0;
  std::uint32_t frame_rate_num = 0;  // 0: no video, or a rate that varies
  std::uint32_t frame_rate_den = 1;
  core::CencScheme scheme = core::CencScheme::kCenc;  // where it is encrypted
  core::Bytes clear_init;                             // without sinf and pssh
  std::string clear_location;                         // named by content: crypto periods share it
};

// `init` is a whole init segment, `segment` one of its media segments, whole.
core::Result<MediaFacts> read_media_facts(core::ByteView init, core::ByteView segment);

// By init location.
using MediaFactsMap = std::map<std::string, std::shared_ptr<const MediaFacts>, std::less<>>;

}  // namespace aircheck::timeshift
