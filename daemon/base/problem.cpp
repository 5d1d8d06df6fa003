#include "base/problem.hpp"

#include <array>

namespace aircheck::base {

using core::Code;

Json Problem::to_json() const {
  Json body = Json::object({{"type", "about:blank"}, {"title", reason_phrase(status)}, {"status", status}});
  body.set("detail", detail);
  body.set("code", code);
  for (const auto& [name, value] : members) body.set(name, value);
  return body;
}

std::string_view reason_phrase(int status) {
  struct Phrase {
    int status;
    std::string_view text;
  };
  static constexpr std::array kPhrases = {
      Phrase{400, "Bad Request"},
      Phrase{401, "Unauthorized"},
      Phrase{403, "Forbidden"},
      Phrase{404, "Not Found"},
      Phrase{405, "Method Not Allowed"},
      Phrase{408, "Request Timeout"},
      Phrase{409, "Conflict"},
      Phrase{410, "Gone"},
      Phrase{412, "Precondition Failed"},
      Phrase{413, "Content Too Large"},
      Phrase{415, "Unsupported Media Type"},
      Phrase{416, "Range Not Satisfiable"},
      Phrase{422, "Unprocessable Content"},
      Phrase{428, "Precondition Required"},
      Phrase{429, "Too Many Requests"},
      Phrase{500, "Internal Server Error"},
      Phrase{501, "Not Implemented"},
      Phrase{503, "Service Unavailable"},
      Phrase{504, "Gateway Timeout"},
      Phrase{507, "Insufficient Storage"},
  };
  for (const Phrase& phrase : kPhrases) {
    if (phrase.status == status) return phrase.text;
  }
  return "Error";
}

Problem to_problem(const core::Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument: return {400, "invalid_request", error.message, {}, {}};
    case Code::kParse:
    case Code::kTruncated: return {400, "malformed", error.message, {}, {}};
    case Code::kUnsupported: return {415, "unsupported", error.message, {}, {}};
    case Code::kNotFound: return {404, "not_found", error.message, {}, {}};
    case Code::kExists: return {409, "exists", error.message, {}, {}};
    case Code::kConflict: return {409, "conflict", error.message, {}, {}};
    case Code::kPermission: return {403, "forbidden", error.message, {}, {}};
    case Code::kNoSpace: return {507, "no_space", "the station's disk is full: free space or raise the quota", {}, {}};
    case Code::kTimeout: return {504, "timeout", error.message, {}, {}};
    case Code::kUnavailable: return {503, "unavailable", error.message, {}, {{"Retry-After", "2"}}};
    case Code::kIo:
    case Code::kInternal: break;
  }
  return {500, "internal", "the station could not do this; its log has the reason under this request id", {}, {}};
}

Problem bad_request(std::string detail) {
  return {400, "invalid_request", std::move(detail), {}, {}};
}

Problem unauthorized(std::string detail) {
  return {401, "unauthorized", std::move(detail), {}, {{"WWW-Authenticate", "Bearer"}}};
}

Problem forbidden(std::string code, std::string detail) {
  return {403, std::move(code), std::move(detail), {}, {}};
}

Problem not_found(std::string detail) {
  return {404, "not_found", std::move(detail), {}, {}};
}

Problem conflict(std::string code, std::string detail) {
  return {409, std::move(code), std::move(detail), {}, {}};
}

}  // namespace aircheck::base
