#include "fmp4/fragment_writer.hpp"

#include <algorithm>
#include <array>

#include "core/bmff/boxes_fragment.hpp"
#include "core/bmff/boxes_movie.hpp"
#include "core/cenc.hpp"
#include "gstx/caps.hpp"

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

constexpr std::size_t kIvSize = std::tuple_size_v<core::CencIv>;
constexpr std::size_t kLargestInfo = 255;  // sizes in saiz are bytes
constexpr std::size_t kSubsampleSize = 6;
constexpr std::uint32_t kMdatHeaderSize = 8;

GstBuffer* buffer_from(const Bytes& bytes) {
  return gst_buffer_new_memdup(bytes.data(), bytes.size());
}

// A sample's entry in senc, taken from its metadata.
struct Protection {
  Bytes iv;          // empty where all samples have a constant one
  Bytes subsamples;  // entries as senc has them
};

// Of one sample, so that its entry in senc has at most 255 bytes: 42 with a constant IV, 40 with one of 8 bytes.
std::size_t most_subsamples(std::size_t iv_size) {
  return (kLargestInfo - iv_size - 2) / kSubsampleSize;
}

const GstStructure* protection_info(GstBuffer* buffer) {
  const GstProtectionMeta* meta = gst_buffer_get_protection_meta(buffer);
  return meta != nullptr ? meta->info : nullptr;
}

// All of a sample clear, in a track that is otherwise protected.
Bytes clear_subsamples(std::size_t size) {
  core::ByteWriter writer;
  do {
    const auto part = static_cast<std::uint16_t>(std::min<std::size_t>(size, UINT16_MAX));
    writer.u16(part);
    writer.u32(0);
    size -= part;
  } while (size > 0);
  return writer.take();
}

Result<Protection> read_protection(GstBuffer* sample, std::size_t iv_size) {
  Protection protection;
  protection.iv.resize(iv_size);
  const GstStructure* info = protection_info(sample);
  gboolean encrypted = FALSE;
  if (info == nullptr || !gst_structure_get_boolean(info, "encrypted", &encrypted) || !encrypted) {
    protection.subsamples = clear_subsamples(gst_buffer_get_size(sample));
    if (protection.subsamples.size() / kSubsampleSize > most_subsamples(iv_size)) {
      return fail(Code::kUnsupported, "a clear sample among protected ones is too large to be described");
    }
    return protection;
  }
  if (iv_size != 0) {
    const auto iv = gstx::buffer_field(info, "iv");
    if (!iv || gst_buffer_get_size(iv.get()) != iv_size) {
      return fail(Code::kUnsupported, "the protection metadata has no IV of " + std::to_string(iv_size) + " bytes");
    }
    gst_buffer_extract(iv.get(), 0, protection.iv.data(), iv_size);
  }
  guint count = 0;
  gst_structure_get_uint(info, "subsample_count", &count);
  if (count == 0) return protection;
  const auto subsamples = gstx::buffer_field(info, "subsamples");
  if (count > most_subsamples(iv_size) || !subsamples ||
      gst_buffer_get_size(subsamples.get()) != count * kSubsampleSize) {
    return fail(Code::kUnsupported, "the protection metadata says " + std::to_string(count) +
                                        " subsamples, and does not have them or has more than " +
                                        std::to_string(most_subsamples(iv_size)));
  }
  protection.subsamples.resize(count * kSubsampleSize);
  gst_buffer_extract(subsamples.get(), 0, protection.subsamples.data(), protection.subsamples.size());
  return protection;
}

// Fills senc, and saiz and saio where its entries are not empty, as Shaka Packager does; saio's offset is patched when
// the layout is known.
Result<void> add_protection(const TrackSlice& slice, bmff::Traf& traf) {
  std::vector<Protection> protections;
  protections.reserve(slice.samples.size());
  bool with_subsamples = false;
  const std::size_t iv_size = slice.samples.front().config->key.constant_iv ? 0 : kIvSize;
  for (const MuxSample& sample : slice.samples) {
    AIRCHECK_TRY(Protection protection, read_protection(sample.buffer.get(), iv_size));
    with_subsamples = with_subsamples || !protection.subsamples.empty();
    protections.push_back(std::move(protection));
  }
  bmff::Senc senc;
  bmff::Saiz saiz;
  senc.flags = with_subsamples ? bmff::Senc::kSubsamples : 0;
  senc.sample_count = saiz.sample_count = static_cast<std::uint32_t>(protections.size());
  core::ByteWriter entries;
  for (std::size_t i = 0; i < protections.size(); ++i) {
    Protection& protection = protections[i];
    const std::size_t before = entries.size();
    entries.bytes(protection.iv);
    if (with_subsamples) {
      if (protection.subsamples.empty()) {  // the flag is the box's: a wholly protected sample says so in one entry
        core::ByteWriter whole;
        whole.u16(0);
        whole.u32(static_cast<std::uint32_t>(gst_buffer_get_size(slice.samples[i].buffer.get())));
        protection.subsamples = whole.take();
      }
      entries.u16(static_cast<std::uint16_t>(protection.subsamples.size() / kSubsampleSize));
      entries.bytes(protection.subsamples);
    }
    saiz.sizes.push_back(static_cast<std::uint8_t>(entries.size() - before));
  }
  if (std::ranges::adjacent_find(saiz.sizes, std::not_equal_to()) == saiz.sizes.end()) {
    saiz.default_sample_info_size = saiz.sizes.front();
    saiz.sizes.clear();
  }
  senc.entries = entries.take();
  if (senc.entries.empty()) {  // whole samples under a constant IV
    traf.senc = std::move(senc);
    return {};
  }
  traf.saiz = std::move(saiz);
  traf.saio = bmff::Saio{.offsets = {0}};
  traf.senc = std::move(senc);
  return {};
}

