#include "timeshift/playlists.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "timeshift/protector.hpp"

namespace aircheck::timeshift {

namespace {

using core::Code;
using core::SegmentContext;

core::PlaylistType playlist_type(ViewKind kind) {
  switch (kind) {
    case ViewKind::kLive: return core::PlaylistType::kLive;
    case ViewKind::kStartover: return core::PlaylistType::kEvent;
    case ViewKind::kCatchup: return core::PlaylistType::kVod;
  }
  return core::PlaylistType::kLive;
}

// Makes the rows of one playlist. Rows of one encoder run share a context.
class RowWriter {
 public:
  RowWriter(const MediaPlaylistOptions& options, const MediaFactsMap& facts) : options_(options), facts_(facts) {}

  core::Result<core::MediaRow> write(const SegmentRow& row) {
    core::MediaRow written{
        .sequence = row.sequence,
        .discontinuity_sequence = row.discontinuity_sequence,
        .start = row.start,
        .duration_ns = row.duration_ns,
        .uri = uri(row),
        .discontinuity = row.discontinuity,
        .gap = row.gap,
    };
    // A GAP at the head says what is in force behind it; one between segments changes nothing.
    if (!row.gap || context_ == nullptr) {
      AIRCHECK_TRY_VOID(update_context(row));
      written.context = context_;
    }
    return written;
  }

 private:
  [[nodiscard]] std::string query() const { return options_.token.empty() ? "" : "?token=" + options_.token; }

  [[nodiscard]] const std::string& base(const SegmentRow& row) const {
    const bool later = options_.later_from && row.start >= *options_.later_from;
    return later ? options_.later_segment_base : options_.segment_base;
  }

  [[nodiscard]] std::string uri(const SegmentRow& row) const {
    if (row.gap) return base(row) + "gap-" + std::to_string(row.sequence) + ".m4s";
    if (!row.key_id) return base(row) + row.location + query();
    switch (options_.protection) {
      case Protection::kCenc: return base(row) + row.location;
      case Protection::kAes128: return base(row) + "aes/" + row.location;
      case Protection::kClear: return base(row) + "clear/" + row.location + query();
    }
    return {};
  }

  [[nodiscard]] std::string key_uri(const core::KeyId& key_id) const {
    // What the bytes are, content key or derived key, follows from the token's protection.
    return options_.api_base + "/api/v1/drm/key/" + core::to_hex(key_id) + query();
  }

  core::Result<void> update_context(const SegmentRow& row) {
    const bool per_row = options_.protection == Protection::kAes128 && row.key_id.has_value();
    if (context_ != nullptr && !per_row && row.init_location == init_location_ && row.key_id == key_id_) return {};
    AIRCHECK_TRY(auto context, make_context(row));
    context_ = std::make_shared<const SegmentContext>(std::move(context));
    init_location_ = row.init_location;
    key_id_ = row.key_id;
    return {};
  }

  core::Result<SegmentContext> make_context(const SegmentRow& row) const {
    if (!row.key_id) {
      if (options_.protection == Protection::kAes128) {
        return core::fail(Code::kPermission,
                          "the archive of this window is not encrypted: there is no key for aes-128");
      }
      return SegmentContext{.map_uri = base(row) + row.init_location, .keys = {}};
    }
    const auto found = facts_.find(row.init_location);
    if (options_.protection == Protection::kCenc) {
      // Until the init segment has been read, which takes a moment, it is what nearly all are.
      const auto scheme = found != facts_.end() ? found->second->scheme : core::CencScheme::kCenc;
      return SegmentContext{.map_uri = base(row) + row.init_location,
                            .keys = core::common_encryption_keys(*row.key_id, key_uri(*row.key_id), scheme)};
    }
    if (options_.protection == Protection::kClear && !options_.decrypts) {
      return core::fail(Code::kPermission, "the archive of this window is encrypted and is not given out clear");
    }
    if (found == facts_.end()) return core::fail(Code::kUnavailable, "an init segment is still being read");
    SegmentContext context;
    if (options_.protection == Protection::kClear) {
      context.map_uri = base(row) + "clear/" + found->second->clear_location;
      return context;
    }
    context.map_uri = base(row) + "aes/" + found->second->clear_location;
    context.keys.push_back({"AES-128", key_uri(*row.key_id), "", "", aes128_iv(row.sequence)});
    return context;
  }

