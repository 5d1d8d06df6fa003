#include "catchup/playlist.hpp"

#include <algorithm>
#include <map>
#include <memory>

#include "core/bmff/init.hpp"
#include "core/gaps.hpp"
#include "core/playlist.hpp"

namespace aircheck::catchup {

namespace {

using core::MediaRow;
using core::Result;

core::PlaylistType type_of(Kind kind) {
  switch (kind) {
    case Kind::kLive: return core::PlaylistType::kLive;
    case Kind::kEvent: return core::PlaylistType::kEvent;
    case Kind::kVod: break;
  }
  return core::PlaylistType::kVod;
}

std::string expand_kid(std::string text, const std::string& kid) {
  constexpr std::string_view kMark = "%{kid}";
  for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + kid.size())) {
    text.replace(at, kMark.size(), kid);
  }
  return text;
}

// The rows of a window: segments, and GAP rows for the numbers between them. Rows of one key share a context.
class Rows {
 public:
  Rows(const Archive& archive, const PlaylistOptions& options) : archive_(archive), options_(options) {}

  Result<void> add(const Segment& segment) {
    if (last_ != nullptr) add_gaps(numbers_between(*last_, segment), &segment);
    AIRCHECK_TRY(auto context, context_for(segment));
    const core::SegmentInfo& info = segment.info;
    rows_.push_back({info.sequence, info.discontinuity_sequence, info.start, info.duration_ns, uri(segment.path),
                     std::move(context), info.discontinuity, false});
    last_ = &segment;
    return {};
  }

  // The hole behind the last segment, up to `next` or still going on. Numbers between two files are holes (core/gaps),
  // or files that were deleted, whose discontinuities still count.
  void add_gaps(std::uint64_t count, const Segment* next) {
    const core::SegmentInfo& before = last_->info;
    const std::int64_t target_ns = before.target_duration_s * core::kNsPerSecond;
    std::uint64_t discontinuities = before.discontinuity_sequence;
    const std::uint64_t most =
        next == nullptr ? discontinuities : next->info.discontinuity_sequence - (next->info.discontinuity ? 1 : 0);
    for (std::uint64_t i = 0; i < count; ++i) {
      const bool discontinuity = discontinuities < most;
      discontinuities += discontinuity ? 1 : 0;
      const core::Utc start = last_->end() + static_cast<std::int64_t>(i) * target_ns;
      std::int64_t duration_ns = target_ns;
      if (next != nullptr && i + 1 == count) {
        const std::int64_t rest_ns = next->info.start - start;
        if (rest_ns > 0 && rest_ns < target_ns + core::kLongestSeamNs) duration_ns = rest_ns;
      }
      const std::uint32_t epoch = next == nullptr ? before.epoch : next->info.epoch;
      rows_.push_back({before.sequence + 1 + i, discontinuities, start, duration_ns,
                       uri(archive_.path_of(start, epoch)), nullptr, discontinuity, true});
    }
  }

  // Leaves the shortest tail that lasts `duration_ns`. A GAP row at its head says what is in force behind it.
  void keep_tail(std::int64_t duration_ns) {
    std::size_t first = rows_.size();
    while (first > 0 && duration_ns > 0) duration_ns -= rows_[--first].duration_ns;
    auto context = rows_[first].context;
    for (std::size_t i = first; context == nullptr && i > 0; --i) context = rows_[i - 1].context;
    rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(first));
    rows_.front().context = std::move(context);
  }

  [[nodiscard]] std::vector<MediaRow> take() { return std::move(rows_); }

 private:
  [[nodiscard]] std::string uri(const std::string& path) const {
    return options_.base_url + core::uri_from_path(archive_.relative(path));
  }

  Result<std::shared_ptr<const core::SegmentContext>> context_for(const Segment& segment) {
    const core::SegmentInfo& info = segment.info;
    const bool same = last_ != nullptr && context_ != nullptr && last_->info.init_name == info.init_name &&
                      last_->info.key_id == info.key_id && Archive::are_neighbours(*last_, segment);
    if (same) return context_;
    const std::string init_path = Archive::init_path(segment);
    core::SegmentContext context;
    context.map_uri = uri(init_path);
    if (info.key_id) {
      AIRCHECK_TRY(const core::CencScheme scheme, scheme_of(init_path));
      context.keys =
          core::common_encryption_keys(*info.key_id, expand_kid(options_.key_uri, core::to_hex(*info.key_id)), scheme);
    }
    if (context_ == nullptr || *context_ != context) {
      context_ = std::make_shared<const core::SegmentContext>(std::move(context));
    }
    return context_;
  }

  Result<core::CencScheme> scheme_of(const std::string& init_path) {
    if (const auto known = schemes_.find(init_path); known != schemes_.end()) return known->second;
    AIRCHECK_TRY(const core::Bytes bytes, reader_.read_file(init_path));
    AIRCHECK_TRY(const auto init, core::bmff::parse_init(bytes).with_context("location: '" + init_path + "'"));
    const bool cbcs = std::ranges::any_of(init.tracks, [](const auto& track) { return track.scheme == "cbcs"; });
    return schemes_[init_path] = cbcs ? core::CencScheme::kCbcs : core::CencScheme::kCenc;
  }

  const Archive& archive_;
  const PlaylistOptions& options_;
  SegmentReader reader_;
  std::map<std::string, core::CencScheme> schemes_;  // by path of the init segment
  std::shared_ptr<const core::SegmentContext> context_;
  const Segment* last_ = nullptr;
  std::vector<MediaRow> rows_;
};

}  // namespace

Result<std::string> write_playlist(const Archive& archive, const Window& window, const PlaylistOptions& options) {
  core::MediaPlaylist playlist;
  playlist.type = type_of(options.kind);
  playlist.ended = window.complete;
  if (window.start_offset_ns) playlist.start = core::StartTag{.offset_ns = *window.start_offset_ns};
  Rows rows(archive, options);
  for (const Segment& segment : window.segments) {
    playlist.target_duration_s = std::max(playlist.target_duration_s, segment.info.max_duration_s);
    AIRCHECK_TRY_VOID(rows.add(segment));
  }
  if (options.kind == Kind::kLive) {
    rows.add_gaps(window.trailing_gaps, nullptr);
    rows.keep_tail(live_length_ns(window.segments.back()));
  }
  playlist.rows = rows.take();
  return core::write_media_playlist(playlist);
}

}  // namespace aircheck::catchup
