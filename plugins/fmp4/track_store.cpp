#include "fmp4/track_store.hpp"

#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/bmff/init.hpp"
#include "fmp4/segment_scan.hpp"

namespace aircheck::fmp4 {

namespace {

using core::ByteView;
using core::Result;

std::string sha256_hex(ByteView bytes) {
  const std::unique_ptr<char, decltype(&g_free)> digest(
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size()), g_free);
  return digest.get();
}

bool holds(const std::string& path, ByteView content) {
  std::ifstream file(path, std::ios::binary);
  core::Bytes there(content.size() + 1);
  file.read(reinterpret_cast<char*>(there.data()), static_cast<std::streamsize>(there.size()));
  return static_cast<std::size_t>(file.gcount()) == content.size() &&
         std::equal(content.begin(), content.end(), there.begin());
}

// styp, then ours, then the rest.
std::vector<ByteView> with_info_box(std::span<const ByteView> parts, ByteView box) {
  std::vector<ByteView> result;
  result.reserve(parts.size() + 2);
  std::size_t styp = parts.empty() ? 0 : parts[0].size();
  if (!parts.empty()) {
    if (const auto size = core::ByteReader(parts[0]).u32(); size && *size < styp) styp = *size;
    result.push_back(parts[0].first(styp));
  }
  result.push_back(box);
  if (!parts.empty()) {
    result.push_back(parts[0].subspan(styp));
    result.insert(result.end(), parts.begin() + 1, parts.end());
  }
  return result;
}

// What an init segment announces; playlists name it.
core::CencScheme scheme_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto init = core::bmff::parse_init(core::as_bytes(text));
  const bool cbcs = init && std::ranges::any_of(init->tracks, [](const auto& track) { return track.scheme == "cbcs"; });
  return cbcs ? core::CencScheme::kCbcs : core::CencScheme::kCenc;
}

}  // namespace

std::string expand(std::string text, std::string_view mark, std::string_view value) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) {
    text.replace(at, mark.size(), value);
  }
  return text;
}

std::string relative_path(const std::string& path, const std::string& from) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path target = fs::absolute(path, error).lexically_normal();
  const fs::path folder = fs::absolute(from, error).lexically_normal().parent_path();
  return target.lexically_relative(folder).string();
}

TrackStore::TrackStore(std::shared_ptr<const StoreNames> names, std::string track, bool first_run)
    : names_(std::move(names)),
      track_(std::move(track)),
      playlist_path_(expand(names_->settings.playlist_location, core::kTrackMark, track_)),
      independent_(first_run) {}

std::string TrackStore::init_path_for(ByteView init) const {
  const std::string path = expand(names_->settings.init_location, core::kTrackMark, track_);
  return expand(path, kHashMark, sha256_hex(init).substr(0, 16));
}

Result<void> TrackStore::write_init(ByteView init) {
  wanted_init_.assign(init.begin(), init.end());
  init_written_ = false;
  return write_wanted_init();
}

Result<void> TrackStore::write_wanted_init() {
  if (wanted_init_.empty() || init_written_) return {};
  const std::string path = init_path_for(wanted_init_);
  if (!holds(path, wanted_init_)) {
    AIRCHECK_TRY_VOID(write_new_init(path, wanted_init_).with_context("init-location"));
  }
  init_path_ = path;
  init_written_ = true;
  return {};
}

Result<void> TrackStore::restore_init() {
  if (access(init_path_.c_str(), F_OK) == 0) return {};
  init_written_ = false;
  return write_wanted_init();
}

Result<void> TrackStore::write_new_init(const std::string& path, ByteView init) const {
  const StoreSettings& settings = names_->settings;
  const bool named_by_content = settings.init_location.find(kHashMark) != std::string::npos;
  if (!named_by_content && access(path.c_str(), F_OK) == 0) {
    return core::fail(core::Code::kExists, "'" + path +
                                               "' is there with other content, which earlier segments need: put " +
                                               std::string(kHashMark) + " into the name, or leave the property unset");
  }
  const ByteView parts[] = {init};
  AIRCHECK_TRY(PendingFile file, PendingFile::create(path));
  if (holds(path, init)) return {};  // by another sink, while we waited for it
  AIRCHECK_TRY_VOID(file.write(parts));
  AIRCHECK_TRY_VOID(file.sync(settings.sync));
  return file.replace(path, settings.sync);  // over a damaged file of that content, if any
}

Result<TrackStore::Pending> TrackStore::prepare(const core::SegmentInfo& numbered, std::span<const ByteView> parts) {
  const StoreSettings& settings = names_->settings;
  const std::string wished = names_->pattern.format({numbered.start, numbered.epoch, 0, track_});
  StoredSegment segment;
  segment.track = track_;
  segment.init_path = init_path_;
  segment.info = numbered;
  segment.info.init_name = relative_path(init_path_, wished);
  const core::Bytes box = core::write_segment_info_box(segment.info);
  const std::vector<ByteView> bytes = with_info_box(parts, box);
  for (const ByteView part : bytes) segment.size += part.size();
  AIRCHECK_TRY_VOID(make_folders(wished, names_->pattern.directory(), settings.sync).with_context("location"));
  AIRCHECK_TRY(PendingFile file, PendingFile::create(wished).with_context("location"));
  AIRCHECK_TRY_VOID(file.write(bytes).with_context("location"));
  AIRCHECK_TRY_VOID(file.sync(settings.sync).with_context("location"));
  return Pending{std::move(file), std::move(segment)};
}

