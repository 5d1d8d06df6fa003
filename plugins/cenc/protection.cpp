#include "cenc/protection.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "gstx/buffer_map.hpp"
#include "gstx/caps.hpp"
#include "gstx/protection_fields.hpp"

namespace aircheck::cenc {

namespace {

using core::CencScheme;
using core::Code;
using core::fail;
using core::Result;
using gstx::protection_fields;
using gstx::Ref;

constexpr const char* kOriginalMediaType = "original-media-type";
constexpr const char* kCipherMode = "cipher-mode";
constexpr const char* kMediaTypes[] = {kAvcCaps, kHevcCaps, "audio/mpeg", "audio/x-opus"};
// Also media types of other encryptors.
constexpr const char* kOriginalCaps =
    "video/x-h264; video/x-h265; video/x-vp9; video/x-av1; video/mpeg; audio/mpeg; audio/x-opus; audio/x-ac3; "
    "audio/x-eac3; audio/x-flac";
constexpr std::size_t kSubsampleSize = 6;  // u16be clear, u32be protected

void set_encrypted(GstStructure* structure, CencScheme scheme) {
  gst_structure_set(structure, kOriginalMediaType, G_TYPE_STRING, gst_structure_get_name(structure), kCipherMode,
                    G_TYPE_STRING, cipher_mode(scheme), GST_PROTECTION_SYSTEM_ID_CAPS_FIELD, G_TYPE_STRING,
                    kProtectionSystem, nullptr);
  gst_structure_set_name(structure, kEncryptedCaps);
}

// Whether `encrypted` may be what frames of `media_type` become; a cipher-mode or system that it has must be right.
bool can_be(const GstStructure* encrypted, const char* media_type, std::optional<CencScheme> scheme) {
  for (const CencScheme candidate : {CencScheme::kCenc, CencScheme::kCbcs}) {
    if (scheme && *scheme != candidate) continue;
    gstx::Structure wanted(gst_structure_new_empty(media_type));
    set_encrypted(wanted.get(), candidate);
    if (gst_structure_can_intersect(encrypted, wanted.get())) return true;
  }
  return false;
}

void append_clear(GstCaps* caps, const GstStructure* encrypted, const char* media_type) {
  GstStructure* const clear = gst_structure_copy(encrypted);
  gst_structure_set_name(clear, media_type);
  gst_structure_remove_fields(clear, kOriginalMediaType, kCipherMode, GST_PROTECTION_SYSTEM_ID_CAPS_FIELD, nullptr);
  gst_caps_append_structure(caps, clear);
}

Ref<GstBuffer> subsamples_buffer(std::span<const core::Subsample> subsamples) {
  std::array<std::uint8_t, core::SubsampleMap::kCapacityConstantIv * kSubsampleSize> bytes;
  auto out = bytes.begin();
  for (const core::Subsample& subsample : subsamples) {
    for (const int shift : {8, 0}) *out++ = static_cast<std::uint8_t>(subsample.clear_bytes >> shift);
    for (const int shift : {24, 16, 8, 0}) *out++ = static_cast<std::uint8_t>(subsample.protected_bytes >> shift);
  }
  return Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), subsamples.size() * kSubsampleSize));
}

// A GValue on its way into a structure.
class Value {
 public:
  explicit Value(GType type) { g_value_init(&value_, type); }
  [[nodiscard]] GValue* get() { return &value_; }
  void move_to(GstStructure* info, GQuark field) { gst_structure_id_take_value(info, field, &value_); }

 private:
  GValue value_ = G_VALUE_INIT;
};

void set_uint(GstStructure* info, GQuark field, std::size_t number) {
  Value value(G_TYPE_UINT);
  g_value_set_uint(value.get(), static_cast<guint>(number));
  value.move_to(info, field);
}

void set_buffer(GstStructure* info, GQuark field, GstBuffer* buffer) {
  Value value(GST_TYPE_BUFFER);
  g_value_set_boxed(value.get(), buffer);
  value.move_to(info, field);
}

Result<guint> uint_field(const GstStructure* info, const char* name) {
  guint value = 0;
  if (!gst_structure_has_field(info, name) || gst_structure_get_uint(info, name, &value)) return value;
  return fail(Code::kParse, std::string(name) + " is no unsigned integer");
}

