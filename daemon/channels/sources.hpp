// Which film a channel loops: names from the API resolve beneath HLS_SOURCES_DIR and nowhere else.
#pragma once

#include <string>

#include "channels/channel.hpp"
#include "core/result.hpp"

namespace aircheck::channels {

struct SourceOptions {
  std::string directory;    // HLS_SOURCES_DIR
  std::string demo_source;  // --demo-source: what the first demo channel loops, wherever it is; empty: none
};

inline constexpr const char* kFirstDemoKey = "ch1";

// The absolute path of the film, or empty for a made-up one. The variable `source` names a file below the directory; a
// channel without one takes KEY.mp4 there, or a made-up film when that does not exist. kNotFound, kPermission and
// kInvalidArgument name the file and the remedy.
core::Result<std::string> resolve_source(const SourceOptions& options, const Channel& channel);

}  // namespace aircheck::channels
