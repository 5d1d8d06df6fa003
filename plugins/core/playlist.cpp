#include "core/playlist.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace aircheck::core {

namespace {

constexpr std::string_view kHexDigits = "0123456789ABCDEF";

void append_percent(std::string& out, char character) {
  const auto byte = static_cast<unsigned char>(character);
  out += '%';
  out += kHexDigits[byte >> 4];
  out += kHexDigits[byte & 15];
}

// Which bytes stand for themselves.
using PlainBytes = std::array<bool, 256>;

// Runs of those are copied as one.
void append_encoded(std::string& out, std::string_view text, const PlainBytes& plain) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t run = at;
    while (run < text.size() && plain[static_cast<unsigned char>(text[run])]) ++run;
    out += text.substr(at, run - at);
    if (run < text.size()) append_percent(out, text[run]);
    at = run + 1;
  }
}

// A URI that someone else composed: only what could end a line, a quoted string or the URI itself is encoded.
void append_uri(std::string& out, std::string_view uri) {
  static constexpr PlainBytes kPlain = [] {
    PlainBytes plain{};
    for (std::size_t byte = 0x21; byte < 0x7f; ++byte) plain[byte] = true;
    for (const char never : std::string_view("\"<>\\^`{|}")) plain[static_cast<unsigned char>(never)] = false;
    return plain;
  }();
  // A line that starts with '#' is a tag or a comment.
  if (uri.starts_with('#')) {
    append_percent(out, '#');
    uri.remove_prefix(1);
  }
  append_encoded(out, uri, kPlain);
}

// RFC 8216 section 4.2: a quoted string holds neither quotes nor line ends, and there is no escape for them; section 4:
// nor has a playlist other control characters, U+0080 to U+009F among them.
void append_quoted(std::string& out, std::string_view text) {
  const auto byte_at = [text](std::size_t at) { return at < text.size() ? static_cast<unsigned char>(text[at]) : 0; };
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool control_of_two = byte_at(i) == 0xc2 && byte_at(i + 1) >= 0x80 && byte_at(i + 1) < 0xa0;
    if (control_of_two) ++i;
    if (text[i] == '"') {
      out += '\'';
    } else {
      out += control_of_two || byte_at(i) < 0x20 || byte_at(i) == 0x7f ? ' ' : text[i];
    }
  }
  out += '"';
}

void append_quoted_uri(std::string& out, std::string_view uri) {
  out += '"';
  append_uri(out, uri);
  out += '"';
}

// Seconds with three to nine decimals: exact, so that durations sum up to the wall clock over a day of rows.
void append_seconds(std::string& out, std::int64_t ns) {
  if (ns < 0) out += '-';
  const std::uint64_t magnitude = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  out += std::to_string(magnitude / kNsPerSecond);
  std::string fraction = std::to_string(magnitude % kNsPerSecond + kNsPerSecond);
  fraction[0] = '.';
  while (fraction.size() > 4 && fraction.back() == '0') fraction.pop_back();
  out += fraction;
}

// An enumerated string of ours; anything else would be a bug, but must not break the line either.
void append_token(std::string& out, std::string_view token) {
  for (const char character : token) {
    const bool plain =
        (character >= 'A' && character <= 'Z') || (character >= '0' && character <= '9') || character == '-';
    if (plain) out += character;
  }
}

void append_start(std::string& out, const std::optional<StartTag>& start) {
  if (!start) return;
  out += "#EXT-X-START:TIME-OFFSET=";
  append_seconds(out, start->offset_ns);
  out += start->precise ? ",PRECISE=YES\n" : "\n";
}

void append_key(std::string& out, const KeyTag& key) {
  out += "#EXT-X-KEY:METHOD=";
  append_token(out, key.method);
  if (!key.uri.empty()) {
    out += ",URI=";
    append_quoted_uri(out, key.uri);
  }
  if (!key.iv.empty()) out += ",IV=0x" + to_hex(ByteView(key.iv));
  if (!key.key_format.empty()) {
    out += ",KEYFORMAT=";
    append_quoted(out, key.key_format);
  }
  if (!key.key_format_versions.empty()) {
    out += ",KEYFORMATVERSIONS=";
    append_quoted(out, key.key_format_versions);
  }
  out += '\n';
}