Result<void> write_traf(const TrackSlice& slice, bmff::Traf& traf) {
  const TrackConfig& config = *slice.samples.front().config;
  const bool video = config.kind == TrackKind::kVideo;
  bmff::Trun& trun = traf.truns.emplace_back();
  traf.tfhd.track_id = slice.track->id();
  const std::int64_t lead = slice.decode_lead;
  traf.tfdt = bmff::Tfdt{.base_media_decode_time = static_cast<std::uint64_t>(slice.samples.front().decode - lead)};
  trun.version = 0;
  trun.flags |= bmff::Trun::kSize | (video ? bmff::Trun::kFlags : 0);
  if (!video) {
    traf.tfhd.flags |= bmff::Tfhd::kDefaultFlags;
    traf.tfhd.default_sample_flags = kSyncSample;
  }
  trun.samples.reserve(slice.samples.size());
  for (const MuxSample& sample : slice.samples) {
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
  if (config.encrypted()) AIRCHECK_TRY_VOID(add_protection(slice, traf));
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

}  // namespace

Result<gstx::Ref<GstBufferList>> write_segment(Segment& segment, std::uint32_t fragment_number) {
  bmff::Moof moof{.mfhd = {.sequence_number = fragment_number}};
  std::size_t samples = 0;
  for (const TrackSlice& slice : segment.tracks) {
    AIRCHECK_TRY_VOID(write_traf(slice, moof.trafs.emplace_back()));
    samples += slice.samples.size();
  }
  AIRCHECK_TRY(const std::uint64_t payload, lay_out(moof));
  core::ByteWriter mdat_header;
  mdat_header.u32(static_cast<std::uint32_t>(kMdatHeaderSize + payload));
  mdat_header.u32(fourcc("mdat"));

  auto list = gstx::Ref<GstBufferList>::adopt(gst_buffer_list_new_sized(static_cast<guint>(samples + 3)));
  gst_buffer_list_add(list.get(), buffer_from(write_styp(segment.tracks.size() == 1)));
  gst_buffer_list_add(list.get(), buffer_from(bmff::write_box(moof)));
  gst_buffer_list_add(list.get(), buffer_from(mdat_header.take()));
  for (TrackSlice& slice : segment.tracks) {
    for (MuxSample& sample : slice.samples) {
      GstBuffer* buffer = gst_buffer_make_writable(sample.buffer.release());
      GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = GST_BUFFER_DURATION(buffer) = GST_CLOCK_TIME_NONE;
      GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_HEADER);  // h264parse's; here it marks the init segment
      gst_buffer_list_add(list.get(), buffer);
    }
  }
  return list;
}

std::optional<SampleKey> sample_key(GstBuffer* buffer) {
  const GstStructure* info = protection_info(buffer);
  if (info == nullptr) return std::nullopt;
  const auto kid = gstx::buffer_field(info, "kid");
  SampleKey key;
  core::KeyId& key_id = key.key_id.emplace();
  if (!kid || gst_buffer_extract(kid.get(), 0, key_id.data(), key_id.size()) != key_id.size()) return std::nullopt;
  guint iv_size = 0;
  guint blocks = 0;
  if (gst_structure_get_uint(info, "crypt_byte_block", &blocks)) key.crypt_byte_block = blocks & 0x0f;
  if (gst_structure_get_uint(info, "skip_byte_block", &blocks)) key.skip_byte_block = blocks & 0x0f;
  if (!gst_structure_get_uint(info, "constant_iv_size", &iv_size) || iv_size == 0) return key;
  const auto iv = gstx::buffer_field(info, "iv");
  auto& constant_iv = key.constant_iv.emplace();
  if (!iv || gst_buffer_extract(iv.get(), 0, constant_iv.data(), constant_iv.size()) != constant_iv.size()) {
    return std::nullopt;
  }
  return key;
}

bool is_random_access(GstBuffer* access_unit, Codec codec, std::size_t nal_length_size) {
  std::array<std::uint8_t, 5> head{};
  std::size_t offset = 0;
  for (;;) {
    const std::size_t wanted = nal_length_size + 1;
    if (gst_buffer_extract(access_unit, offset, head.data(), wanted) != wanted) return false;
    std::size_t length = 0;
    for (std::size_t i = 0; i < nal_length_size; ++i) length = length << 8 | head[i];
    offset += nal_length_size + length;
    if (length == 0) continue;
    const std::uint8_t header = head[nal_length_size];
    if (codec == Codec::kH264) {
      constexpr std::uint8_t kFirstSlice = 1;
      constexpr std::uint8_t kIdrSlice = 5;
      const std::uint8_t type = header & 0x1fU;
      if (type >= kFirstSlice && type <= kIdrSlice) return type == kIdrSlice;
    } else {
      constexpr std::uint8_t kFirstIrap = 16;  // BLA, IDR and CRA
      constexpr std::uint8_t kLastIrap = 21;
      constexpr std::uint8_t kFirstOther = 32;  // parameter sets and the like
      const std::uint8_t type = header >> 1 & 0x3fU;
      if (type < kFirstOther) return type >= kFirstIrap && type <= kLastIrap;
    }
  }
}

}  // namespace aircheck::fmp4
