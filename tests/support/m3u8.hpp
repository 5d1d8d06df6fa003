// A reader of media playlists for tests: written from RFC 8216 alone, so that it shares no mistake with the writer. It
// keeps, for every row, the keys and the map that are in force there.
#pragma once

#include <cmath>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace aircheck::test {

using Attributes = std::map<std::string, std::string>;  // quotes removed

inline Attributes parse_attributes(const std::string& text) {
  Attributes attributes;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t equals = text.find('=', at);
    if (equals == std::string::npos) break;
    const std::string name = text.substr(at, equals - at);
    std::size_t end = 0;
    if (equals + 1 < text.size() && text[equals + 1] == '"') {
      end = text.find('"', equals + 2);
      attributes[name] = text.substr(equals + 2, end - equals - 2);
      ++end;
    } else {
      end = std::min(text.find(',', equals), text.size());
      attributes[name] = text.substr(equals + 1, end - equals - 1);
    }
    at = end + 1;
  }
  return attributes;
}

struct M3u8Row {
  std::uint64_t sequence = 0;
  std::uint64_t discontinuity_sequence = 0;
  std::string uri;
  std::string date_time;
  double duration = 0;
  bool discontinuity = false;
  bool gap = false;
  std::vector<Attributes> keys;  // in force, in their order
  std::string map;               // in force
  std::string map_method;        // METHOD of the key that was in force where the map stood; "" or "NONE" is clear
};

struct M3u8 {
  std::string text;
  int version = 1;
  int target_duration = 0;
  std::string type;
  bool ended = false;
  std::optional<double> start_offset;
  bool start_precise = false;
  std::vector<M3u8Row> rows;
};

inline M3u8 parse_m3u8(const std::string& text) {
  M3u8 playlist;
  playlist.text = text;
  std::uint64_t sequence = 0;
  std::uint64_t discontinuity_sequence = 0;
  M3u8Row next;
  std::vector<Attributes> keys;
  bool keys_used = true;  // a KEY line after a segment or a map begins a new set
  std::string map;
  std::string map_method;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto value_of = [&](const std::string& tag) -> std::optional<std::string> {
      if (!line.starts_with(tag + ":")) return std::nullopt;
      return line.substr(tag.size() + 1);
    };
    if (auto value = value_of("#EXT-X-VERSION")) playlist.version = std::stoi(*value);
    if (auto value = value_of("#EXT-X-TARGETDURATION")) playlist.target_duration = std::stoi(*value);
    if (auto value = value_of("#EXT-X-MEDIA-SEQUENCE")) sequence = std::stoull(*value);
    if (auto value = value_of("#EXT-X-DISCONTINUITY-SEQUENCE")) discontinuity_sequence = std::stoull(*value);
    if (auto value = value_of("#EXT-X-PLAYLIST-TYPE")) playlist.type = *value;
    if (auto value = value_of("#EXT-X-START")) {
      const Attributes attributes = parse_attributes(*value);
      playlist.start_offset = std::stod(attributes.at("TIME-OFFSET"));
      playlist.start_precise = attributes.contains("PRECISE") && attributes.at("PRECISE") == "YES";
    }
    if (line == "#EXT-X-ENDLIST") playlist.ended = true;
    if (line == "#EXT-X-DISCONTINUITY") next.discontinuity = true;
    if (line == "#EXT-X-GAP") next.gap = true;
    if (auto value = value_of("#EXT-X-PROGRAM-DATE-TIME")) next.date_time = *value;
    if (auto value = value_of("#EXTINF")) next.duration = std::stod(*value);
    if (auto value = value_of("#EXT-X-KEY")) {
      if (keys_used) keys.clear();
      keys_used = false;
      keys.push_back(parse_attributes(*value));
      if (keys.back()["METHOD"] == "NONE") keys.clear();
    }
    if (auto value = value_of("#EXT-X-MAP")) {
      map = parse_attributes(*value)["URI"];
      map_method = keys.empty() ? "" : keys.back()["METHOD"];
    }
    if (!line.empty() && line[0] != '#') {
      next.uri = line;
      next.sequence = sequence++;
      if (next.discontinuity) ++discontinuity_sequence;
      next.discontinuity_sequence = discontinuity_sequence;
      next.keys = keys;
      keys_used = true;
      next.map = map;
      next.map_method = map_method;
      playlist.rows.push_back(next);
      next = M3u8Row{};
    }
  }
  return playlist;
}

}  // namespace aircheck::test