void append_map(std::string& out, const SegmentContext& context) {
  if (context.map_uri.empty()) return;
  out += "#EXT-X-MAP:URI=";
  append_quoted_uri(out, context.map_uri);
  out += '\n';
}

// Whole segments are encrypted: the map comes before the key, and is in the clear.
bool is_full_segment(const SegmentContext& context) {
  return std::any_of(context.keys.begin(), context.keys.end(),
                     [](const KeyTag& key) { return key.method == "AES-128"; });
}

// Writes what has to stand between the segment of `before` (none at the head of the playlist) and one of `now`.
void append_context(std::string& out, const SegmentContext* before, const SegmentContext& now, bool restate) {
  if (!restate && before != nullptr && (before == &now || *before == now)) return;
  const bool encrypted_before = before != nullptr && !before->keys.empty();
  const bool same_map = !restate && before != nullptr && before->map_uri == now.map_uri;
  // A key in force would apply to a map that follows it, and to segments that have none.
  const bool end_key = encrypted_before && (now.keys.empty() || (is_full_segment(now) && !same_map));
  if (end_key) out += "#EXT-X-KEY:METHOD=NONE\n";
  if (is_full_segment(now) && !same_map) append_map(out, now);
  for (const KeyTag& key : now.keys) append_key(out, key);
  if (!is_full_segment(now)) append_map(out, now);
}

void append_date_range(std::string& out, const DateRangeTag& range) {
  out += "#EXT-X-DATERANGE:ID=";
  append_quoted(out, range.id);
  out += ",START-DATE=\"" + to_rfc3339(range.start, 3) + "\",DURATION=";
  append_seconds(out, range.duration_ns);
  for (const auto& [name, value] : range.client_attributes) {
    out += ',';
    append_token(out, name);
    out += '=';
    append_quoted(out, value);
  }
  out += '\n';
}

class MediaWriter {
 public:
  explicit MediaWriter(const MediaPlaylist& playlist) : playlist_(playlist) {}

  std::string write() {
    append_head();
    if (first_written() > 0) skip_rows();
    for (std::size_t i = first_written(); i < playlist_.rows.size(); ++i) append_row(playlist_.rows[i]);
    if (playlist_.ended || playlist_.type == PlaylistType::kVod) out_ += "#EXT-X-ENDLIST\n";
    return std::move(out_);
  }

