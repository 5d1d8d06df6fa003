/**
 * SECTION:element-cencenc
 * @title: cencenc
 * @short_description: Encrypts coded frames with Common Encryption
 *
 * Encrypts H.264 access units and AAC frames in place with scheme `cenc` of ISO/IEC 23001-7: AES-128-CTR, an IV of
 * eight bytes per frame, subsamples for video. Caps and #GstProtectionMeta of its output are those that qtdemux gives
 * to the same stream in an encrypted file, so that whatever decrypts or muxes the one takes the other.
 *
 * Never use one key for two streams with the same #cencenc:iv. Without that property each element starts at a random
 * place, and continues through seeks and flushes.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! qtdemux ! h264parse ! cencenc key-id=11223344556677889900aabbccddeeff \
 *   key-file=key.bin ! fakesink silent=false -v
 * ]|
 */
#include "cenc/cencenc.hpp"

#include <gst/base/gstbasetransform.h>

#include <atomic>
#include <optional>

#include "cenc/key_file.hpp"
#include "core/cenc_subsamples.hpp"
#include "gstx/buffer_map.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/object.hpp"

GST_DEBUG_CATEGORY_STATIC(cencenc_debug);
#define GST_CAT_DEFAULT cencenc_debug

namespace aircheck::cenc {

namespace {

using core::Code;
using core::Result;
using gstx::Ref;

// The common system of the W3C "cenc" initialization data format, whose pssh lists key ids: ClearKey reads it.
constexpr const char* kProtectionSystem = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b";
constexpr const char* kCipherMode = "cenc";
constexpr const char* kEncrypted = "application/x-cenc";
constexpr const char* kOriginalMediaType = "original-media-type";
constexpr const char* kCipherModeField = "cipher-mode";

constexpr const char* kAvc = "video/x-h264";
constexpr const char* kAac = "audio/mpeg";
constexpr const char* kSinkCaps =
    "video/x-h264, stream-format=(string)avc, alignment=(string)au; "
    "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw";
constexpr const char* kSrcCaps =
    "application/x-cenc, original-media-type=(string)video/x-h264, cipher-mode=(string)cenc, "
    "protection-system=(string)1077efec-c0b2-4d02-ace3-3c1e52e2fb4b; "
    "application/x-cenc, original-media-type=(string)audio/mpeg, cipher-mode=(string)cenc, "
    "protection-system=(string)1077efec-c0b2-4d02-ace3-3c1e52e2fb4b";

struct Settings {
  std::string key_id;
  gstx::SecretText key;
  std::string key_file;
  std::string iv;
};

// What Settings become when they are good.
struct Encryptor {
  core::CencCipher cipher;
  core::CencIvSequence ivs;
  Ref<GstBuffer> key_id;  // shared by all protection metas
};

Ref<GstBuffer> buffer_of(core::ByteView bytes) {
  return Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
}

// `subsamples` of the protection meta: n times u16be clear, u32be protected.
Ref<GstBuffer> subsamples_buffer(std::span<const core::Subsample> subsamples) {
  core::ByteWriter writer;
  for (const core::Subsample& subsample : subsamples) {
    writer.u16(subsample.clear_bytes);
    writer.u32(subsample.protected_bytes);
  }
  return buffer_of(writer.view());
}

void add_protection_meta(GstBuffer* buffer, GstBuffer* key_id, const core::CencIv& iv,
                         std::span<const core::Subsample> subsamples) {
  const auto iv_buffer = buffer_of(iv);
  // Fields, types and order as qtdemux 1.22 has them.
  GstStructure* const info = gst_structure_new(
      kEncrypted, "iv_size", G_TYPE_UINT, static_cast<guint>(iv.size()), "encrypted", G_TYPE_BOOLEAN, TRUE, "kid",
      GST_TYPE_BUFFER, key_id, kCipherModeField, G_TYPE_STRING, kCipherMode, "iv", GST_TYPE_BUFFER, iv_buffer.get(),
      "subsample_count", G_TYPE_UINT, static_cast<guint>(subsamples.size()), nullptr);
  if (!subsamples.empty()) {
    gst_structure_set(info, "subsamples", GST_TYPE_BUFFER, subsamples_buffer(subsamples).get(), nullptr);
  }
  gst_buffer_add_protection_meta(buffer, info);
}

void set_encrypted(GstStructure* structure) {
  gst_structure_set(structure, kOriginalMediaType, G_TYPE_STRING, gst_structure_get_name(structure), kCipherModeField,
                    G_TYPE_STRING, kCipherMode, GST_PROTECTION_SYSTEM_ID_CAPS_FIELD, G_TYPE_STRING, kProtectionSystem,
                    nullptr);
  gst_structure_set_name(structure, kEncrypted);
}

Ref<GstCaps> encrypted_caps(GstCaps* clear) {
  auto caps = Ref<GstCaps>::adopt(gst_caps_copy(clear));
  for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) set_encrypted(gst_caps_get_structure(caps.get(), i));
  return caps;
}

// The streams that can become `encrypted`. One structure may stand for several media types, as bare application/x-cenc
// does.
Ref<GstCaps> clear_caps(GstCaps* encrypted) {
  auto caps = Ref<GstCaps>::adopt(gst_caps_new_empty());
  for (guint i = 0; i < gst_caps_get_size(encrypted); ++i) {
    const GstStructure* const structure = gst_caps_get_structure(encrypted, i);
    for (const char* media_type : {kAvc, kAac}) {
      gstx::Structure wanted(gst_structure_new_empty(media_type));
      set_encrypted(wanted.get());
      if (!gst_structure_can_intersect(structure, wanted.get())) continue;
      GstStructure* const clear = gst_structure_copy(structure);
      gst_structure_set_name(clear, media_type);
      gst_structure_remove_fields(clear, kOriginalMediaType, kCipherModeField, GST_PROTECTION_SYSTEM_ID_CAPS_FIELD,
                                  nullptr);
      gst_caps_append_structure(caps.get(), clear);
    }
  }
  return caps;
}

// The bytes of the length before each NAL unit: lengthSizeMinusOne of AVCDecoderConfigurationRecord, ISO/IEC 14496-15
// section 5.3.3.1.
Result<std::size_t> nal_length_size(const GstStructure* caps) {
  const auto codec_data = gstx::buffer_field(caps, "codec_data");
  if (!codec_data) return core::fail(Code::kInvalidArgument, "video/x-h264 caps have no codec_data");
  AIRCHECK_TRY(const auto map, gstx::BufferMap::read(codec_data.get()));
  if (map.bytes().size() < 7 || map.bytes()[0] != 1) {
    return core::fail(Code::kParse, "codec_data is no AVCDecoderConfigurationRecord");
  }
  const std::size_t size = (map.bytes()[4] & 3U) + 1U;
  if (size == 3) return core::fail(Code::kParse, "codec_data announces NAL unit lengths of 3 bytes");
  return size;
}

Result<core::ContentKey> load_key(const Settings& settings, GstElement* element) {
  if (!settings.key.empty() && !settings.key_file.empty()) {
    return core::fail(Code::kInvalidArgument, "key and key-file are both set: set one of them");
  }
  if (!settings.key.empty()) return core::ContentKey::from_hex(settings.key.reveal()).with_context("key");
  if (settings.key_file.empty()) {
    return core::fail(Code::kInvalidArgument, "no key: set key-file to a file that holds it, or key to 32 hex digits");
  }
  AIRCHECK_TRY(const auto file, read_key_file(settings.key_file).with_context("key-file"));
  if (file.open_to_others) {
    GST_WARNING_OBJECT(element, "others than its owner can read %s: chmod 600", settings.key_file.c_str());
  }
  return file.key;
}

Result<core::CencIvSequence> make_ivs(const std::string& iv) {
  if (iv.empty()) return core::CencIvSequence::random();
  const auto bytes = core::from_hex(iv);
  core::CencIv first{};
  if (!bytes || bytes->size() != first.size()) {
    return core::fail(Code::kInvalidArgument, "iv: an IV is 16 hexadecimal digits (8 bytes)");
  }
  std::copy(bytes->begin(), bytes->end(), first.begin());
  return core::CencIvSequence(first);
}

Result<Encryptor> make_encryptor(const Settings& settings, GstElement* element) {
  if (settings.key_id.empty()) {
    return core::fail(Code::kInvalidArgument, "key-id is not set: it wants 32 hexadecimal digits");
  }
  AIRCHECK_TRY(const auto key_id, core::key_id_from_hex(settings.key_id).with_context("key-id"));
  AIRCHECK_TRY(const auto key, load_key(settings, element));
  AIRCHECK_TRY(auto ivs, make_ivs(settings.iv));
  AIRCHECK_TRY(auto cipher, core::CencCipher::create(key));
  return Encryptor{std::move(cipher), ivs, buffer_of(key_id)};
}

class CencEnc : public gstx::Object<GstBaseTransform, GstBaseTransformClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckCencEnc";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Common Encryption", "Codec/Encryptor",
      "Encrypts H.264 and AAC frames in place with the cenc scheme of ISO/IEC 23001-7"};
  static constexpr gstx::Property<Settings> kProperties[] = {
      {"key-id", &Settings::key_id, "Key identifier (KID), 32 hexadecimal digits"},
      {"key", &Settings::key, "Content key, 32 hexadecimal digits; prefer key-file, which no process list shows"},
      {"key-file", &Settings::key_file, "File with the content key: 16 raw bytes or 32 hexadecimal digits"},
      {"iv", &Settings::iv, "IV of the first frame, 16 hexadecimal digits, for tests (unset: random)"},
  };

  static GType parent_type() { return GST_TYPE_BASE_TRANSFORM; }

  static void class_init(GstBaseTransformClass* transform_class) {
    GST_DEBUG_CATEGORY_INIT(cencenc_debug, "cencenc", 0, "Common Encryption");
    GstElementClass* const element_class = GST_ELEMENT_CLASS(transform_class);
    gstx::add_pad_template(element_class, "sink", GST_PAD_SINK, kSinkCaps);
    gstx::add_pad_template(element_class, "src", GST_PAD_SRC, kSrcCaps);
    element_class->change_state = gstx::vmethod<&CencEnc::change_state>;
    transform_class->start = gstx::vmethod<&CencEnc::start>;
    transform_class->transform_caps = gstx::vmethod<&CencEnc::transform_caps>;
    transform_class->set_caps = gstx::vmethod<&CencEnc::set_caps>;
    transform_class->transform_ip = gstx::vmethod<&CencEnc::transform_ip>;
  }

  explicit CencEnc(GstBaseTransform* self) : Object(self) {}

  void property_changed(const char*) { changed_ = true; }

 private:
  // A bad key is refused before anything flows, as soon as the element leaves NULL.
  GstStateChangeReturn change_state(GstStateChange transition) {
    if (transition == GST_STATE_CHANGE_NULL_TO_READY && !configure()) return GST_STATE_CHANGE_FAILURE;
    const auto result = GST_ELEMENT_CLASS(gstx::parent_class<CencEnc>())->change_state(element(), transition);
    if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
      encryptor_.reset();
      changed_ = true;
    }
    return result;
  }

  gboolean start() { return configure(); }

  // Takes new settings over. Without new ones the IVs go on where they were, through any number of READY and PAUSED.
  bool configure() {
    if (!changed_.exchange(false)) return true;
    auto encryptor = make_encryptor(settings().copy(), element());
    if (!encryptor) {
      changed_ = true;
      gstx::post_error(element(), encryptor.error());
      return false;
    }
    encryptor_.emplace(std::move(*encryptor));
    return true;
  }

  GstCaps* transform_caps(GstPadDirection direction, GstCaps* caps, GstCaps* filter) {
    auto result = direction == GST_PAD_SINK ? encrypted_caps(caps) : clear_caps(caps);
    if (filter == nullptr) return result.release();
    return gst_caps_intersect_full(filter, result.get(), GST_CAPS_INTERSECT_FIRST);
  }

  gboolean set_caps(GstCaps* in, GstCaps*) {
    const GstStructure* const structure = gst_caps_get_structure(in, 0);
    nal_length_size_ = 0;
    if (!gst_structure_has_name(structure, kAvc)) return TRUE;
    const auto size = nal_length_size(structure);
    if (!size) {
      gstx::post_error(element(), size.error());
      return FALSE;
    }
    nal_length_size_ = *size;
    return TRUE;
  }

  GstFlowReturn transform_ip(GstBuffer* buffer) {
    if (const auto encrypted = encrypt(buffer); !encrypted) {
      gstx::post_error(element(), encrypted.error());
      return GST_FLOW_ERROR;
    }
    return GST_FLOW_OK;
  }

  Result<void> encrypt(GstBuffer* buffer) {
    core::SubsampleMap subsamples;
    const core::CencIv iv = encryptor_->ivs.next();
    {
      AIRCHECK_TRY(auto map, gstx::BufferMap::read_write(buffer));
      if (nal_length_size_ != 0) {
        AIRCHECK_TRY(subsamples, core::cenc_subsamples(map.bytes(), {core::NalCodec::kAvc, nal_length_size_}));
      }
      AIRCHECK_TRY_VOID(encryptor_->cipher.apply(map.writable_bytes(), subsamples.entries(), iv));
    }
    add_protection_meta(buffer, encryptor_->key_id.get(), iv, subsamples.entries());
    return {};
  }

  std::atomic<bool> changed_ = true;  // settings that encryptor_ does not have yet

  // Changed only while no data flows.
  std::optional<Encryptor> encryptor_;

  // The streaming thread's.
  std::size_t nal_length_size_ = 0;  // 0: no NAL units, the whole frame is protected
};

}  // namespace

bool register_cencenc(GstPlugin* plugin) {
  return gstx::register_element<CencEnc>(plugin, "cencenc", GST_RANK_NONE);
}

}  // namespace aircheck::cenc
