#include "http/traffic_meter.hpp"

#include <algorithm>
#include <string>

namespace aircheck::http {

namespace {

// What is not in the list could be anything that a client makes up.
template <std::size_t N>
std::string_view one_of(const std::array<std::string_view, N>& known, std::string_view text) {
  const auto found = std::ranges::find(known, text);
  return found != known.end() ? *found : std::string_view("other");
}

std::string_view playlist_kind(const Answered& answer) {
  static constexpr std::array<std::string_view, 4> kKinds = {"live", "startover", "catchup", "recording"};
  if (answer.route.starts_with("/hls/") && answer.route.ends_with(".m3u8")) {
    return answer.kind.empty() ? "live" : one_of(kKinds, answer.kind);
  }
  if (!answer.route.ends_with("/manifest")) return {};
  return answer.route.find("/startover/") != std::string_view::npos ? "startover" : "catchup";
}

std::string_view licence_kind(std::string_view route) {
  if (route == "/api/v1/drm/license") return "clearkey";
  return route.starts_with("/api/v1/drm/key/") ? "key" : std::string_view();
}

}  // namespace

void TrafficMeter::record(const Answered& answer) {
  static constexpr std::array<std::string_view, 7> kMethods = {"GET",   "HEAD",   "POST",   "PUT",
                                                               "PATCH", "DELETE", "OPTIONS"};
  Count& count = answers_[{answer.route, one_of(kMethods, answer.method), answer.status}];
  ++count.answers;
  count.bytes += answer.bytes;
  if (const std::string_view kind = playlist_kind(answer); !kind.empty()) {
    playlists_.try_emplace({kind, answer.status}, kBounds).first->second.observe(answer.seconds);
  }
  if (const std::string_view kind = licence_kind(answer.route); !kind.empty()) {
    licences_.try_emplace({kind, answer.status}, kBounds).first->second.observe(answer.seconds);
  }
}

void TrafficMeter::write(base::MetricsText& text) const {
  const auto each = [&](auto member) {
    for (const auto& [key, count] : answers_) {
      const auto& [route, method, status] = key;
      const std::string code = std::to_string(status);
      text.sample(static_cast<double>(count.*member), {{"route", route}, {"method", method}, {"status", code}});
    }
  };
  text.family("aircheck_http_requests_total", base::MetricType::kCounter,
              "Requests answered, by the template of their route.");
  each(&Count::answers);
  text.family("aircheck_http_response_bytes_total", base::MetricType::kCounter,
              "Bytes of the bodies of answers, compressed as they were sent.");
  each(&Count::bytes);
  const auto latencies = [&](const char* name, const char* help, const Latencies& all) {
    text.family(name, base::MetricType::kHistogram, help);
    for (const auto& [key, histogram] : all) {
      const std::string code = std::to_string(key.second);
      histogram.write(text, {{"kind", key.first}, {"status", code}});
    }
  };
  latencies("aircheck_playlist_seconds", "Time from a request for a playlist to its answer.", playlists_);
  latencies("aircheck_licence_seconds", "Time from a request for a licence or a key to its answer.", licences_);
}

}  // namespace aircheck::http