 private:
  [[nodiscard]] std::size_t first_written() const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(playlist_.skipped_rows, playlist_.rows.size()));
  }

  static int version_of(const SegmentContext& context) {
    int version = 1;
    for (const KeyTag& key : context.keys) {
      if (!key.iv.empty()) version = std::max(version, 2);
      const bool new_attributes = !key.key_format.empty() || !key.key_format_versions.empty();
      if (new_attributes || key.method.starts_with("SAMPLE-AES")) version = std::max(version, 5);
    }
    return context.map_uri.empty() ? version : std::max(version, 6);
  }

  // RFC 8216 section 7, and the second edition's for GAP (8) and SKIP (9). A playlist that grows can get a GAP at any
  // time, and section 6.2.1 lets nothing but its rows change: it says 8 from the beginning.
  [[nodiscard]] int version() const {
    const bool grows = playlist_.type != PlaylistType::kVod;
    int version = playlist_.skipped_rows > 0 ? 9 : grows ? 8 : 3;  // 3: EXTINF has decimals
    const SegmentContext* last = nullptr;
    for (const MediaRow& row : playlist_.rows) {
      if (row.gap) version = std::max(version, 8);
      if (row.context == nullptr || row.context.get() == last) continue;
      last = row.context.get();
      version = std::max(version, version_of(*last));
    }
    return version;
  }

  void append_head() {
    out_.reserve(512 + playlist_.rows.size() * 128);
    out_ += "#EXTM3U\n#EXT-X-VERSION:" + std::to_string(version()) + "\n";
    if (playlist_.independent_segments) out_ += "#EXT-X-INDEPENDENT-SEGMENTS\n";
    append_start(out_, playlist_.start);
    out_ += "#EXT-X-TARGETDURATION:" + std::to_string(playlist_.target_duration_s) + "\n";
    if (playlist_.can_skip_until_ns > 0) {
      out_ += "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=";
      append_seconds(out_, playlist_.can_skip_until_ns);
      out_ += '\n';
    }
    append_sequences();
    if (playlist_.type == PlaylistType::kEvent) out_ += "#EXT-X-PLAYLIST-TYPE:EVENT\n";
    if (playlist_.type == PlaylistType::kVod) out_ += "#EXT-X-PLAYLIST-TYPE:VOD\n";
    if (playlist_.skipped_rows > 0) {
      out_ += "#EXT-X-SKIP:SKIPPED-SEGMENTS=" + std::to_string(first_written()) + "\n";
    }
  }

  // Rule: DISCONTINUITY-SEQUENCE counts the tags that have left the playlist, so a tag that still stands before the
  // first row is not in it.
  void append_sequences() {
    std::uint64_t sequence = playlist_.first_sequence;
    std::uint64_t discontinuity_sequence = 0;
    if (!playlist_.rows.empty()) {
      const MediaRow& first = playlist_.rows.front();
      sequence = first.sequence;
      discontinuity_sequence = first.discontinuity_sequence - (first.discontinuity ? 1 : 0);
    }
    out_ += "#EXT-X-MEDIA-SEQUENCE:" + std::to_string(sequence) + "\n";
    if (discontinuity_sequence > 0) {
      out_ += "#EXT-X-DISCONTINUITY-SEQUENCE:" + std::to_string(discontinuity_sequence) + "\n";
    }
  }

  // A player keeps the keys and the map in force, but hls.js parses a delta update by itself: for it they are said
  // anew. A map said anew under AES-128 would fall under the key in force, and need not be: hls.js keeps it.
  void skip_rows() {
    const auto rows = std::span(playlist_.rows).first(first_written());
    append_ranges(rows.back().end());
    const auto last =
        std::find_if(rows.rbegin(), rows.rend(), [](const MediaRow& row) { return row.context != nullptr; });
    if (last != rows.rend() && is_full_segment(*last->context)) context_ = last->context.get();
  }

  // Those that begin before an instant.
  void append_ranges(Utc before) {
    const auto& ranges = playlist_.date_ranges;
    for (; next_range_ < ranges.size() && ranges[next_range_].start < before; ++next_range_) {
      append_date_range(out_, ranges[next_range_]);
    }
  }

  void append_row(const MediaRow& row) {
    append_ranges(row.end());
    if (row.discontinuity) out_ += "#EXT-X-DISCONTINUITY\n";
    restate_ = restate_ || row.discontinuity;
    if (row.context != nullptr) {
      append_context(out_, context_, *row.context, restate_);
      context_ = row.context.get();
      restate_ = false;
    }
    out_ += "#EXT-X-PROGRAM-DATE-TIME:";
    append_rfc3339(out_, row.start, 3);
    out_ += '\n';
    if (row.gap) out_ += "#EXT-X-GAP\n";
    out_ += "#EXTINF:";
    append_seconds(out_, row.duration_ns);
    out_ += ",\n";
    append_uri(out_, row.uri);
    out_ += '\n';
  }

  const MediaPlaylist& playlist_;
  std::string out_;
  const SegmentContext* context_ = nullptr;  // of the last segment written
  bool restate_ = false;                     // a discontinuity came since, perhaps before a GAP row
  std::size_t next_range_ = 0;
};

