// The content key from a file, so that it stands neither in a command line nor in a shell's history.
#pragma once

#include <string>

#include "core/result.hpp"
#include "core/secret.hpp"

namespace aircheck::cenc {

struct KeyFile {
  core::ContentKey key;
  bool open_to_others = false;  // somebody else than the owner may read it
};

// The file holds 16 raw bytes, or 32 hexadecimal digits and perhaps a line end. kInvalidArgument for other contents,
// otherwise what the system says. No message repeats the contents.
core::Result<KeyFile> read_key_file(const std::string& path);

}  // namespace aircheck::cenc
