#include "cenc/keys.hpp"

#include <string>

#include "gobj/ref.hpp"

namespace aircheck::cenc {

namespace {

using core::Code;
using core::Result;

std::string_view trimmed(std::string_view text) {
  constexpr const char* kBlanks = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// The error of key_id_from_hex() may repeat its text, which could be a key that stands in the wrong place.
Result<void> add_pair(std::string_view key_id, std::string_view key, Keys& keys) {
  const auto id = core::key_id_from_hex(key_id);
  if (!id) return core::fail(Code::kInvalidArgument, "a key id is 32 hexadecimal digits");
  AIRCHECK_TRY(const auto content_key, core::ContentKey::from_hex(key));
  keys.insert_or_assign(*id, content_key);
  return {};
}

Result<void> add_text_pair(std::string_view pair, Keys& keys) {
  const auto colon = pair.find(':');
  if (colon == std::string_view::npos) return core::fail(Code::kInvalidArgument, "no colon between key id and key");
  return add_pair(pair.substr(0, colon), pair.substr(colon + 1), keys);
}

}  // namespace

Result<Keys> keys_from_text(std::string_view text) {
  Keys keys;
  if (trimmed(text).empty()) return keys;
  for (std::size_t number = 1;; ++number) {
    const auto comma = text.find(',');
    AIRCHECK_TRY_VOID(
        add_text_pair(trimmed(text.substr(0, comma)), keys).with_context("pair " + std::to_string(number)));
    if (comma == std::string_view::npos) return keys;
    text.remove_prefix(comma + 1);
  }
}

Result<Keys> keys_from_context(GstContext* context) {
  const GValue* const value = gst_structure_get_value(gst_context_get_structure(context), "keys");
  GVariant* const variant = value != nullptr && G_VALUE_HOLDS_VARIANT(value) ? g_value_get_variant(value) : nullptr;
  if (variant == nullptr || !g_variant_is_of_type(variant, G_VARIANT_TYPE("a{ss}"))) {
    return core::fail(Code::kInvalidArgument, std::string("the context ") + kKeysContext +
                                                  " has no field keys that is a GVariant of type a{ss}");
  }
  Keys keys;
  GVariantIter iterator;
  g_variant_iter_init(&iterator, variant);
  const gchar* key_id = nullptr;
  const gchar* key = nullptr;
  while (g_variant_iter_next(&iterator, "{&s&s}", &key_id, &key)) {
    AIRCHECK_TRY_VOID(add_pair(key_id, key, keys).with_context(kKeysContext));
  }
  return keys;
}

}  // namespace aircheck::cenc
