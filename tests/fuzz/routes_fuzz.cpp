// Every route of the daemon with paths, queries, headers and bodies that a fuzzer makes up, asked by nobody, a viewer
// and an administrator, in front of a station with an archive. What comes back is an answer, in its form, and no fault
// of ours.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "base/utf8.hpp"
#include "daemon/http/whole_station.hpp"
#include "http/request_head.hpp"

namespace aircheck {

namespace {

constexpr int kRunsOfAStation = 5000;  // what they stored goes with it
constexpr std::int64_t kLongestAnswerMs = 10'000;

// An input: five bytes that choose, then lines: a part of the path, the query, If-Match, If-None-Match; then the body.
struct Input {
  std::uint8_t route, value, caller, kind, flags;
  std::string_view part, query, if_match, if_none_match, body;
};

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

Input read_input(const std::uint8_t* data, std::string_view text) {
  Input input{data[0], data[1], data[2], data[3], data[4], {}, {}, {}, {}, {}};
  input.part = next_line(text);
  input.query = next_line(text);
  input.if_match = next_line(text);
  input.if_none_match = next_line(text);
  input.body = text;
  return input;
}

struct Answer {
  int status = 0;
  std::string type;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  bool gzip = false;
};

class Captured final : public http::Exchange {
 public:
  explicit Captured(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  void set_header(const std::string& name, const std::string& value) override {
    answer_->headers.emplace_back(name, value);
  }
  void send(int status, const std::string& content_type, const std::vector<http::SharedBytes>& body) override {
    answer_->status = status;
    answer_->type = content_type;
    for (const http::SharedBytes& piece : body) {
      gsize size = 0;
      const void* bytes = g_bytes_get_data(piece.get(), &size);
      if (size > 0) answer_->body.append(static_cast<const char*>(bytes), size);
    }
  }
  [[nodiscard]] bool accepts_gzip() const override { return answer_->gzip; }
  [[nodiscard]] std::string request_id() const override { return "fuzzed"; }

 private:
  std::shared_ptr<Answer> answer_;
};

void must(bool holds, const Answer& answer, const char* what) {
  if (holds) return;
  g_printerr("%s: %d %s\n%.*s\n", what, answer.status, answer.type.c_str(), 2000, answer.body.c_str());
  std::abort();
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

class FuzzedStation final : public test::WholeStation {
 public:
  FuzzedStation() : viewer_token_(bearer(viewer_)), admin_token_(bearer(admin_)) {
    for (const http::Router::Route& route : router_.routes()) {
      // Workers, foreign hosts, and hashes of passwords, which take their time.
      const bool acts = route.path.find("/simlive/{") != std::string::npos || route.path.ends_with("/import") ||
                        route.path.ends_with("/auth/login");
      if (!acts) asked_.push_back(&route);
    }
  }
  void TestBody() override {}

  void ask(const Input& input) {
    limits_ = access::RequestLimits();
    const http::Router::Route& chosen = *asked_[input.route % asked_.size()];
    // A file is one of ch1's.
    const std::string pattern = chosen.path.ends_with("/{path...}") ? "/hls/ch1/{path...}" : chosen.path;
    const std::string text = fill(pattern, value(input)) + "?" + std::string(input.query);
    const auto target = http::parse_target(text);
    if (!target) return;
    const http::Router::Match match = router_.match(chosen.method, target->path);
    if (match.route == nullptr) return;
    http::Request routed = request(input, chosen, *target);
    routed.params = match.params;
    auto answer = std::make_shared<Answer>();
    answer->gzip = (input.flags & 1) != 0;
    match.route->handler(routed, http::Responder(std::make_shared<Captured>(answer)));
    must(run_until([&] { return answer->status != 0; }, kLongestAnswerMs), *answer, "no answer");
    // Who knows a path of this machine may be told it: libFuzzer reads what texts are compared with.
    const bool knows = (text + routed.body).find(directory_.path()) != std::string::npos;
    must(knows || answer->body.find(directory_.path()) == std::string::npos, *answer, "a path of this machine");
    check(*answer);
  }

 private:
  // What means something to some route.
  [[nodiscard]] std::string value(const Input& input) const {
    switch (input.value % 8) {
      case 1: return one_.key;
      case 2: return two_.id;
      case 3: return programme(-2).id;
      case 4: return rows_.back().location;
      case 5: return "aes/" + rows_.back().location;
      case 6: return rows_.back().init_location;
      case 7: return core::to_hex(*rows_.back().key_id);
      default: return std::string(input.part);
    }
  }

  http::Request request(const Input& input, const http::Router::Route& route, const http::Target& target) {
    http::Request made{.id = "fuzzed", .method = route.method, .body = std::string(input.body)};
    made.path = target.path;
    made.query = http::parse_query(target.query);
    made.client_address = "192.0.2.1";
    made.base_url = "http://tv.example.org";
    made.headers = {{"content-type", "application/json"},
                    {"if-match", std::string(input.if_match)},
                    {"if-none-match", std::string(input.if_none_match)}};
    if (input.caller % 4 == 1) made.headers.emplace_back("authorization", "Bearer " + viewer_token_);
    if (input.caller % 4 == 2) made.headers.emplace_back("authorization", "Bearer " + admin_token_);
    if (input.caller % 4 == 3) {
      constexpr std::array kKinds{access::Kind::kLive, access::Kind::kStartover, access::Kind::kCatchup};
      made.query.emplace_back("token", playback_token(kKinds[input.kind % kKinds.size()]));
    }
    return made;
  }

  static void check(const Answer& answer) {
    const auto header = [&](std::string_view name) {
      return std::ranges::any_of(answer.headers, [name](const auto& given) { return given.first == name; });
    };
    must((answer.status >= 200 && answer.status < 500) || (answer.status == 503 && header("Retry-After")), answer,
         "a fault of ours");
    for (const auto& [name, text] : answer.headers) {
      must(std::ranges::none_of(text, is_control), answer, "a header with control characters");
    }
    if (header("Content-Encoding")) return;
    if (answer.type == "application/json" || answer.type == "application/problem+json") {
      const auto json = base::Json::parse(answer.body);
      must(json.has_value(), answer, "no JSON");
      const bool problem = json->find("code") != nullptr && json->find("status") != nullptr;
      must(answer.status < 400 || problem, answer, "no problem");
    } else if (answer.type == "application/vnd.apple.mpegurl" || answer.type == "audio/x-mpegurl") {
      must(base::is_utf8(answer.body) && answer.body.starts_with("#EXTM3U"), answer, "no playlist");
      must(std::ranges::none_of(answer.body, [](char c) { return is_control(c) && c != '\n'; }), answer,
           "a playlist with control characters");
    }
    must(answer.status < 400 || answer.type == "application/problem+json", answer, "a refusal without a problem");
  }

  std::string viewer_token_;
  std::string admin_token_;
  std::vector<const http::Router::Route*> asked_;
};

}  // namespace

}  // namespace aircheck

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static std::unique_ptr<aircheck::FuzzedStation> station;
  static int runs = 0;
  constexpr std::size_t kChoices = 5;
  if (size < kChoices) return 0;
  if (runs == 0)
    g_log_set_writer_func([](GLogLevelFlags, const GLogField*, gsize, gpointer) { return G_LOG_WRITER_HANDLED; },
                          nullptr, nullptr);
  if (runs++ % aircheck::kRunsOfAStation == 0) {
    station.reset();
    station = std::make_unique<aircheck::FuzzedStation>();
  }
  station->ask(
      aircheck::read_input(data, std::string_view(reinterpret_cast<const char*>(data) + kChoices, size - kChoices)));
  return 0;
}
