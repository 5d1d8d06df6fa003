#include "http/if_match.hpp"

namespace aircheck::http {

std::string version_etag(std::int64_t version) {
  return "\"" + std::to_string(version) + "\"";
}

bool if_match(const Request& request, std::string_view etag, std::string_view what, Responder& responder) {
  const std::string* given = request.header("if-match");
  const std::string name(what);
  if (given == nullptr) {
    responder.problem({428, "if_match_required", "send the ETag of the " + name + " as If-Match", {}, {}});
    return false;
  }
  // RFC 9110 section 13.1.1.
  if (lists_etag(*given, etag, EtagComparison::kStrong)) return true;
  responder.problem({412, "changed_meanwhile", "the " + name + " was changed meanwhile: get it again", {}, {}});
  return false;
}

}  // namespace aircheck::http
