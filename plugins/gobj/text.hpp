// Text that GLib allocated.
#pragma once

#include <glib.h>

#include <memory>
#include <string>

namespace aircheck::gobj {

struct FreeText {
  void operator()(char* text) const { g_free(text); }
};
using Text = std::unique_ptr<char, FreeText>;

// Copies "transfer full" text and frees it; null gives "".
[[nodiscard]] inline std::string take_text(char* text) {
  const Text owned(text);
  return text != nullptr ? std::string(text) : std::string();
}

}  // namespace aircheck::gobj
