// Ids that are a function of what they name, so that a restart or a lost database gives the same ones.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace aircheck::schedule {

// BLAKE2b-128 of the text.
[[nodiscard]] std::array<std::uint8_t, 16> digest_of(std::string_view text);

// The text's digest as a UUID (RFC 9562 version 8).
[[nodiscard]] std::string stable_uuid(std::string_view text);

}  // namespace aircheck::schedule
