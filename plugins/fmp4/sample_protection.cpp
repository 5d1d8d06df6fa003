#include "fmp4/sample_protection.hpp"

#include <algorithm>

#include "core/cenc.hpp"
#include "core/time.hpp"
#include "gstx/caps.hpp"

namespace aircheck::fmp4 {
namespace {

namespace bmff = core::bmff;
using core::Bytes;
using core::Code;
using core::fail;
using core::Result;

constexpr std::size_t kIvSize = std::tuple_size_v<core::CencIv>;
constexpr std::size_t kLargestInfo = 255;  // sizes in saiz are bytes
constexpr std::size_t kSubsampleSize = 6;

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
      return fail(Code::kUnsupported, "a clear sample of " + std::to_string(gst_buffer_get_size(sample)) +
                                          " bytes among protected ones cannot be described, which ends at " +
                                          std::to_string(most_subsamples(iv_size) * UINT16_MAX) +
                                          ": set clear-lead of the encryptor to 0, or encode smaller pictures");
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

}  // namespace

Result<void> add_protection(std::span<const MuxSample> samples, bmff::Traf& traf) {
  std::vector<Protection> protections;
  protections.reserve(samples.size());
  bool with_subsamples = false;
  const std::size_t iv_size = samples.front().config->key.constant_iv ? 0 : kIvSize;
  for (const MuxSample& sample : samples) {
    auto protection = read_protection(sample.buffer.get(), iv_size);
    if (!protection) {
      return core::Unexpected(
          protection.error().with_context("the sample at " + core::to_rfc3339(core::Utc{sample.presentation_ns}, 3)));
    }
    with_subsamples = with_subsamples || !protection->subsamples.empty();
    protections.push_back(std::move(*protection));
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
        whole.u32(static_cast<std::uint32_t>(gst_buffer_get_size(samples[i].buffer.get())));
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

}  // namespace aircheck::fmp4
