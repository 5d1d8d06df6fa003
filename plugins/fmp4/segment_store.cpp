#include "fmp4/segment_store.hpp"

#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace aircheck::fmp4 {

namespace {

using core::ByteView;
using core::Result;

// Replaces every `mark`, for example %{kid}.
std::string expand(std::string text, std::string_view mark, std::string_view value) {
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + value.size())) {
    text.replace(at, mark.size(), value);
  }
  return text;
}

std::string sha256_hex(ByteView bytes) {
  const std::unique_ptr<char, decltype(&g_free)> digest(
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size()), g_free);
  return digest.get();
}

// `path` as seen from the folder of `from`.
std::string relative_path(const std::string& path, const std::string& from) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path target = fs::absolute(path, error).lexically_normal();
  const fs::path folder = fs::absolute(from, error).lexically_normal().parent_path();
  return target.lexically_relative(folder).string();
}

bool holds(const std::string& path, ByteView content) {
  std::ifstream file(path, std::ios::binary);
  core::Bytes there(content.size() + 1);
  file.read(reinterpret_cast<char*>(there.data()), static_cast<std::streamsize>(there.size()));
  return static_cast<std::size_t>(file.gcount()) == content.size() &&
         std::equal(content.begin(), content.end(), there.begin());
}

// The newest run of rows without a missing number: older segments than a file that was deleted cannot be listed.
std::size_t first_listable(const std::vector<FoundSegment>& segments) {
  std::size_t first = segments.empty() ? 0 : segments.size() - 1;
  for (; first > 0; --first) {
    const core::SegmentInfo& before = segments[first - 1].info;
    const core::SegmentInfo& after = segments[first].info;
    const core::Gap gap(before.sequence, before.start + before.duration_ns, after.start,
                        after.target_duration_s * core::kNsPerSecond);
    if (gap.next_sequence() != after.sequence || before.max_duration_s != after.max_duration_s) break;
  }
  return first;
}

Result<void> check_settings(const StoreSettings& settings, const core::NamePattern& pattern) {
  AIRCHECK_TRY_VOID(check_folder(pattern.directory()).with_context("location"));
  if (!settings.init_location.empty()) {
    AIRCHECK_TRY_VOID(check_folder(std::string(folder_of(settings.init_location))).with_context("init-location"));
  }
  if (!settings.playlist_location.empty()) {
    AIRCHECK_TRY_VOID(
        check_folder(std::string(folder_of(settings.playlist_location))).with_context("playlist-location"));
  }
  return {};
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

}  // namespace

Result<SegmentStore> SegmentStore::open(StoreSettings settings) {
  if (settings.location.empty()) {
    return core::fail(core::Code::kInvalidArgument,
                      "location: is not set; set it to a path such as out/ch1-%Y%m%d%H%M%S.m4s");
  }
  AIRCHECK_TRY(core::NamePattern pattern, core::NamePattern::parse(settings.location).with_context("location"));
  AIRCHECK_TRY_VOID(check_settings(settings, pattern));
  AIRCHECK_TRY(FolderLock lock, FolderLock::take(pattern.directory(), settings.location).with_context("location"));
  if (settings.init_location.empty()) {
    settings.init_location = pattern.directory() + pattern.file_prefix() + "init-" + std::string(kHashMark) + ".mp4";
  }
  AIRCHECK_TRY_VOID(
      remove_leftovers(pattern, {settings.init_location, settings.playlist_location}).with_context("location"));
  const bool lists = !settings.playlist_location.empty();
  const std::size_t limit = lists ? settings.playlist_length : 1;
  AIRCHECK_TRY(SegmentScan scan, scan_segments(pattern, limit).with_context("location"));
  return SegmentStore(std::move(settings), std::move(pattern), std::move(lock), std::move(scan));
}

SegmentStore::SegmentStore(StoreSettings settings, core::NamePattern pattern, FolderLock lock, SegmentScan scan)
    : settings_(std::move(settings)),
      pattern_(std::move(pattern)),
      lock_(std::move(lock)),
      numbers_(scan.segments.empty() ? std::nullopt : std::optional(scan.segments.back().info)),
      warnings_(std::move(scan.warnings)),
      independent_(scan.segments.empty()) {
  if (settings_.playlist_location.empty()) return;
  const std::size_t first = first_listable(scan.segments);
  for (std::size_t i = first; i < scan.segments.size(); ++i) {
    const FoundSegment& segment = scan.segments[i];
    core::Gap gap;
    if (i > first) {
      const core::SegmentInfo& before = scan.segments[i - 1].info;
      gap = core::Gap(before.sequence, before.start + before.duration_ns, segment.info.start,
                      segment.info.target_duration_s * core::kNsPerSecond);
    }
    list(segment.path, segment.info, gap);
  }
}

std::string SegmentStore::init_path_for(ByteView init) const {
  return expand(settings_.init_location, kHashMark, sha256_hex(init).substr(0, 16));
}

Result<void> SegmentStore::write_init(ByteView init) {
  wanted_init_.assign(init.begin(), init.end());
  return write_wanted_init();
}

Result<void> SegmentStore::write_wanted_init() {
  if (wanted_init_.empty()) return {};
  const std::string path = init_path_for(wanted_init_);
  if (!holds(path, wanted_init_)) {
    AIRCHECK_TRY_VOID(write_new_init(path, wanted_init_).with_context("init-location"));
  }
  init_path_ = path;
  wanted_init_.clear();
  return {};
}

