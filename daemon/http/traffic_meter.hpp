// What the server answered: counts, bytes and latencies, with labels that no client can multiply.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <tuple>

#include "base/metrics.hpp"

namespace aircheck::http {

// One answer, from the request's last byte to the answer's handing over to the network.
struct Answered {
  std::string_view method;
  std::string_view route;  // the template, which outlives the meter; "page" and "none" for what has none
  std::string_view kind;   // the query parameter of that name; empty: none
  int status = 0;
  std::size_t bytes = 0;
  double seconds = 0;
};

// Main context only.
class TrafficMeter {
 public:
  void record(const Answered& answer);
  // aircheck_http_requests_total, aircheck_http_response_bytes_total, aircheck_playlist_seconds,
  // aircheck_licence_seconds.
  void write(base::MetricsText& text) const;

  static constexpr std::array kBounds = {0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05,
                                         0.1,    0.25,  0.5,   1.0,   2.5,   5.0,  10.0};

 private:
  struct Count {
    std::uint64_t answers = 0;
    std::uint64_t bytes = 0;
  };
  using Latencies = std::map<std::pair<std::string_view, int>, base::Histogram>;

  std::map<std::tuple<std::string_view, std::string_view, int>, Count> answers_;  // route, method, status
  Latencies playlists_;                                                           // kind, status
  Latencies licences_;
};

}  // namespace aircheck::http