  const MediaPlaylistOptions& options_;
  const MediaFactsMap& facts_;
  std::shared_ptr<const SegmentContext> context_;
  std::string init_location_;
  std::optional<core::KeyId> key_id_;
};

// The rows that end CAN-SKIP-UNTIL or more before the end of the playlist.
std::uint64_t rows_before_skip_boundary(const std::vector<SegmentRow>& rows, std::int64_t until_ns) {
  std::int64_t behind_ns = 0;
  std::size_t first = rows.size();
  while (first > 0 && behind_ns < until_ns) behind_ns += rows[--first].duration_ns;
  return first;
}

void add_formats(core::VariantTag& variant, const MediaFacts& facts) {
  for (const std::string& codec : facts.codecs) {
    if (std::find(variant.codecs.begin(), variant.codecs.end(), codec) == variant.codecs.end()) {
      variant.codecs.push_back(codec);
    }
  }
  if (facts.width * facts.height <= variant.width * variant.height) return;
  variant.width = facts.width;
  variant.height = facts.height;
  variant.frame_rate_num = facts.frame_rate_num;
  variant.frame_rate_den = facts.frame_rate_den;
}

}  // namespace

std::int64_t can_skip_until_ns(std::uint32_t target_duration_s) {
  return 6 * std::int64_t{target_duration_s} * core::kNsPerSecond;
}

core::Result<std::string> media_playlist(const Window& window, const MediaPlaylistOptions& options,
                                         const MediaFactsMap& facts) {
  core::MediaPlaylist playlist;
  playlist.type = playlist_type(options.kind);
  playlist.target_duration_s = options.target_duration_s;
  playlist.ended = window.complete;
  if (window.start_offset_ns) playlist.start = core::StartTag{.offset_ns = *window.start_offset_ns};
  playlist.date_ranges = options.programmes;
  if (options.kind == ViewKind::kStartover) {
    playlist.can_skip_until_ns = can_skip_until_ns(options.target_duration_s);
    if (options.skip) playlist.skipped_rows = rows_before_skip_boundary(window.rows, playlist.can_skip_until_ns);
  }
  playlist.rows.reserve(window.rows.size());
  RowWriter writer(options, facts);
  for (const SegmentRow& row : window.rows) {
    AIRCHECK_TRY(auto written, writer.write(row));
    playlist.rows.push_back(std::move(written));
  }
  return core::write_media_playlist(playlist);
}

core::Result<std::string> multivariant_playlist(const Window& window, const MultivariantOptions& options,
                                                const MediaFactsMap& facts) {
  core::VariantTag variant;
  variant.uri = options.media_uri;
  const std::string* last = nullptr;
  for (const SegmentRow& row : window.rows) {
    if (last != nullptr && *last == row.init_location) continue;
    last = &row.init_location;
    if (const auto found = facts.find(row.init_location); found != facts.end()) add_formats(variant, *found->second);
  }
  if (variant.codecs.empty()) return core::fail(Code::kUnavailable, "the init segments are still being read");

  const BitRates measured = measure_bit_rates(window.rows, options.target_ns);
  if (options.kind == ViewKind::kCatchup) {
    variant.bandwidth = measured.peak;
    variant.average_bandwidth = measured.average;
  } else {
    variant.bandwidth = std::max(options.configured_bandwidth, measured.peak);
  }
  core::MultivariantPlaylist playlist;
  if (window.start_offset_ns) playlist.start = core::StartTag{.offset_ns = *window.start_offset_ns};
  playlist.variants.push_back(std::move(variant));
  return core::write_multivariant_playlist(playlist);
}

std::uint64_t configured_bandwidth(std::uint64_t video_kbit_s, std::uint64_t audio_kbit_s) {
  // Boxes and encryption entries: about 40 bytes a sample at 50 frames and 50 audio frames a second, with reserve; and
  // a tenth for what a rate control may overshoot in a segment.
  constexpr std::uint64_t kOverhead = 40'000;
  const std::uint64_t media = (video_kbit_s + audio_kbit_s) * 1000;
  return media + media / 10 + kOverhead;
}

}  // namespace aircheck::timeshift