void append_rendition(std::string& out, const RenditionTag& rendition) {
  out += "#EXT-X-MEDIA:TYPE=";
  append_token(out, rendition.type);
  out += ",GROUP-ID=";
  append_quoted(out, rendition.group_id);
  out += ",NAME=";
  append_quoted(out, rendition.name);
  if (!rendition.language.empty()) {
    out += ",LANGUAGE=";
    append_quoted(out, rendition.language);
  }
  if (rendition.is_default) out += ",DEFAULT=YES";
  // DEFAULT=YES with AUTOSELECT=NO is not allowed (RFC 8216 section 4.3.4.1).
  if (rendition.autoselect || rendition.is_default) out += ",AUTOSELECT=YES";
  if (rendition.channels > 0) out += ",CHANNELS=\"" + std::to_string(rendition.channels) + "\"";
  if (!rendition.uri.empty()) {
    out += ",URI=";
    append_quoted_uri(out, rendition.uri);
  }
  out += '\n';
}

// Three decimals, rounded half up (RFC 8216 section 4.3.4.2).
void append_frame_rate(std::string& out, const VariantTag& variant) {
  const std::int64_t milli = scale_round(variant.frame_rate_num, 1000, variant.frame_rate_den);
  std::string digits = std::to_string(milli % 1000 + 1000);
  digits[0] = '.';
  out += ",FRAME-RATE=" + std::to_string(milli / 1000) + digits;
}

void append_variant(std::string& out, const VariantTag& variant) {
  out += "#EXT-X-STREAM-INF:BANDWIDTH=" + std::to_string(variant.bandwidth);
  if (variant.average_bandwidth > 0) out += ",AVERAGE-BANDWIDTH=" + std::to_string(variant.average_bandwidth);
  if (!variant.codecs.empty()) {
    std::string list;
    for (const std::string& codec : variant.codecs) list += (list.empty() ? "" : ",") + codec;
    out += ",CODECS=";
    append_quoted(out, list);
  }
  if (variant.width > 0 && variant.height > 0) {
    out += ",RESOLUTION=" + std::to_string(variant.width) + "x" + std::to_string(variant.height);
  }
  if (variant.frame_rate_num > 0 && variant.frame_rate_den > 0) append_frame_rate(out, variant);
  if (!variant.audio_group.empty()) {
    out += ",AUDIO=";
    append_quoted(out, variant.audio_group);
  }
  out += '\n';
  append_uri(out, variant.uri);
  out += '\n';
}

}  // namespace

std::vector<KeyTag> common_encryption_keys(const KeyId& key_id, std::string_view key_uri, CencScheme scheme) {
  std::vector<KeyTag> keys;
  const char* const method = scheme == CencScheme::kCbcs ? "SAMPLE-AES" : "SAMPLE-AES-CTR";
  keys.push_back({method, "data:text/plain;base64," + to_base64(key_id), "org.w3.clearkey", "1", {}});
  if (!key_uri.empty()) keys.push_back({"SAMPLE-AES-CTR", std::string(key_uri), "identity", "", {}});
  return keys;
}

std::string write_media_playlist(const MediaPlaylist& playlist) {
  return MediaWriter(playlist).write();
}

std::string write_multivariant_playlist(const MultivariantPlaylist& playlist) {
  // No tag of ours needs more than version 1, which an absent EXT-X-VERSION means.
  std::string out = "#EXTM3U\n";
  if (playlist.independent_segments) out += "#EXT-X-INDEPENDENT-SEGMENTS\n";
  append_start(out, playlist.start);
  for (const RenditionTag& rendition : playlist.renditions) append_rendition(out, rendition);
  for (const VariantTag& variant : playlist.variants) append_variant(out, variant);
  return out;
}

std::string uri_from_path(std::string_view path) {
  static constexpr PlainBytes kPlain = [] {
    PlainBytes plain{};
    for (const char sign : std::string_view("-._~/!$&'()*+,;=@")) plain[static_cast<unsigned char>(sign)] = true;
    for (unsigned char letter = 'a'; letter <= 'z'; ++letter) plain[letter] = plain[letter - 'a' + 'A'] = true;
    for (unsigned char digit = '0'; digit <= '9'; ++digit) plain[digit] = true;
    return plain;
  }();
  std::string out;
  out.reserve(path.size());
  append_encoded(out, path, kPlain);
  return out;
}

}  // namespace aircheck::core
