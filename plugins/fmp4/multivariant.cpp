#include "fmp4/multivariant.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/playlist.hpp"
#include "core/time.hpp"
#include "fmp4/pending_file.hpp"
#include "fmp4/store_settings.hpp"

namespace aircheck::fmp4 {

namespace {

std::uint64_t bits_per_second(std::uint64_t bytes, std::int64_t duration_ns) {
  if (duration_ns <= 0) return 0;
  return static_cast<std::uint64_t>(
      core::scale_ceil(static_cast<std::int64_t>(bytes), 8 * core::kNsPerSecond, duration_ns));
}

std::uint64_t round_up(std::uint64_t value) {
  std::uint64_t step = 1;
  while (value / step >= 100) step *= 10;
  return (value + step - 1) / step * step;
}

// The renditions of one codec, which a variant can name as its group.
struct AudioGroup {
  std::string id;
  std::vector<const Rendition*> renditions;
  std::uint64_t peak = 0;
  std::uint64_t average = 0;
};

std::vector<AudioGroup> audio_groups(const std::vector<Rendition>& all) {
  std::map<std::string, AudioGroup> by_codec;
  for (const Rendition& rendition : all) {
    if (rendition.video) continue;
    const std::string codec = rendition.codecs.empty() ? "" : rendition.codecs.front();
    AudioGroup& group = by_codec[codec.substr(0, codec.find('.'))];
    group.renditions.push_back(&rendition);
    group.peak = std::max(group.peak, rendition.peak_bandwidth);
    group.average = std::max(group.average, rendition.average_bandwidth);
  }
  std::vector<AudioGroup> groups;
  for (auto& [codec, group] : by_codec) {
    group.id = by_codec.size() == 1 ? "audio" : "audio-" + codec;
    groups.push_back(std::move(group));
  }
  return groups;
}

core::VariantTag variant_of(const Rendition& rendition, const AudioGroup* audio, const std::string& path) {
  core::VariantTag variant;
  variant.uri = core::uri_from_path(relative_path(rendition.playlist_path, path));
  variant.bandwidth = rendition.peak_bandwidth;
  variant.average_bandwidth = rendition.average_bandwidth;
  variant.codecs = rendition.codecs;
  variant.width = rendition.width;
  variant.height = rendition.height;
  variant.frame_rate_num = rendition.frame_rate_num;
  variant.frame_rate_den = rendition.frame_rate_den;
  if (audio == nullptr) return variant;
  variant.audio_group = audio->id;
  variant.bandwidth += audio->peak;
  variant.average_bandwidth += audio->average;
  for (const Rendition* sound : audio->renditions) {
    for (const std::string& codec : sound->codecs) {
      if (std::ranges::find(variant.codecs, codec) == variant.codecs.end()) variant.codecs.push_back(codec);
    }
  }
  return variant;
}

core::RenditionTag tag_of(const Rendition& rendition, const AudioGroup& group, bool first, const std::string& path) {
  core::RenditionTag tag;
  tag.type = "AUDIO";
  tag.group_id = group.id;
  const auto name_of = [](const Rendition* one) { return one->title.empty() ? one->track : one->title; };
  tag.name = name_of(&rendition);
  // NAME is unique in a group (RFC 8216 section 4.3.4.1.1), also between sinks.
  const auto same = std::ranges::count(group.renditions, tag.name, name_of);
  if (same > 1) tag.name = std::filesystem::path(rendition.playlist_path).stem().string();
  tag.language = rendition.language;
  tag.uri = core::uri_from_path(relative_path(rendition.playlist_path, path));
  tag.channels = rendition.channels;
  tag.is_default = first;
  tag.autoselect = true;
  return tag;
}

}  // namespace

std::string multivariant_text(const std::vector<Rendition>& renditions, const std::string& path) {
  core::MultivariantPlaylist playlist;
  playlist.independent_segments = std::ranges::all_of(renditions, &Rendition::independent);
  const std::vector<AudioGroup> groups = audio_groups(renditions);
  const bool has_video = std::ranges::any_of(renditions, &Rendition::video);
  if (has_video) {
    for (const AudioGroup& group : groups) {
      for (const Rendition* rendition : group.renditions) {
        playlist.renditions.push_back(tag_of(*rendition, group, rendition == group.renditions.front(), path));
      }
    }
  }
  for (const Rendition& rendition : renditions) {
    if (has_video && !rendition.video) continue;
    const bool alone = !rendition.video || rendition.channels > 0 || groups.empty();
    if (alone) playlist.variants.push_back(variant_of(rendition, nullptr, path));
    for (const AudioGroup& group : groups) {
      if (!alone) playlist.variants.push_back(variant_of(rendition, &group, path));
    }
  }
  return core::write_multivariant_playlist(playlist);
}

std::shared_ptr<Multivariant> Multivariant::share(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<Multivariant>> known;
  std::error_code error;
  const std::string name = std::filesystem::absolute(path, error).lexically_normal().string();
  const std::lock_guard lock(mutex);
  std::erase_if(known, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<Multivariant> shared = known[name].lock();
  if (shared == nullptr) known[name] = shared = std::make_shared<Multivariant>(path);
  return shared;
}

core::Result<void> Multivariant::update(const std::vector<Rendition>& renditions) {
  const std::lock_guard lock(mutex_);
  std::erase_if(renditions_, [this](const Rendition& rendition) {
    return std::ranges::find(gone_, rendition.playlist_path) != gone_.end();
  });
  gone_.clear();
  for (const Rendition& rendition : renditions) {
    const auto known = std::ranges::find(renditions_, rendition.playlist_path, &Rendition::playlist_path);
    if (known == renditions_.end()) {
      renditions_.push_back(rendition);
    } else {
      *known = rendition;
    }
  }
  std::string text = multivariant_text(renditions_, path_);
  if (text == written_ && access(path_.c_str(), F_OK) == 0) return {};
  AIRCHECK_TRY_VOID(write_text(path_, text).with_context("multivariant-location"));
  written_ = std::move(text);
  return {};
}

void Multivariant::leave(const std::vector<Rendition>& renditions) {
  const std::lock_guard lock(mutex_);
  for (const Rendition& rendition : renditions) gone_.push_back(rendition.playlist_path);
}

void Bandwidth::add(std::uint64_t bytes, std::int64_t duration_ns, std::int64_t target_ns) {
  const bool with_last = 2 * duration_ns < target_ns || 2 * last_duration_ns_ < target_ns;
  last_bytes_ = bytes + (with_last ? last_bytes_ : 0);
  last_duration_ns_ = duration_ns + (with_last ? last_duration_ns_ : 0);
  if (2 * last_duration_ns_ >= target_ns) peak_ = std::max(peak_, bits_per_second(last_bytes_, last_duration_ns_));
  bytes_ += bytes;
  duration_ns_ += duration_ns;
}

std::uint64_t Bandwidth::peak() const {
  return round_up(peak_);
}

std::uint64_t Bandwidth::average() const {
  return round_up(bits_per_second(bytes_, duration_ns_));
}

}  // namespace aircheck::fmp4
