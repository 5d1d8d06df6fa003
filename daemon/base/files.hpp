// Small files written whole, and the secrets that stand in them.
#pragma once

#include <string>
#include <string_view>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::base {

// Creates the directory and its parents; an existing one is fine. `mode` for the last part, 0750 for new parents.
core::Result<void> ensure_directory(const std::string& path, unsigned mode);

// As ensure_directory, and it can hold new files: proved by making one. The error names the directory and the remedy.
core::Result<void> prepare_directory(const std::string& path, unsigned mode);

// Temporary name, write, fsync, rename, fsync of the directory: the old file or the new one, never half of one.
core::Result<void> write_file_atomically(const std::string& path, core::ByteView bytes, unsigned mode);

core::Result<core::Bytes> read_file(const std::string& path, std::size_t limit);

// A file of mode 0600 with a secret in it. Reading refuses a file that group or others may read.
core::Result<void> write_secret_file(const std::string& path, core::ByteView bytes);
core::Result<core::Bytes> read_secret_file(const std::string& path);

// The file's bytes; when there is none, `size` new random bytes that are stored first.
core::Result<core::Bytes> load_or_create_secret(const std::string& path, std::size_t size);

// As above, for what people paste: one line of base64url text, of 32 random bytes when it is made.
core::Result<std::string> load_or_create_token(const std::string& path);

// In a time that does not tell where they differ.
[[nodiscard]] bool same_secret(std::string_view given, std::string_view secret);

// From the system's generator (getrandom).
[[nodiscard]] core::Bytes random_bytes(std::size_t size);

// RFC 9562 version 4, lower case.
[[nodiscard]] std::string random_uuid();
// The same from a generator that is seeded once: for names that are no secret, where a call of the system for each
// costs too much. Any thread.
[[nodiscard]] std::string quick_uuid();
[[nodiscard]] bool is_uuid(std::string_view text);

}  // namespace aircheck::base
