#include "http/router.hpp"

#include <algorithm>
#include <optional>

namespace aircheck::http {

namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

bool is_param(const std::string& segment) {
  return segment.starts_with('{');
}
bool is_rest(const std::string& segment) {
  return segment.ends_with("...}");
}

// "l" sorts before "m" before "p" before "r".
std::string rank_of(const std::vector<std::string>& segments) {
  std::string text;
  for (const std::string& segment : segments) text.push_back(is_rest(segment) ? 'r' : is_param(segment) ? 'p' : 'l');
  // A suffix makes a parameter more literal: "{rendition}.m3u8" before "{name}".
  if (!segments.empty() && is_param(segments.back()) && !segments.back().ends_with('}')) text.back() = 'm';
  return text;
}

using Params = std::map<std::string, std::string>;

std::optional<Params> match_segments(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  Params params;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string& segment = pattern[i];
    if (i >= path.size()) return std::nullopt;
    if (is_rest(segment)) {
      std::string rest;
      for (std::size_t j = i; j < path.size(); ++j) rest += (j > i ? "/" : "") + path[j];
      params[segment.substr(1, segment.size() - 5)] = rest;
      return params;
    }
    if (!is_param(segment)) {
      if (segment != path[i]) return std::nullopt;
      continue;
    }
    if (path[i].empty()) return std::nullopt;
    // "{rendition}.m3u8": a suffix after the brace belongs to the literal.
    const std::size_t brace = segment.find('}');
    const std::string_view suffix = std::string_view(segment).substr(brace + 1);
    if (path[i].size() <= suffix.size() && !suffix.empty()) return std::nullopt;
    if (!std::string_view(path[i]).ends_with(suffix)) return std::nullopt;
    params[segment.substr(1, brace - 1)] = path[i].substr(0, path[i].size() - suffix.size());
  }
  if (pattern.size() != path.size()) return std::nullopt;
  return params;
}

}  // namespace

template <typename Function>
void Router::each_candidate(const std::vector<std::string>& segments, const Function& function) const {
  const auto all_of = [&](const std::string& first) {
    const auto found = by_first_.find(first);
    if (found == by_first_.end()) return;
    for (const std::size_t place : found->second) function(routes_[place]);
  };
  if (!segments.empty() && !segments.front().empty()) all_of(segments.front());
  all_of("");
}

void Router::add(const std::string& method, const std::string& path, Handler handler) {
  std::vector<std::string> segments = split_path(path);
  std::string rank = rank_of(segments);
  const bool literal = !segments.empty() && !is_param(segments.front());
  by_first_[literal ? segments.front() : ""].push_back(routes_.size());
  routes_.push_back({method, path, std::move(handler), std::move(segments), std::move(rank)});
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  std::vector<std::string> segments = split_path(path);
  for (std::string& segment : segments) {
    auto decoded = percent_decode(segment);
    if (!decoded || decoded->find('/') != std::string::npos) return {};
    segment = std::move(*decoded);
  }
  const std::string_view wanted = method == "HEAD" ? std::string_view("GET") : method;
  Match best;
  each_candidate(segments, [&](const Route& route) {
    if (route.method != wanted || (best.route != nullptr && route.rank >= best.route->rank)) return;
    auto params = match_segments(route.segments, segments);
    if (!params) return;
    best.route = &route;
    best.params = std::move(*params);
  });
  if (best.route == nullptr) best.allow = allowed_at(segments);
  return best;
}

std::string Router::allowed_at(const std::vector<std::string>& segments) const {
  std::string allow;
  each_candidate(segments, [&](const Route& route) {
    if (allow.find(route.method) != std::string::npos || !match_segments(route.segments, segments)) return;
    allow += (allow.empty() ? "" : ", ") + route.method + (route.method == "GET" ? ", HEAD" : "");
  });
  return allow;
}

}  // namespace aircheck::http
