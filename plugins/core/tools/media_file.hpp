// A whole ISO BMFF file as aircheck-inspect shows it: read without loading the media data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/bmff/fragment.hpp"
#include "core/bmff/init.hpp"
#include "core/segment_info.hpp"

namespace aircheck::inspect {

struct Box {
  std::string type;
  std::uint64_t offset = 0;  // from the start of the file
  std::uint64_t size = 0;    // header included
  std::vector<Box> children;
};

struct Fragment {
  core::bmff::FragmentInfo info;
  std::optional<core::bmff::Prft> producer_time;  // that stands before it
};

struct MediaFile {
  std::string path;
  std::uint64_t size = 0;
  std::vector<Box> boxes;
  std::optional<core::bmff::InitInfo> init;  // of this file's own moov
  std::optional<core::SegmentInfo> segment;
  std::vector<core::bmff::Sidx> indexes;
  std::vector<Fragment> fragments;
  // Of this file's moov or, for a segment of Aircheck's, of the init file that it names, where that stands beside it.
  std::optional<core::bmff::InitInfo> context;
};

// Fails on a file that cannot be read, on one that is not made of boxes, and on a box that Aircheck reads but that is
// damaged.
core::Result<MediaFile> read_media_file(const std::string& path);

}  // namespace aircheck::inspect