// Copies all of the buffer, which has to have one of two sizes.
Result<std::size_t> copy_field(const GstStructure* info, const char* name, std::span<std::uint8_t> out,
                               std::size_t other_size) {
  const auto buffer = gstx::buffer_field(info, name);
  if (!buffer) return fail(Code::kParse, std::string(name) + " is missing");
  const gsize size = gst_buffer_get_size(buffer.get());
  if (size != out.size() && size != other_size) {
    return fail(Code::kParse, std::string(name) + " has " + std::to_string(size) + " bytes");
  }
  if (gst_buffer_extract(buffer.get(), 0, out.data(), size) != size) {
    return fail(Code::kParse, std::string(name) + " cannot be read");
  }
  return size;
}

Result<core::SubsampleMap> read_subsamples(const GstStructure* info, std::size_t frame_size) {
  core::SubsampleMap map(core::SubsampleMap::kCapacityConstantIv);
  AIRCHECK_TRY(const guint count, uint_field(info, "subsample_count"));
  if (count == 0) return map;
  if (count > map.capacity()) {
    return fail(Code::kUnsupported, "it says " + std::to_string(count) + " subsamples, more than 42");
  }
  const auto buffer = gstx::buffer_field(info, "subsamples");
  if (!buffer) return fail(Code::kParse, "subsamples is missing");
  AIRCHECK_TRY(const auto bytes, gstx::BufferMap::read(buffer.get()));
  if (bytes.bytes().size() != count * kSubsampleSize) {
    return fail(Code::kParse, "it says " + std::to_string(count) + " subsamples and has " +
                                  std::to_string(bytes.bytes().size()) + " bytes of them");
  }
  core::ByteReader reader(bytes.bytes());
  std::uint64_t sum = 0;
  while (!reader.empty()) {
    core::Subsample entry;
    AIRCHECK_TRY(entry.clear_bytes, reader.u16());
    AIRCHECK_TRY(entry.protected_bytes, reader.u32());
    sum += std::uint64_t{entry.clear_bytes} + entry.protected_bytes;
    if (!map.append(entry)) return fail(Code::kUnsupported, "more than 42 subsamples");
  }
  if (sum == frame_size) return map;
  return fail(Code::kParse,
              "subsamples describe " + std::to_string(sum) + " bytes, the frame has " + std::to_string(frame_size));
}

Result<core::CryptPattern> read_pattern(const GstStructure* info) {
  AIRCHECK_TRY(const guint crypt, uint_field(info, "crypt_byte_block"));
  AIRCHECK_TRY(const guint skip, uint_field(info, "skip_byte_block"));
  if (crypt > 15 || skip > 15 || (crypt == 0 && skip != 0)) {
    return fail(Code::kParse, "a pattern of " + std::to_string(crypt) + ":" + std::to_string(skip) + " blocks");
  }
  return core::CryptPattern{static_cast<std::uint8_t>(crypt), static_cast<std::uint8_t>(skip)};
}

}  // namespace

const char* cipher_mode(CencScheme scheme) {
  return scheme == CencScheme::kCenc ? "cenc" : "cbcs";
}

std::optional<CencScheme> scheme_from(const char* cipher_mode) {
  if (g_strcmp0(cipher_mode, "cenc") == 0) return CencScheme::kCenc;
  if (g_strcmp0(cipher_mode, "cbcs") == 0) return CencScheme::kCbcs;
  return std::nullopt;
}

Ref<GstCaps> encrypted_caps(GstCaps* clear, CencScheme scheme) {
  auto caps = Ref<GstCaps>::adopt(gst_caps_copy(clear));
  for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) {
    set_encrypted(gst_caps_get_structure(caps.get(), i), scheme);
  }
  return caps;
}

Ref<GstCaps> clear_caps(GstCaps* encrypted, std::optional<CencScheme> scheme) {
  auto caps = Ref<GstCaps>::adopt(gst_caps_new_empty());
  for (guint i = 0; i < gst_caps_get_size(encrypted); ++i) {
    const GstStructure* const structure = gst_caps_get_structure(encrypted, i);
    for (const char* media_type : kMediaTypes) {
      if (!can_be(structure, media_type, scheme)) continue;
      append_clear(caps.get(), structure, media_type);
    }
  }
  return caps;
}

const char* original_template_caps() {
  return kOriginalCaps;
}

