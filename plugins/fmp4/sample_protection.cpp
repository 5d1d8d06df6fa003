#include "fmp4/sample_protection.hpp"

#include <algorithm>

#include "core/cenc.hpp"
#include "core/time.hpp"
#include "gstx/caps.hpp"
#include "gstx/protection_fields.hpp"

namespace aircheck::fmp4 {
namespace {

namespace bmff = core::bmff;
using core::Bytes;
using core::Code;
using core::fail;
using core::Result;
using gstx::protection_fields;

constexpr std::size_t kIvSize = std::tuple_size_v<core::CencIv>;
constexpr std::size_t kLargestInfo = 255;  // sizes in saiz are bytes
constexpr std::size_t kSubsampleSize = 6;

// Of one sample, so that its entry in senc has at most 255 bytes: 42 with a constant IV, 40 with one of 8 bytes.
std::size_t most_subsamples(std::size_t iv_size) {
  return (kLargestInfo - iv_size - 2) / kSubsampleSize;
}

bool is_encrypted(const GstStructure* info) {
  const GValue* const value =
      info != nullptr ? gst_structure_id_get_value(info, protection_fields().encrypted) : nullptr;
  return value != nullptr && G_VALUE_HOLDS_BOOLEAN(value) && g_value_get_boolean(value) != FALSE;
}

// Copies the field into `out`. False unless it is a buffer of that size at least.
bool copy_field(const GstStructure* info, GQuark name, std::span<std::uint8_t> out) {
  GstBuffer* const buffer = gstx::peek_buffer(info, name);
  return buffer != nullptr && gst_buffer_extract(buffer, 0, out.data(), out.size()) == out.size();
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

// What the metadata says beyond the one sample; nothing where it has no key id.
std::optional<SampleKey> read_key(const GstStructure* info) {
  SampleKey key;
  if (!copy_field(info, protection_fields().kid, key.key_id.emplace())) return std::nullopt;
  key.crypt_byte_block = gstx::peek_uint(info, protection_fields().crypt_byte_block).value_or(0) & 0x0f;
  key.skip_byte_block = gstx::peek_uint(info, protection_fields().skip_byte_block).value_or(0) & 0x0f;
  if (gstx::peek_uint(info, protection_fields().constant_iv_size).value_or(0) == 0) return key;
  if (!copy_field(info, protection_fields().iv, key.constant_iv.emplace())) return std::nullopt;
  return key;
}

Result<SampleProtection> read_clear(std::size_t size, std::size_t iv_size) {
  SampleProtection protection;
  protection.subsamples = clear_subsamples(size);
  if (protection.subsamples.size() / kSubsampleSize <= most_subsamples(iv_size)) return protection;
  return fail(Code::kUnsupported, "a clear sample of " + std::to_string(size) +
                                      " bytes among protected ones cannot be described, which ends at " +
                                      std::to_string(most_subsamples(iv_size) * UINT16_MAX) +
                                      ": set clear-lead of the encryptor to 0, or encode smaller pictures");
}

Result<SampleProtection> read_encrypted(const GstStructure* info, std::size_t iv_size) {
  SampleProtection protection;
  if (iv_size != 0) {
    GstBuffer* const iv = gstx::peek_buffer(info, protection_fields().iv);
    if (iv == nullptr || gst_buffer_get_size(iv) != iv_size) {
      return fail(Code::kUnsupported, "the protection metadata has no IV of " + std::to_string(iv_size) + " bytes");
    }
    gst_buffer_extract(iv, 0, protection.iv.data(), iv_size);
  }
  const std::size_t count = gstx::peek_uint(info, protection_fields().subsample_count).value_or(0);
  if (count == 0) return protection;
  GstBuffer* const subsamples = gstx::peek_buffer(info, protection_fields().subsamples);
  if (count > most_subsamples(iv_size) || subsamples == nullptr ||
      gst_buffer_get_size(subsamples) != count * kSubsampleSize) {
    return fail(Code::kUnsupported, "the protection metadata says " + std::to_string(count) +
                                        " subsamples, and does not have them or has more than " +
                                        std::to_string(most_subsamples(iv_size)));
  }
  protection.subsamples.resize(count * kSubsampleSize);
  gst_buffer_extract(subsamples, 0, protection.subsamples.data(), protection.subsamples.size());
  return protection;
}

}  // namespace

Result<void> take_protection(const TrackConfig& config, IncomingSample& sample) {
  GstProtectionMeta* meta = gst_buffer_get_protection_meta(sample.buffer.get());
  if (meta != nullptr) sample.key = read_key(meta->info);
  if (config.encrypted()) {
    const GstStructure* const info = meta != nullptr ? meta->info : nullptr;
    const std::size_t iv_size = (sample.key ? *sample.key : config.key).constant_iv ? 0 : kIvSize;
    auto protection = is_encrypted(info) ? read_encrypted(info, iv_size)
                                         : read_clear(gst_buffer_get_size(sample.buffer.get()), iv_size);
    if (!protection) {
      return core::Unexpected(
          protection.error().with_context("the sample at " + core::to_rfc3339(core::Utc{sample.presentation_ns}, 3)));
    }
    sample.protection = std::move(*protection);
  }
  if (meta == nullptr) return {};
  sample.buffer = gstx::Ref<GstBuffer>::adopt(gst_buffer_make_writable(sample.buffer.release()));
  meta = gst_buffer_get_protection_meta(sample.buffer.get());  // a copy has another one
  if (meta != nullptr) gst_buffer_remove_meta(sample.buffer.get(), &meta->meta);
  return {};
}

void add_protection(std::span<const MuxSample> samples, bmff::Traf& traf) {
  // The flag is the box's: a wholly protected sample says so in one entry.
  const bool with_subsamples =
      std::ranges::any_of(samples, [](const MuxSample& sample) { return !sample.protection.subsamples.empty(); });
  const bool with_iv = !samples.front().config->key.constant_iv;
  bmff::Senc senc;
  bmff::Saiz saiz;
  senc.flags = with_subsamples ? bmff::Senc::kSubsamples : 0;
  senc.sample_count = saiz.sample_count = static_cast<std::uint32_t>(samples.size());
  saiz.sizes.reserve(samples.size());
  core::ByteWriter entries;
  for (const MuxSample& sample : samples) {
    const core::ByteView subsamples = sample.protection.subsamples;
    const std::size_t before = entries.size();
    if (with_iv) entries.bytes(sample.protection.iv);
    if (with_subsamples && subsamples.empty()) {
      entries.u16(1);
      entries.u16(0);
      entries.u32(static_cast<std::uint32_t>(gst_buffer_get_size(sample.buffer.get())));
    } else if (with_subsamples) {
      entries.u16(static_cast<std::uint16_t>(subsamples.size() / kSubsampleSize));
      entries.bytes(subsamples);
    }
    saiz.sizes.push_back(static_cast<std::uint8_t>(entries.size() - before));
  }
  if (std::ranges::adjacent_find(saiz.sizes, std::not_equal_to()) == saiz.sizes.end()) {
    saiz.default_sample_info_size = saiz.sizes.front();
    saiz.sizes.clear();
  }
  senc.entries = entries.take();
  if (!senc.entries.empty()) {  // else whole samples under a constant IV
    traf.saiz = std::move(saiz);
    traf.saio = bmff::Saio{.offsets = {0}};
  }
  traf.senc = std::move(senc);
}

}  // namespace aircheck::fmp4
