#include "fmp4/mux_output.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "fmp4/init_writer.hpp"
#include "gstx/caps.hpp"

namespace aircheck::fmp4 {
namespace {

// track_ID where a file has one track. Shaka Packager 3.4 crashes when it decrypts a file whose only track is another.
constexpr std::uint32_t kOnlyTrack = 1;

// Fills what the formats say; `facts` keeps which track the file is of.
void describe(const std::vector<std::pair<std::uint32_t, TrackConfig>>& configs, FileFacts& facts) {
  facts.codecs.clear();
  facts.language.clear();
  facts.width = facts.audio_channels = 0;
  facts.kind = configs.front().second.kind;
  facts.title = configs.size() == 1 ? configs.front().second.name : "";
  for (const auto& [id, config] : configs) {
    const std::string codec = config.codec_string();
    if (("," + facts.codecs + ",").find("," + codec + ",") == std::string::npos) {
      facts.codecs += (facts.codecs.empty() ? "" : ",") + codec;
    }
    if (facts.language.empty()) facts.language = config.tags.language;
    if (config.kind == TrackKind::kVideo && facts.width == 0) {
      facts.width = (config.display_width + 0x8000U) >> 16;
      facts.height = config.visual.height;
      facts.frame_rate_n = config.frame_rate_n;
      facts.frame_rate_d = config.frame_rate_d;
    }
    if (config.kind == TrackKind::kAudio && facts.audio_channels == 0) {
      facts.audio_channels = config.audio.channel_count;
      facts.sample_rate = config.timescale;
    }
  }
}

}  // namespace

void MuxOutput::push_start_events() {
  if (!pushed_start_) {
    std::array<char, 32> stream_id{};
    std::snprintf(stream_id.data(), stream_id.size(), "fmp4mux-%08x%08x", g_random_int(), g_random_int());
    gst_pad_push_event(source_, gst_event_new_stream_start(stream_id.data()));
    const auto caps = gstx::Ref<GstCaps>::adopt(gst_pad_get_pad_template_caps(source_));
    gst_pad_push_event(source_, gst_event_new_caps(caps.get()));
  }
  if (!pushed_segment_) {
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_pad_push_event(source_, gst_event_new_segment(&segment));
  }
  pushed_start_ = pushed_segment_ = true;
}

void MuxOutput::push_eos() {
  push_start_events();
  gst_pad_push_event(source_, gst_event_new_eos());
}

std::vector<MuxOutput::Part> MuxOutput::split(Segment segment) {
  std::vector<Part> parts;
  if (settings_.layout == Layout::kMuxed) {
    parts.push_back({&files_[0], std::move(segment)});
    return parts;
  }
  for (TrackSlice& slice : segment.tracks) {
    File& file = files_[slice.track->id()];
    file.facts.track_id = slice.track->id();
    file.facts.track_name = slice.track->name();
    Part& part = parts.emplace_back(Part{
        &file, {segment.start, segment.duration_ns, segment.discontinuity, segment.independent, segment.cause, {}}});
    slice.id = kOnlyTrack;
    part.segment.tracks.push_back(std::move(slice));
  }
  return parts;
}

// Takes over the formats of these tracks. Returns whether their media changed, beyond the key, since the last segment.
bool MuxOutput::update_configs(File& file, const Segment& segment) {
  bool other_media = false;
  for (const TrackSlice& slice : segment.tracks) {
    const TrackConfig& config = *slice.samples.front().config;
    const auto known = std::ranges::find(file.configs, slice.id, [](const auto& pair) { return pair.first; });
    if (known == file.configs.end()) {
      other_media = other_media || !file.init.empty();
      file.configs.emplace_back(slice.id, config);
    } else if (known->second != config) {
      other_media = other_media || !known->second.same_media(config);
      known->second = config;
    }
  }
  std::ranges::stable_sort(file.configs, {}, [](const auto& pair) { return pair.second.kind; });
  return other_media;
}

// Of all tracks of all files.
std::vector<core::KeyId> MuxOutput::key_ids() const {
  std::vector<core::KeyId> ids;
  for (const auto& [track_id, file] : files_) {
    for (const auto& [id, config] : file.configs) {
      const auto& key_id = config.key.key_id;
      if (config.encrypted() && key_id && std::ranges::find(ids, *key_id) == ids.end()) ids.push_back(*key_id);
    }
  }
  return ids;
}

void MuxOutput::update_init(File& file, const std::vector<core::KeyId>& key_ids) {
  std::vector<InitTrack> tracks;
  for (const auto& [id, config] : file.configs) tracks.push_back({id, &config});
  core::Bytes init = write_init(tracks, key_ids);
  file.init_is_new = init != file.init;
  if (file.init_is_new) describe(file.configs, file.facts);
  file.init = std::move(init);
}

GstFlowReturn MuxOutput::push_init(File& file) const {
  GstBuffer* buffer = gst_buffer_new_memdup(file.init.data(), file.init.size());
  GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_HEADER);
  SegmentMeta meta;
  meta.file = file.facts;
  set_segment_meta(buffer, meta);
  GstBufferList* list = gst_buffer_list_new_sized(1);
  gst_buffer_list_add(list, buffer);
  return gst_pad_push_list(source_, list);
}

core::Result<GstFlowReturn> MuxOutput::push_part(Part& part, SegmentMeta meta, std::int64_t anchor_ns) const {
  if (part.file->init_is_new) {
    if (const GstFlowReturn flow = push_init(*part.file); flow != GST_FLOW_OK) return flow;
  }
  meta.file = part.file->facts;
  for (const TrackSlice& slice : part.segment.tracks) {
    const auto& key_id = slice.samples.front().config->key.key_id;
    if (!meta.key_id) meta.key_id = key_id;
    if (key_id && key_id != meta.key_id) meta.other_key_id = key_id;
  }
  meta.independent = meta.independent && std::ranges::all_of(part.segment.tracks, [](const TrackSlice& slice) {
                       return slice.samples.front().sync;
                     });
  FragmentSettings fragments = settings_.fragments;
  fragments.one_track = part.file->configs.size() == 1;
  AIRCHECK_TRY(auto list, write_segment(part.segment, fragments, part.file->fragment_number));
  GstBuffer* styp = gst_buffer_list_get_writable(list.get(), 0);
  GST_BUFFER_PTS(styp) = static_cast<GstClockTime>(std::max<std::int64_t>(meta.start.ns - anchor_ns, 0));
  GST_BUFFER_DURATION(styp) = static_cast<GstClockTime>(std::max<std::int64_t>(meta.duration_ns, 0));
  set_segment_meta(styp, meta);
  return gst_pad_push_list(source_, list.release());
}

core::Result<GstFlowReturn> MuxOutput::push(Segment segment, SegmentMeta meta, std::int64_t anchor_ns) {
  push_start_events();
  std::vector<Part> parts = split(std::move(segment));
  for (const Part& part : parts) meta.discontinuity = update_configs(*part.file, part.segment) || meta.discontinuity;
  const std::vector<core::KeyId> listed = settings_.write_pssh ? key_ids() : std::vector<core::KeyId>();
  for (const Part& part : parts) update_init(*part.file, listed);
  for (Part& part : parts) {
    meta.last_of_segment = &part == &parts.back();
    AIRCHECK_TRY(const GstFlowReturn flow, push_part(part, meta, anchor_ns));
    if (flow != GST_FLOW_OK) return flow;
  }
  return GST_FLOW_OK;
}

}  // namespace aircheck::fmp4
