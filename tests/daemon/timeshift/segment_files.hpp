// Segment files for tests: small, with everything that an archive reads of them.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/bmff_samples.hpp"
#include "core/naming.hpp"
#include "core/segment_info.hpp"
#include "timeshift/segment_row.hpp"

namespace aircheck::timeshift::test {

inline void write_file(const std::string& path, core::ByteView bytes) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

inline core::Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The sample segment with another uuid box. Offsets are relative to the moof, so nothing else changes.
inline core::Bytes segment_bytes(const SegmentRow& row) {
  const core::Bytes sample = core::bmff::samples::media_segment();
  const core::Bytes old_box = core::write_segment_info_box(core::bmff::samples::segment_info());
  const auto box = std::search(sample.begin(), sample.end(), old_box.begin(), old_box.end());
  core::ByteWriter bytes;
  const auto before = static_cast<std::size_t>(box - sample.begin());
  bytes.bytes(core::ByteView(sample).first(before));
  bytes.bytes(core::write_segment_info_box({
      .sequence = row.sequence,
      .discontinuity_sequence = row.discontinuity_sequence,
      .start = row.start,
      .duration_ns = row.duration_ns,
      .epoch = row.epoch,
      .discontinuity = row.discontinuity,
      .key_id = row.key_id,
      .init_name = row.init_location,
      .target_duration_s = 6,
      .max_duration_s = 6,
  }));
  bytes.bytes(core::ByteView(sample).subspan(before + old_box.size()));
  return bytes.take();
}

// Gives the row its real name and size, and writes its file and its init segment into the channel's folder.
inline SegmentRow write_segment(const std::string& folder, const std::string& key, SegmentRow row) {
  const auto pattern = core::NamePattern::parse(key + "-%Y%m%d%H%M%S.m4s");
  row.location = pattern->format({.utc = row.start, .epoch = row.epoch});
  const core::Bytes bytes = segment_bytes(row);
  row.size = bytes.size();
  write_file(folder + "/" + row.location, bytes);
  // Once: somebody may be reading it.
  const std::string init = folder + "/" + row.init_location;
  if (!std::filesystem::exists(init)) write_file(init, core::bmff::samples::init_segment());
  return row;
}

}  // namespace aircheck::timeshift::test
