// Immutable bytes that several answers share, in the form in which they are sent.
#pragma once

#include <glib.h>

#include <memory>
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
// Keeps all of them alive. The range has to be in them.
[[nodiscard]] SharedBytes part_of(const SharedBytes& bytes, std::size_t first, std::size_t size);

// Valid while the bytes are.
[[nodiscard]] std::string_view text_of(const SharedBytes& bytes);

}  // namespace aircheck::base
