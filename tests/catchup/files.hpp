// Segment files as far as a playlist reads them: a styp and our box, behind which the media would come.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include "core/naming.hpp"
#include "core/segment_info.hpp"

namespace aircheck::test {

inline core::Bytes head_of_segment(const core::SegmentInfo& info) {
  core::ByteWriter bytes;
  bytes.u32(24);
  bytes.text("stypmsdh");
  bytes.u32(0);
  bytes.text("msdhmsix");
  bytes.bytes(core::write_segment_info_box(info));
  bytes.u32(8);
  bytes.text("moof");
  return bytes.take();
}

// Writes the file of a segment under its name, and the folders to it.
inline std::string write_segment(const core::NamePattern& pattern, const core::SegmentInfo& info,
                                 std::uint32_t duplicate = 0, const std::string& track = "") {
  const std::string path = pattern.format({info.start, info.epoch, duplicate, track});
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  const core::Bytes bytes = head_of_segment(info);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return path;
}

}  // namespace aircheck::test
