// The multivariant playlist of the renditions that the sinks of this process write.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace aircheck::fmp4 {

// One media playlist: what the muxer knows of its files, and what was measured.
struct Rendition {
  std::string playlist_path;
  std::string track;  // "" where the files hold all tracks
  std::string title;  // what people call it; empty: as the track
  bool video = false;
  std::vector<std::string> codecs;  // RFC 6381
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t frame_rate_num = 0;  // 0: variable
  std::uint32_t frame_rate_den = 1;
  std::uint32_t channels = 0;
  std::string language;              // RFC 5646
  std::uint64_t peak_bandwidth = 0;  // bits per second
  std::uint64_t average_bandwidth = 0;
  bool independent = false;

  friend bool operator==(const Rendition&, const Rendition&) = default;
};

// The text of a multivariant playlist at `path`. Files of audio alone are renditions of a group for each codec beside
// the files of video; without any video each is a variant. Files that hold both are variants of their own.
[[nodiscard]] std::string multivariant_text(const std::vector<Rendition>& renditions, const std::string& path);

// Shared by the sinks of the process that name the same file.
class Multivariant {
 public:
  static std::shared_ptr<Multivariant> share(const std::string& path);

  // Takes the place of renditions of the same playlist_path; writes the file when its text is another, or it is
  // gone.
  core::Result<void> update(const std::vector<Rendition>& renditions);

  // The sink of these renditions goes, and nobody goes on with their playlists. They leave the file when another sink
  // next has something to say: where all stop at once it stays as it is.
  void leave(const std::vector<Rendition>& renditions);

  explicit Multivariant(std::string path) : path_(std::move(path)) {}

 private:
  const std::string path_;
  std::mutex mutex_;  // held while the file is written, so that the newest text stays
  std::vector<Rendition> renditions_;
  std::vector<std::string> gone_;  // playlist paths
  std::string written_;
};

// Bits per second of the segments of one rendition, the peak as RFC 8216 section 4.3.4.2 has it: of segments next to
// each other that last half a target duration at least.
class Bandwidth {
 public:
  void add(std::uint64_t bytes, std::int64_t duration_ns, std::int64_t target_ns);

  // Rounded up to two digits, so that a playlist that says them comes to rest.
  [[nodiscard]] std::uint64_t peak() const;
  [[nodiscard]] std::uint64_t average() const;

 private:
  std::uint64_t peak_ = 0;
  std::uint64_t bytes_ = 0;
  std::int64_t duration_ns_ = 0;
  std::uint64_t last_bytes_ = 0;  // of the last segment, together with those before it that are too short
  std::int64_t last_duration_ns_ = 0;
};

}  // namespace aircheck::fmp4
