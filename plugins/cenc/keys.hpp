// The content keys that a decryptor has been given, by key id.
#pragma once

#include <gst/gst.h>

#include <map>
#include <optional>
#include <string_view>

#include "core/result.hpp"
#include "core/secret.hpp"

namespace aircheck::cenc {

using Keys = std::map<core::KeyId, core::ContentKey>;

// "KID:KEY,KID:KEY", each 32 hexadecimal digits; blanks around the pairs do not matter, and empty text is no keys.
// kInvalidArgument names the pair by its number, from 1, and repeats no key.
core::Result<Keys> keys_from_text(std::string_view text);

// GstContext of this type: its structure has a field `keys`, a GVariant of type a{ss}, from KID to key, both as 32
// hexadecimal digits. A GVariant, because GStreamer logs the structures of contexts, and of this type no contents.
inline constexpr const char* kKeysContext = "aircheck.cenc-keys";
core::Result<Keys> keys_from_context(GstContext* context);

}  // namespace aircheck::cenc
