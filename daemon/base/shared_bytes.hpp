// Immutable bytes that several answers share, in the form in which they are sent.
#pragma once

#include <glib.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.hpp"

namespace aircheck::base {

using SharedBytes = std::shared_ptr<GBytes>;

[[nodiscard]] SharedBytes copy_of(core::ByteView bytes);
[[nodiscard]] SharedBytes copy_of(std::string_view text);
// Without a copy.
[[nodiscard]] SharedBytes keep(core::Bytes&& bytes);
[[nodiscard]] SharedBytes keep(std::string&& text);
// For a body that many may get: where it is large, it lies in a file of memory (memfd_create(2)), and so do its parts.
// sendfile(2) gives clients the pages themselves, where send(2) makes a copy for each; and no disk is read for that.
[[nodiscard]] SharedBytes keep_for_sending(core::Bytes&& bytes);
// Keeps all of them alive. The range has to be in them.
[[nodiscard]] SharedBytes part_of(const SharedBytes& bytes, std::size_t first, std::size_t size);

// Where bytes lie in a file; open as long as they live.
struct FilePart {
  int fd = -1;
  std::size_t offset = 0;
};
[[nodiscard]] std::optional<FilePart> file_of(const SharedBytes& bytes);

// Valid while the bytes are.
[[nodiscard]] std::string_view text_of(const SharedBytes& bytes);

}  // namespace aircheck::base
