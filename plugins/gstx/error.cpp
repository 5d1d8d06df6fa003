#include "gstx/error.hpp"

namespace aircheck::gstx {

namespace {

void post(GstElement* element, GstMessageType type, const core::Error& error, const char* file, int line,
          const char* function) {
  const auto [domain, code] = error_domain(error.code);
  const auto name = core::to_string(error.code);
  // The message takes both strings.
  gst_element_message_full(element, type, domain, code, g_strndup(error.message.data(), error.message.size()),
                           g_strndup(name.data(), name.size()), file, function, line);
}

}  // namespace

ErrorDomain error_domain(core::Code code) {
  using core::Code;
  switch (code) {
    case Code::kInvalidArgument: return {GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS};
    case Code::kParse:
    case Code::kTruncated: return {GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT};
    case Code::kUnsupported: return {GST_STREAM_ERROR, GST_STREAM_ERROR_NOT_IMPLEMENTED};
    case Code::kNotFound: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND};
    case Code::kExists: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_WRITE};
    case Code::kConflict: return {GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION};
    case Code::kPermission: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_AUTHORIZED};
    case Code::kNoSpace: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT};
    case Code::kIo: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED};
    case Code::kTimeout:
    case Code::kUnavailable: return {GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_BUSY};
    case Code::kInternal: break;
  }
  return {GST_CORE_ERROR, GST_CORE_ERROR_FAILED};
}

void post_error(GstElement* element, const core::Error& error, const char* file, int line, const char* function) {
  post(element, GST_MESSAGE_ERROR, error, file, line, function);
}

void post_warning(GstElement* element, const core::Error& warning, const char* file, int line, const char* function) {
  post(element, GST_MESSAGE_WARNING, warning, file, line, function);
}

}  // namespace aircheck::gstx
