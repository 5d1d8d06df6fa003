#include "gobj/error.hpp"

#include <gio/gio.h>

namespace aircheck::gobj {

namespace {

using core::Code;

Code code_from_io(int code) {
  switch (code) {
    case G_IO_ERROR_INVALID_ARGUMENT:
    case G_IO_ERROR_INVALID_FILENAME: return Code::kInvalidArgument;
    case G_IO_ERROR_INVALID_DATA: return Code::kParse;
    case G_IO_ERROR_PARTIAL_INPUT: return Code::kTruncated;
    case G_IO_ERROR_NOT_SUPPORTED: return Code::kUnsupported;
    case G_IO_ERROR_NOT_FOUND: return Code::kNotFound;
    case G_IO_ERROR_EXISTS: return Code::kExists;
    case G_IO_ERROR_ADDRESS_IN_USE:
    case G_IO_ERROR_BUSY: return Code::kConflict;
    case G_IO_ERROR_PERMISSION_DENIED:
    case G_IO_ERROR_READ_ONLY: return Code::kPermission;
    case G_IO_ERROR_NO_SPACE: return Code::kNoSpace;
    case G_IO_ERROR_TIMED_OUT: return Code::kTimeout;
    case G_IO_ERROR_CANCELLED:
    case G_IO_ERROR_CLOSED:
    case G_IO_ERROR_NOT_CONNECTED:
    case G_IO_ERROR_BROKEN_PIPE:
    case G_IO_ERROR_CONNECTION_REFUSED: return Code::kUnavailable;
    default: return Code::kIo;
  }
}

Code code_of(const GError& error) {
  if (error.domain == G_IO_ERROR) return code_from_io(error.code);
  if (error.domain == G_FILE_ERROR) {
    // G_FILE_ERROR mirrors errno; GIO's own table from errno is one step further.
    switch (error.code) {
      case G_FILE_ERROR_NOENT: return Code::kNotFound;
      case G_FILE_ERROR_EXIST: return Code::kExists;
      case G_FILE_ERROR_ACCES:
      case G_FILE_ERROR_PERM:
      case G_FILE_ERROR_ROFS: return Code::kPermission;
      case G_FILE_ERROR_NOSPC: return Code::kNoSpace;
      default: return Code::kIo;
    }
  }
  if (error.domain == G_KEY_FILE_ERROR || error.domain == G_OPTION_ERROR || error.domain == G_VARIANT_PARSE_ERROR ||
      error.domain == G_URI_ERROR || error.domain == G_NUMBER_PARSER_ERROR) {
    return Code::kParse;
  }
  return Code::kInternal;
}

}  // namespace

core::Error to_error(const GError& error) {
  return {code_of(error), error.message};
}

core::Error ErrorSlot::error() const {
  if (error_ == nullptr) return {Code::kInternal, "a GLib call failed and did not say why"};
  return to_error(*error_);
}

}  // namespace aircheck::gobj