Result<void> SegmentStore::write_new_init(const std::string& path, ByteView init) const {
  const bool named_by_content = settings_.init_location.find(kHashMark) != std::string::npos;
  if (!named_by_content && access(path.c_str(), F_OK) == 0) {
    return core::fail(core::Code::kExists, "'" + path +
                                               "' is there with other content, which earlier segments need: put " +
                                               std::string(kHashMark) + " into the name, or leave the property unset");
  }
  const ByteView parts[] = {init};
  AIRCHECK_TRY(PendingFile file, PendingFile::create(path));
  AIRCHECK_TRY_VOID(file.write(parts));
  AIRCHECK_TRY_VOID(file.sync(settings_.sync));
  return file.replace(path, settings_.sync);  // over a damaged file of that content, if any
}

Result<std::string> SegmentStore::publish(PendingFile& file, core::NameParts name) const {
  constexpr std::uint32_t kMostDuplicates = 999;
  for (;; ++name.duplicate) {
    std::string path = pattern_.format(name);
    const auto published = file.publish(path, settings_.sync);
    if (published) return path;
    if (published.error().code != core::Code::kExists || name.duplicate == kMostDuplicates) {
      return published.unexpected();
    }
  }
}

Result<StoredSegment> SegmentStore::write_segment(const SegmentFacts& facts, std::span<const ByteView> parts,
                                                  bool independent) {
  AIRCHECK_TRY_VOID(write_wanted_init());
  const core::NameParts name{facts.start};
  const std::string wished = pattern_.format(name);
  SegmentFacts with_loss = facts;
  with_loss.discontinuity = facts.discontinuity || lost_;
  AIRCHECK_TRY(NumberedSegment segment,
               numbers_.next(with_loss, relative_path(init_path_, wished)).with_context("max-duration"));
  const core::Bytes box = core::write_segment_info_box(segment.info);
  const std::vector<ByteView> bytes = with_info_box(parts, box);

  StoredSegment stored;
  for (const ByteView part : bytes) stored.size += part.size();
  AIRCHECK_TRY_VOID(make_folders(wished, pattern_.directory(), settings_.sync).with_context("location"));
  AIRCHECK_TRY(PendingFile file, PendingFile::create(wished).with_context("location"));
  AIRCHECK_TRY_VOID(file.write(bytes).with_context("location"));
  AIRCHECK_TRY_VOID(file.sync(settings_.sync).with_context("location"));
  AIRCHECK_TRY(stored.path, publish(file, {facts.start, segment.info.epoch, 0}).with_context("location"));
  stored.init_path = init_path_;
  stored.info = segment.info;

  numbers_.accept(segment.info);
  lost_ = false;
  independent_ = independent_ && independent;
  if (!settings_.playlist_location.empty()) {
    list(stored.path, segment.info, segment.gap);
    if (const auto listed = write_playlist(false); !listed) stored.unlisted = listed.error();
  }
  return stored;
}

Result<void> SegmentStore::finish() {
  // Without a segment of this run a playlist that is there stays what it is.
  if (settings_.playlist_location.empty() || init_path_.empty() || rows_.empty()) return {};
  return write_playlist(true);
}

std::string SegmentStore::playlist_uri(const std::string& path) const {
  return core::uri_from_path(relative_path(path, settings_.playlist_location));
}

std::shared_ptr<const core::SegmentContext> SegmentStore::context_for(const std::string& segment_path,
                                                                      const core::SegmentInfo& info) {
  core::SegmentContext context;
  context.map_uri = playlist_uri(std::string(folder_of(segment_path)) + info.init_name);
  if (info.key_id) {
    const std::string key_uri = expand(settings_.key_uri, "%{kid}", core::to_hex(*info.key_id));
    context.keys = core::common_encryption_keys(*info.key_id, key_uri);
  }
  if (context_ == nullptr || *context_ != context) {
    context_ = std::make_shared<const core::SegmentContext>(std::move(context));
  }
  return context_;
}

void SegmentStore::list(const std::string& path, const core::SegmentInfo& info, const core::Gap& gap) {
  max_duration_s_ = info.max_duration_s;
  if (!rows_.empty()) {
    const std::uint64_t discontinuity_sequence = rows_.back().discontinuity_sequence;
    for (std::uint64_t i = 0; i < gap.count(); ++i) {
      const core::GapRow row = gap.row(i);
      rows_.push_back({row.sequence, discontinuity_sequence, row.start, row.duration_ns,
                       playlist_uri(pattern_.format({row.start, info.epoch})), nullptr, false, true});
    }
  }
  rows_.push_back({info.sequence, info.discontinuity_sequence, info.start, info.duration_ns, playlist_uri(path),
                   context_for(path, info), info.discontinuity, false});
  if (settings_.playlist_length == 0 || rows_.size() <= settings_.playlist_length) return;
  auto first = rows_.end() - settings_.playlist_length;
  while (first->gap) ++first;  // a hole at the head says nothing; the last row is a segment
  rows_.erase(rows_.begin(), first);
}

Result<void> SegmentStore::write_playlist(bool ended) {
  core::MediaPlaylist playlist;
  playlist.type = settings_.playlist_length == 0 ? core::PlaylistType::kEvent : core::PlaylistType::kLive;
  playlist.target_duration_s = max_duration_s_;
  playlist.independent_segments = independent_;
  playlist.ended = ended;
  playlist.rows = std::move(rows_);
  const std::string text = core::write_media_playlist(playlist);
  rows_ = std::move(playlist.rows);

  const ByteView parts[] = {core::as_bytes(text)};
  AIRCHECK_TRY(PendingFile file, PendingFile::create(settings_.playlist_location).with_context("playlist-location"));
  AIRCHECK_TRY_VOID(file.write(parts).with_context("playlist-location"));
  return file.replace(settings_.playlist_location, SyncPolicy::kNone).with_context("playlist-location");
}

}  // namespace aircheck::fmp4