Ref<GstCaps> original_caps(GstCaps* encrypted) {
  auto caps = Ref<GstCaps>::adopt(gst_caps_new_empty());
  const auto originals = gstx::caps_from_text(kOriginalCaps);
  for (guint i = 0; i < gst_caps_get_size(encrypted); ++i) {
    const GstStructure* const structure = gst_caps_get_structure(encrypted, i);
    const gchar* const mode = gst_structure_get_string(structure, kCipherMode);
    if (mode != nullptr && !scheme_from(mode)) continue;
    for (guint j = 0; j < gst_caps_get_size(originals.get()); ++j) {
      const gchar* const media_type = gst_structure_get_name(gst_caps_get_structure(originals.get(), j));
      const gstx::Structure wanted(
          gst_structure_new(kEncryptedCaps, kOriginalMediaType, G_TYPE_STRING, media_type, nullptr));
      if (gst_structure_can_intersect(structure, wanted.get())) append_clear(caps.get(), structure, media_type);
    }
  }
  return caps;
}

Ref<GstCaps> any_encrypted_caps(GstCaps* clear) {
  auto caps = Ref<GstCaps>::adopt(gst_caps_copy(clear));
  for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) {
    GstStructure* const structure = gst_caps_get_structure(caps.get(), i);
    gst_structure_set(structure, kOriginalMediaType, G_TYPE_STRING, gst_structure_get_name(structure), nullptr);
    gst_structure_set_name(structure, kEncryptedCaps);
  }
  return caps;
}

// Fields, types and order as qtdemux 1.22 has them, but for one: where a constant IV comes with subsamples, qtdemux
// calls it a sample's own of 16 bytes, and we say what it is, so that a muxer can tell.
ProtectionInfo::ProtectionInfo(const CommonProtection& common)
    : common_(gst_structure_new_empty(kEncryptedCaps)), constant_iv_(common.scheme == CencScheme::kCbcs) {
  GstStructure* const info = common_.get();
  const bool own_iv = common.encrypted && !constant_iv_;
  set_uint(info, protection_fields().iv_size, own_iv ? std::tuple_size_v<core::CencIv> : 0);
  Value encrypted(G_TYPE_BOOLEAN);
  g_value_set_boolean(encrypted.get(), common.encrypted ? TRUE : FALSE);
  encrypted.move_to(info, protection_fields().encrypted);
  set_buffer(info, protection_fields().kid, common.key_id);
  if (common.pattern.skip_blocks != 0) {
    set_uint(info, protection_fields().crypt_byte_block, common.pattern.crypt_blocks);
    set_uint(info, protection_fields().skip_byte_block, common.pattern.skip_blocks);
  }
  if (constant_iv_) {
    set_uint(info, protection_fields().constant_iv_size, std::tuple_size_v<core::AesBlock>);
    set_buffer(info, protection_fields().iv, common.constant_iv);
  }
  Value mode(G_TYPE_STRING);
  g_value_set_interned_string(mode.get(), g_intern_static_string(cipher_mode(common.scheme)));  // copies are free
  mode.move_to(info, g_quark_from_static_string(kCipherMode));
}

void ProtectionInfo::add_to(GstBuffer* frame, GstBuffer* iv, std::span<const core::Subsample> subsamples) const {
  GstStructure* const info = gst_structure_copy(common_.get());
  if (iv != nullptr) set_buffer(info, protection_fields().iv, iv);
  // Of wholly protected samples with a constant IV a file says nothing, and neither does qtdemux.
  if (!constant_iv_ || !subsamples.empty()) set_uint(info, protection_fields().subsample_count, subsamples.size());
  if (!subsamples.empty()) set_buffer(info, protection_fields().subsamples, subsamples_buffer(subsamples).get());
  gst_buffer_add_protection_meta(frame, info);
}

Result<ReadProtection> read_protection(const GstStructure* info, CencScheme scheme, std::size_t frame_size) {
  ReadProtection protection;
  gboolean encrypted = FALSE;
  if (!gst_structure_get_boolean(info, "encrypted", &encrypted)) return fail(Code::kParse, "encrypted is missing");
  protection.encrypted = encrypted != FALSE;
  if (!protection.encrypted) return protection;
  const gchar* const mode = gst_structure_get_string(info, kCipherMode);
  const auto own = scheme_from(mode);
  if (mode != nullptr && !own) return fail(Code::kUnsupported, std::string("cipher-mode is ") + mode);
  protection.scheme = own.value_or(scheme);
  AIRCHECK_TRY_VOID(copy_field(info, "kid", protection.key_id, protection.key_id.size()));
  AIRCHECK_TRY(protection.iv_size, copy_field(info, "iv", protection.iv, std::tuple_size_v<core::CencIv>));
  AIRCHECK_TRY(protection.pattern, read_pattern(info));
  AIRCHECK_TRY(protection.subsamples, read_subsamples(info, frame_size));
  return protection;
}

}  // namespace aircheck::cenc
