#include "fmp4/fragment_writer.hpp"

#include <algorithm>
#include <map>

#include "core/bmff/boxes_movie.hpp"
#include "fmp4/sample_protection.hpp"

namespace aircheck::fmp4 {
namespace {

namespace bmff = core::bmff;
using bmff::fourcc;
using core::Bytes;
using core::Code;
using core::fail;
using core::Result;

// ISO/IEC 14496-12 clause 8.8.3.1.
constexpr std::uint32_t kSyncSample = 0x02000000;     // depends on no other
constexpr std::uint32_t kNonSyncSample = 0x01010000;  // depends on others, not a sync sample

constexpr std::uint32_t kMdatHeaderSize = 8;

GstBuffer* buffer_from(const Bytes& bytes) {
  return gst_buffer_new_memdup(bytes.data(), bytes.size());
}

// The samples of one track in one chunk, and the chunk: a moof and its mdat.
struct TrackPart {
  const TrackSlice* slice = nullptr;
  std::span<MuxSample> samples;
};
using Chunk = std::vector<TrackPart>;

std::vector<Chunk> split(Segment& segment, std::int64_t chunk_ns) {
  std::map<std::int64_t, Chunk> chunks;
  for (TrackSlice& slice : segment.tracks) {
    const auto number = [&](const MuxSample& sample) {
      return chunk_ns == 0 ? 0 : std::max<std::int64_t>((sample.decode_ns - segment.start.ns) / chunk_ns, 0);
    };
    const std::span<MuxSample> all(slice.samples);
    for (std::size_t first = 0, end = 0; first < all.size(); first = end) {
      const std::int64_t own = number(all[first]);
      while (end < all.size() && number(all[end]) <= own) ++end;
      chunks[own].push_back({&slice, all.subspan(first, end - first)});
    }
  }
  std::vector<Chunk> result;
  result.reserve(chunks.size());
  for (auto& [number, chunk] : chunks) result.push_back(std::move(chunk));
  return result;
}

Result<void> write_traf(const TrackPart& part, bmff::Traf& traf) {
  const TrackSlice& slice = *part.slice;
  const std::span<MuxSample> samples = part.samples;
  const TrackConfig& config = *samples.front().config;
  const bool video = config.kind == TrackKind::kVideo;
  bmff::Trun& trun = traf.truns.emplace_back();
  traf.tfhd.track_id = slice.id;
  const std::int64_t lead = slice.decode_lead;
  if (samples.front().decode < lead) {
    return fail(Code::kInvalidArgument,
                "start-utc: a sample is to be decoded before 1970, which a tfdt box cannot say: set it 10 s later");
  }
  traf.tfdt = bmff::Tfdt{.base_media_decode_time = static_cast<std::uint64_t>(samples.front().decode - lead)};
  trun.version = 0;
  trun.flags |= bmff::Trun::kSize | (video ? bmff::Trun::kFlags : 0);
  if (!video) {
    traf.tfhd.flags |= bmff::Tfhd::kDefaultFlags;
    traf.tfhd.default_sample_flags = kSyncSample;
  }
  trun.samples.reserve(samples.size());
  for (const MuxSample& sample : samples) {
    trun.samples.push_back(
        {.duration = sample.duration,
         .size = static_cast<std::uint32_t>(gst_buffer_get_size(sample.buffer.get())),
         .flags = sample.sync ? kSyncSample : kNonSyncSample,
         .composition_offset = static_cast<std::int32_t>(sample.presentation - sample.decode + lead)});
    if (trun.samples.back().composition_offset != 0) trun.flags |= bmff::Trun::kCompositionOffset;
    if (trun.samples.back().composition_offset < 0) trun.version = 1;  // ISO/IEC 14496-12 clause 8.8.8.1: signed
  }
  const std::uint32_t duration = trun.samples.front().duration;
  if (std::ranges::all_of(trun.samples, [duration](const auto& sample) { return sample.duration == duration; })) {
    traf.tfhd.flags |= bmff::Tfhd::kDefaultDuration;
    traf.tfhd.default_sample_duration = duration;
  } else {
    trun.flags |= bmff::Trun::kDuration;
  }
  if (config.encrypted()) add_protection(samples, traf);
  return {};
}

// Offsets count from the start of the moof: samples follow its end and the header of mdat, track after track.
Result<std::uint64_t> lay_out(bmff::Moof& moof) {
  constexpr std::size_t kBoxHeader = 8;
  std::uint64_t position = kBoxHeader + bmff::write_box(moof.mfhd).size();
  for (bmff::Traf& traf : moof.trafs) {
    position += bmff::write_box(traf).size();
    if (traf.saio) {
      const std::size_t senc_size = bmff::write_box(*traf.senc).size();  // the last box of traf
      traf.saio->offsets.front() = position - senc_size + bmff::Senc::kEntriesOffset;
    }
  }
  std::uint64_t payload = 0;
  for (bmff::Traf& traf : moof.trafs) {
    const std::uint64_t offset = position + kMdatHeaderSize + payload;
    if (offset > INT32_MAX) return fail(Code::kUnsupported, "a segment of 2 GiB or more cannot be described");
    traf.truns.front().data_offset = static_cast<std::int32_t>(offset);
    for (const bmff::TrunSample& sample : traf.truns.front().samples) payload += sample.size;
  }
  if (payload > INT32_MAX) return fail(Code::kUnsupported, "a segment of 2 GiB or more cannot be described");
  return payload;
}

Bytes write_styp(bool one_track) {
  bmff::FileType styp{.type = fourcc("styp"), .major_brand = fourcc("msdh")};
  styp.compatible_brands = {fourcc("msdh"), fourcc("iso6")};
  if (one_track) styp.compatible_brands.push_back(fourcc("cmfs"));
  return bmff::write_box(styp);
}

// The time of the sample that is presented first, in units, which is UTC.
std::int64_t earliest_presentation(const TrackPart& part) {
  return std::ranges::min(part.samples, {}, &MuxSample::presentation).presentation;
}

bmff::Prft producer_time(const Chunk& chunk) {
  constexpr std::int64_t kNtpEpoch = 2'208'988'800;  // s from 1900 to 1970
  const TrackPart& part = chunk.front();
  const std::uint32_t timescale = part.samples.front().config->timescale;
  const std::int64_t time = earliest_presentation(part);
  const auto seconds = static_cast<std::uint64_t>(time / timescale + kNtpEpoch);
  const auto fraction = (static_cast<std::uint64_t>(time % timescale) << 32U) / timescale;
  return {.track_id = part.slice->id,
          .ntp_time = seconds << 32U | fraction,
          .media_time = static_cast<std::uint64_t>(time)};
}

// A moof behind its prft, and the header of its mdat.
struct ChunkHead {
  Bytes bytes;
  std::uint64_t payload = 0;  // bytes
};

Result<ChunkHead> write_head(const Chunk& chunk, bool with_prft, std::uint32_t number) {
  bmff::Moof moof{.mfhd = {.sequence_number = number}};
  for (const TrackPart& part : chunk) AIRCHECK_TRY_VOID(write_traf(part, moof.trafs.emplace_back()));
  ChunkHead head;
  AIRCHECK_TRY(head.payload, lay_out(moof));
  bmff::BoxWriter writer;
  if (with_prft) writer.box(producer_time(chunk));
  writer.box(moof);
  writer.field(static_cast<std::uint32_t>(kMdatHeaderSize + head.payload));
  writer.field(fourcc("mdat"));
  head.bytes = writer.take();
  return head;
}

// Of random access: type 1 where nothing is presented before the first sample, 3 where pictures lead it.
std::uint32_t stream_access_point(const TrackPart& part) {
  const MuxSample& first = part.samples.front();
  if (!first.sync) return 0;
  const std::uint32_t type = earliest_presentation(part) < first.presentation ? 3 : 1;
  return bmff::Sidx::kStartsWithSap | type << bmff::Sidx::kSapTypeShift;
}

bmff::Sidx index_of(const std::vector<Chunk>& chunks, const std::vector<ChunkHead>& heads) {
  const TrackPart& first = chunks.front().front();
  const MuxSample& last = chunks.back().front().samples.back();
  bmff::Sidx sidx{.reference_id = first.slice->id, .timescale = last.config->timescale};
  std::int64_t time = earliest_presentation(first);
  sidx.earliest_presentation_time = static_cast<std::uint64_t>(time);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const bool more = i + 1 < chunks.size();
    const std::int64_t next = more ? earliest_presentation(chunks[i + 1].front()) : last.decode + last.duration;
    sidx.references.push_back({.size = static_cast<std::uint32_t>(heads[i].bytes.size() + heads[i].payload),
                               .duration = static_cast<std::uint32_t>(std::max<std::int64_t>(next - time, 0)),
                               .sap = stream_access_point(chunks[i].front())});
    time = std::max(time, next);
  }
  return sidx;
}

void append_payload(GstBufferList* list, const Chunk& chunk) {
  for (const TrackPart& part : chunk) {
    for (MuxSample& sample : part.samples) {
      GstBuffer* buffer = gst_buffer_make_writable(sample.buffer.release());
      GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
      GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_HEADER);  // h264parse's; here it marks the init segment
      gst_buffer_list_add(list, buffer);
    }
  }
}

}  // namespace

Result<gstx::Ref<GstBufferList>> write_segment(Segment& segment, const FragmentSettings& settings,
                                               std::uint32_t& fragment_number) {
  const std::vector<Chunk> chunks = split(segment, settings.chunk_ns);
  std::vector<ChunkHead> heads;
  std::size_t samples = 0;
  for (const Chunk& chunk : chunks) {
    AIRCHECK_TRY(ChunkHead head, write_head(chunk, settings.write_prft, ++fragment_number));
    heads.push_back(std::move(head));
    for (const TrackPart& part : chunk) samples += part.samples.size();
  }
  auto list =
      gstx::Ref<GstBufferList>::adopt(gst_buffer_list_new_sized(static_cast<guint>(samples + heads.size() + 2)));
  gst_buffer_list_add(list.get(), buffer_from(write_styp(settings.one_track)));
  if (settings.write_sidx && settings.one_track) {
    gst_buffer_list_add(list.get(), buffer_from(bmff::write_box(index_of(chunks, heads))));
  }
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    gst_buffer_list_add(list.get(), buffer_from(heads[i].bytes));
    append_payload(list.get(), chunks[i]);
  }
  return list;
}

}  // namespace aircheck::fmp4
