// GError as core::Error.
#pragma once

#include <glib.h>

#include "core/result.hpp"

namespace aircheck::gobj {

// The place for a GError that a call may set:
//   ErrorSlot error;
//   if (!g_file_set_contents(path, text, -1, error.out())) return error.fail();
class ErrorSlot {
 public:
  ErrorSlot() = default;
  ErrorSlot(const ErrorSlot&) = delete;
  ErrorSlot& operator=(const ErrorSlot&) = delete;
  ~ErrorSlot() { g_clear_error(&error_); }

  // Empties the slot first, so that one slot serves several calls.
  [[nodiscard]] GError** out() {
    g_clear_error(&error_);
    return &error_;
  }
  [[nodiscard]] bool is_set() const { return error_ != nullptr; }
  [[nodiscard]] bool matches(GQuark domain, int code) const { return g_error_matches(error_, domain, code) != FALSE; }

  // kInternal when the call failed without setting an error.
  [[nodiscard]] core::Error error() const;
  [[nodiscard]] core::Unexpected<core::Error> fail() const { return core::Unexpected(error()); }

 private:
  GError* error_ = nullptr;
};

// The Code for a GError: G_IO_ERROR, G_FILE_ERROR and the parsers of GLib have theirs, others are kInternal.
[[nodiscard]] core::Error to_error(const GError& error);

}  // namespace aircheck::gobj
