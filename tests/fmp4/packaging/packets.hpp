// What a media file holds, told by ffmpeg: packets and decoded frames as lists of "size hash".
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "support/process.hpp"

namespace aircheck::test {

inline constexpr const char* kKeyId = "11223344556677889900aabbccddeeff";
inline constexpr const char* kKey = "00112233445566778899aabbccddeeff";

using Hashes = std::vector<std::string>;

// The columns "size, hash" of ffmpeg's framemd5, which side data may follow. `input` is what stands before -map, from
// -i on.
inline Hashes frame_md5(const std::string& input, const std::string& options) {
  const Finished finished = run("ffmpeg -nostdin -v error " + input + " " + options + " -f framemd5 - 2>&1");
  EXPECT_EQ(finished.exit, 0) << input << "\n" << finished.output.substr(0, 2000);
  Hashes hashes;
  std::istringstream lines(finished.output);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::vector<std::string> columns;
    std::istringstream fields(line);
    for (std::string column; std::getline(fields, column, ',');) columns.push_back(column);
    EXPECT_GE(columns.size(), 6U) << "not a line of framemd5: " << line;
    if (columns.size() >= 6) hashes.push_back(columns[4] + "," + columns[5]);
  }
  return hashes;
}

// The packets of one stream ("v:0", "a:0") as they are.
inline Hashes packets(const std::string& input, const std::string& stream) {
  return frame_md5(input, "-map 0:" + stream + " -c copy");
}

// Its decoded frames: every one, an encoder's priming too, which an edit list may hide.
inline Hashes frames(const std::string& input, const std::string& stream) {
  return frame_md5("-flags2 +skip_manual " + input, "-map 0:" + stream + " -fps_mode passthrough");
}

// Says where two lists part, not all of both.
inline void expect_same(const Hashes& ours, const Hashes& theirs, const std::string& what) {
  EXPECT_GT(theirs.size(), 100U) << what;
  EXPECT_EQ(ours.size(), theirs.size()) << what;
  for (std::size_t i = 0; i < ours.size() && i < theirs.size(); ++i) {
    if (ours[i] != theirs[i]) {
      ADD_FAILURE() << what << ": number " << i << " is " << ours[i] << ", not " << theirs[i];
      return;
    }
  }
}

// All segments of a folder behind their init segment, decrypted by ffmpeg. Through a pipe: ffmpeg 5.1 confuses the
// fragments of a file that it can seek in.
inline std::string decrypted(const std::string& folder) {
  return "-decryption_key " + std::string(kKey) + " -i <(cat " + folder + "/ch1-init-*.mp4 " + folder + "/ch1-2*.m4s)";
}

}  // namespace aircheck::test