Result<StoredSegment> TrackStore::publish(Pending pending) const {
  constexpr std::uint32_t kMostDuplicates = 999;
  const core::SegmentInfo& info = pending.segment.info;
  for (core::NameParts name{info.start, info.epoch, 0, track_};; ++name.duplicate) {
    pending.segment.path = names_->pattern.format(name);
    const auto published = pending.file.publish(pending.segment.path, names_->settings.sync);
    if (published) return std::move(pending.segment);
    if (published.error().code != core::Code::kExists || name.duplicate == kMostDuplicates) {
      return core::Unexpected(published.error().with_context("location"));
    }
  }
}

std::string TrackStore::playlist_uri(const std::string& path) const {
  return core::uri_from_path(relative_path(path, playlist_path_));
}

std::string TrackStore::gap_uri(core::Utc start, std::uint32_t epoch) const {
  return playlist_uri(names_->pattern.format({start, epoch, 0, track_}));
}

std::shared_ptr<const core::SegmentContext> TrackStore::context_for(const std::string& segment_path,
                                                                    const core::SegmentInfo& info) {
  core::SegmentContext context;
  const std::string init_path = std::string(folder_of(segment_path)) + info.init_name;
  context.map_uri = playlist_uri(init_path);
  if (info.key_id) {
    const std::string key_uri = expand(names_->settings.key_uri, "%{kid}", core::to_hex(*info.key_id));
    const bool other_init = context_ == nullptr || context_->map_uri != context.map_uri;
    if (other_init) scheme_ = scheme_of(init_path);
    context.keys = core::common_encryption_keys(*info.key_id, key_uri, scheme_);
  }
  if (context_ == nullptr || *context_ != context) {
    context_ = std::make_shared<const core::SegmentContext>(std::move(context));
  }
  return context_;
}

void TrackStore::list_gap(const core::Gap& gap, std::uint32_t epoch) {
  if (rows_.empty()) return;
  const std::uint64_t discontinuity_sequence = rows_.back().discontinuity_sequence;
  const std::uint64_t last = rows_.back().sequence;
  const std::uint32_t length = names_->settings.playlist_length;
  // Of a hole of years a playlist with a length keeps its last rows.
  std::uint64_t i = length != 0 && gap.count() > length ? gap.count() - length : 0;
  if (i > 0) rows_.clear();
  for (; i < gap.count(); ++i) {
    const core::GapRow row = gap.row(i);
    if (row.sequence <= last) continue;  // listed while the hole lasted
    rows_.push_back({row.sequence, discontinuity_sequence, row.start, row.duration_ns, gap_uri(row.start, epoch),
                     nullptr, false, true});
  }
}

void TrackStore::list_hole(const core::Gap& hole, std::uint32_t epoch) {
  if (playlist_path_.empty()) return;
  list_gap(hole, epoch);
  slide();
}

void TrackStore::list(const std::string& path, const core::SegmentInfo& info, const core::Gap& gap, bool independent) {
  independent_ = independent_ && independent;
  if (playlist_path_.empty()) return;
  max_duration_s_ = info.max_duration_s;
  list_gap(gap, info.epoch);
  rows_.push_back({info.sequence, info.discontinuity_sequence, info.start, info.duration_ns, playlist_uri(path),
                   context_for(path, info), info.discontinuity, false});
  slide();
}

void TrackStore::list_missing(const core::SegmentInfo& info, const core::Gap& gap) {
  if (playlist_path_.empty() || rows_.empty()) return;
  max_duration_s_ = info.max_duration_s;
  list_gap(gap, info.epoch);
  rows_.push_back({info.sequence, info.discontinuity_sequence, info.start, info.duration_ns,
                   gap_uri(info.start, info.epoch), nullptr, info.discontinuity, true});
  slide();
}

void TrackStore::slide() {
  const std::uint32_t length = names_->settings.playlist_length;
  if (length == 0 || rows_.size() <= length) return;
  auto first = rows_.end() - length;
  while (first + 1 != rows_.end() && first->gap) ++first;  // a hole at the head says nothing
  rows_.erase(rows_.begin(), first);
}

Result<void> TrackStore::write_playlist(bool ended) {
  const StoreSettings& settings = names_->settings;
  const bool vod = settings.playlist_kind == PlaylistKind::kVod;
  if (playlist_path_.empty() || rows_.empty() || (vod && !ended)) return {};
  const bool event = settings.playlist_kind == PlaylistKind::kEvent ||
                     (settings.playlist_kind == PlaylistKind::kAuto && settings.playlist_length == 0);
  core::MediaPlaylist playlist;
  playlist.type = vod ? core::PlaylistType::kVod : event ? core::PlaylistType::kEvent : core::PlaylistType::kLive;
  playlist.target_duration_s = max_duration_s_;
  playlist.independent_segments = independent_;
  playlist.ended = ended;
  playlist.rows = std::move(rows_);
  const std::string text = core::write_media_playlist(playlist);
  rows_ = std::move(playlist.rows);
  return write_text(playlist_path_, text).with_context("playlist-location");
}

}  // namespace aircheck::fmp4
