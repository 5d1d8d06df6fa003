#include "core/result.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace aircheck::core {

std::string_view to_string(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return "invalid-argument";
    case Code::kParse: return "parse";
    case Code::kTruncated: return "truncated";
    case Code::kUnsupported: return "unsupported";
    case Code::kNotFound: return "not-found";
    case Code::kExists: return "exists";
    case Code::kConflict: return "conflict";
    case Code::kPermission: return "permission";
    case Code::kNoSpace: return "no-space";
    case Code::kIo: return "io";
    case Code::kTimeout: return "timeout";
    case Code::kUnavailable: return "unavailable";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

Code code_from_errno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR: return Code::kNotFound;
    case EEXIST: return Code::kExists;
    case EACCES:
    case EPERM:
    case EROFS: return Code::kPermission;
    case ENOSPC:
    case EDQUOT: return Code::kNoSpace;
    case EINVAL:
    case ENAMETOOLONG: return Code::kInvalidArgument;
    case EAGAIN: return Code::kUnavailable;
    case ETIMEDOUT: return Code::kTimeout;
    default: return Code::kIo;
  }
}

Error Error::with_context(std::string_view context) const {
  std::string text(context);
  text += ": ";
  text += message;
  return Error{code, std::move(text)};
}

Unexpected<Error> fail(Code code, std::string message) {
  return Unexpected<Error>(Error{code, std::move(message)});
}

Unexpected<Error> fail_errno(int error_number, std::string_view message) {
  char buffer[256] = "";
  std::string text(message);
  text += ": ";
  text += strerror_r(error_number, buffer, sizeof buffer);  // the GNU variant: returns the text
  const Code code = code_from_errno(error_number);
  if (code == Code::kNoSpace) text += "; free space on that disk";
  return fail(code, std::move(text));
}

namespace detail {
void bad_access(const Error* error) {
  std::fprintf(stderr, "aircheck: bug: Result read on the wrong side%s%s\n", error ? ": " : "",
               error ? error->message.c_str() : "");
  std::abort();
}
}  // namespace detail

}  // namespace aircheck::core
