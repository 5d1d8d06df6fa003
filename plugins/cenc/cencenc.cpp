/**
 * SECTION:element-cencenc
 * @title: cencenc
 * @short_description: Encrypts coded frames with Common Encryption
 *
 * Encrypts frames of H.264, HEVC, AAC and Opus in place with scheme `cenc` or `cbcs` of ISO/IEC 23001-7. Caps and
 * #GstProtectionMeta of its output are those that qtdemux gives to the same stream in an encrypted file, so that
 * whatever decrypts or muxes the one takes the other.
 *
 * A key holds until another takes its place, at an IDR picture (HEVC: IRAP; audio: at any frame): either the properties
 * #cencenc:key-id and #cencenc:key are both set anew while the element plays, which means the next such frame, or
 * #cencenc::rotate-key names the running time from which the new key holds. A key id that stands for another key since
 * the element left NULL is refused.
 *
 * Never use one key for two streams with the same #cencenc:iv. Without that property each element starts at a random
 * place, and continues through seeks, flushes and changes to other keys and back.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! qtdemux ! cencenc key-id=11223344556677889900aabbccddeeff \
 *   key-file=key.bin scheme=cbcs ! fakesink silent=false -v
 * ]|
 */
#include "cenc/cencenc.hpp"

#include <gst/base/gstbasetransform.h>

#include <atomic>
#include <optional>

#include "cenc/frame_encryptor.hpp"
#include "cenc/key_changes.hpp"
#include "cenc/key_file.hpp"
#include "cenc/protection.hpp"
#include "cenc/slice_headers.hpp"
#include "gstx/buffer_map.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/object.hpp"

GST_DEBUG_CATEGORY_STATIC(cencenc_debug);
#define GST_CAT_DEFAULT cencenc_debug

namespace aircheck::cenc {

namespace {

using core::CencScheme;
using core::Code;
using core::Result;

constexpr const char* kSinkCaps =
    "video/x-h264, stream-format=(string){avc, avc3}, alignment=(string)au; "
    "video/x-h265, stream-format=(string){hvc1, hev1}, alignment=(string)au; "
    "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw; "
    "audio/x-opus";
constexpr const char* kSrcCaps =
    "application/x-cenc, original-media-type=(string){video/x-h264, video/x-h265, audio/mpeg, audio/x-opus}, "
    "cipher-mode=(string){cenc, cbcs}, protection-system=(string)1077efec-c0b2-4d02-ace3-3c1e52e2fb4b";

GType scheme_type() {
  static const GEnumValue kValues[] = {
      {static_cast<int>(CencScheme::kCenc), "AES-128-CTR, an IV per frame", "cenc"},
      {static_cast<int>(CencScheme::kCbcs), "AES-128-CBC with pattern 1:9 (audio: every block), a constant IV", "cbcs"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckCencScheme", kValues);
  return type;
}

struct Settings {
  CencScheme scheme = CencScheme::kCenc;
  std::string key_id;
  gstx::SecretText key;
  std::string key_file;
  std::string iv;
  std::uint64_t clear_lead = 0;  // ns
};

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

Result<NamedKey> named_key(const Settings& settings, GstElement* element) {
  if (settings.key_id.empty()) {
    return core::fail(Code::kInvalidArgument, "key-id is not set: it wants 32 hexadecimal digits");
  }
  AIRCHECK_TRY(const auto key_id, core::key_id_from_hex(settings.key_id).with_context("key-id"));
  AIRCHECK_TRY(const auto key, load_key(settings, element));
  return NamedKey{key_id, key};
}

// What the property `iv` asks for; empty: random IVs.
Result<std::optional<core::TrackIvs>> first_ivs(const Settings& settings) {
  if (settings.iv.empty()) return std::optional<core::TrackIvs>();
  core::CencIv sample{};
  core::AesBlock constant{};
  const bool cbcs = settings.scheme == CencScheme::kCbcs;
  const auto bytes = core::from_hex(settings.iv);
  if (!bytes || bytes->size() != (cbcs ? constant.size() : sample.size())) {
    return core::fail(Code::kInvalidArgument, cbcs ? "iv: an IV of cbcs is 32 hexadecimal digits (16 bytes)"
                                                   : "iv: an IV of cenc is 16 hexadecimal digits (8 bytes)");
  }
  if (cbcs) {
    std::ranges::copy(*bytes, constant.begin());
  } else {
    std::ranges::copy(*bytes, sample.begin());
  }
  return std::optional<core::TrackIvs>({core::CencIvSequence(sample), constant});
}

class CencEnc : public gstx::Object<GstBaseTransform, GstBaseTransformClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckCencEnc";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Common Encryption encryptor", "Codec/Encryptor",
      "Encrypts H.264, HEVC, AAC and Opus frames in place with the schemes cenc and cbcs of ISO/IEC 23001-7"};
  static constexpr gstx::Property<Settings> kProperties[] = {
      {"scheme", gstx::enum_member<&Settings::scheme>(scheme_type), "Protection scheme: how frames are encrypted"},
      {"key-id",
       &Settings::key_id,
       "Key identifier (KID), 32 hexadecimal digits; has to be set",
       {},
       gstx::Mutable::kPlaying},
      {"key",
       &Settings::key,
       "Content key, 32 hexadecimal digits; prefer key-file, which no process list shows",
       {},
       gstx::Mutable::kPlaying},
      {"key-file",
       &Settings::key_file,
       "File with the content key: 16 raw bytes or 32 hexadecimal digits",
       {},
       gstx::Mutable::kPlaying},
      {"iv", &Settings::iv,
       "First IV of each key, for tests: 16 hexadecimal digits for cenc, 32 for cbcs (unset: random)"},
      {"clear-lead", &Settings::clear_lead,
       "Nanoseconds from the first frame on that stay clear, up to the next IDR picture or audio frame (0: none)"},
  };

  static GType parent_type() { return GST_TYPE_BASE_TRANSFORM; }
  static void class_init(GstBaseTransformClass* transform_class);

  explicit CencEnc(GstBaseTransform* self) : Object(self) {}

  void property_changed(const char* name);

 private:
  struct Touched {
    bool key_id = false;
    bool key = false;
  };

  GstStateChangeReturn change_state(GstStateChange transition);
  gboolean start();
  gboolean stop();
  GstCaps* transform_caps(GstPadDirection direction, GstCaps* caps, GstCaps* filter);
  gboolean set_caps(GstCaps* in, GstCaps*);
  GstFlowReturn transform_ip(GstBuffer* buffer);

  gboolean rotate_key(const char* key_id, const char* key, guint64 running_time);
  void take_new_pair();
  bool configure();
  Result<void> configure_from(const Settings& settings);
  Result<void> use_key(const NamedKey& key);
  Result<void> read_format(const GstStructure* caps);
  Result<void> encrypt(GstBuffer* buffer);
  Result<void> follow_time(GstBuffer* buffer, core::ByteView frame);
  Result<core::SubsampleMap> subsamples_of(core::ByteView frame);

  std::atomic<bool> changed_ = true;   // settings that ivs_ and encryptor_ do not have yet
  std::atomic<bool> started_ = false;  // between start() and stop()
  gobj::Guarded<Touched> touched_;     // since a pair was last taken
  KeyChanges changes_;
  KnownKeys known_keys_;  // since NULL

  // Changed only while no data flows, or by the streaming thread.
  std::atomic<CencScheme> scheme_ = CencScheme::kCenc;  // queries read it in any thread
  core::IvHistory ivs_;
  std::optional<FrameEncryptor> encryptor_;
  GstClockTime clear_lead_ = 0;

  // The streaming thread's.
  std::optional<ParsedSliceHeaders> headers_;
  std::optional<core::NalFormat> format_;  // empty: audio, which is protected wholly
  GstClockTimeDiff now_ = 0;               // running time of the last frame that had a time
  bool in_lead_ = false;
  std::optional<GstClockTimeDiff> lead_end_;
};

void CencEnc::class_init(GstBaseTransformClass* transform_class) {
  GST_DEBUG_CATEGORY_INIT(cencenc_debug, "cencenc", 0, "Common Encryption encryptor");
  GstElementClass* const element_class = GST_ELEMENT_CLASS(transform_class);
  gstx::add_pad_template(element_class, "sink", GST_PAD_SINK, kSinkCaps);
  gstx::add_pad_template(element_class, "src", GST_PAD_SRC, kSrcCaps);
  element_class->change_state = gstx::vmethod<&CencEnc::change_state>;
  transform_class->start = gstx::vmethod<&CencEnc::start>;
  transform_class->stop = gstx::vmethod<&CencEnc::stop>;
  transform_class->transform_caps = gstx::vmethod<&CencEnc::transform_caps>;
  transform_class->set_caps = gstx::vmethod<&CencEnc::set_caps>;
  transform_class->transform_ip = gstx::vmethod<&CencEnc::transform_ip>;
  /**
   * cencenc::rotate-key:
   * @key_id: the new KID, 32 hexadecimal digits
   * @key: the new content key, 32 hexadecimal digits
   * @running_time: nanoseconds; GST_CLOCK_TIME_NONE: the next occasion
   *
   * The key holds from the first IDR picture (HEVC: IRAP; audio: frame) whose running time is not before
   * @running_time. It holds until the next change, or until the element returns to NULL.
   *
   * Returns: FALSE, after a warning on the bus that names it, when an argument is malformed, or when @key_id stands for
   * another key since the element left NULL; nothing changes then.
   */
  g_signal_new_class_handler(
      "rotate-key", G_TYPE_FROM_CLASS(element_class), static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
      G_CALLBACK(+[](GstElement* self, const char* key_id, const char* key, guint64 running_time) noexcept -> gboolean {
        return gstx::impl<CencEnc>(self).rotate_key(key_id, key, running_time);
      }),
      nullptr, nullptr, nullptr, G_TYPE_BOOLEAN, 3, G_TYPE_STRING, G_TYPE_STRING, G_TYPE_UINT64);
}

void CencEnc::property_changed(const char* name) {
  const std::string_view property = name;
  if (!started_) {
    changed_ = true;
    return;
  }
  const bool key = property == "key" || property == "key-file";
  if (!key && property != "key-id") {
    changed_ = true;  // from READY on
    return;
  }
  {
    auto touched = touched_.lock();
    (key ? touched->key : touched->key_id) = true;
    // Half of a pair must never meet half of another.
    if (!touched->key || !touched->key_id) return;
    *touched = {};
  }
  take_new_pair();
}

void CencEnc::take_new_pair() {
  const auto key = named_key(settings().copy(), element());
  if (!key) {
    gstx::post_warning(element(), key.error().with_context("the key stays as it was"));
    return;
  }
  if (const auto admitted = known_keys_.admit(*key); !admitted) {
    gstx::post_warning(element(), admitted.error().with_context("the key stays as it was"));
    return;
  }
  changes_.add(*key, GST_CLOCK_TIME_NONE);
}

gboolean CencEnc::rotate_key(const char* key_id, const char* key, guint64 running_time) {
  const auto named = named_key_from_hex(key_id != nullptr ? key_id : "", key != nullptr ? key : "");
  if (!named) {
    gstx::post_warning(element(), named.error().with_context("rotate-key"));
    return FALSE;
  }
  if (const auto admitted = known_keys_.admit(*named); !admitted) {
    gstx::post_warning(element(), admitted.error().with_context("rotate-key"));
    return FALSE;
  }
  changes_.add(*named, running_time);
  return TRUE;
}

// A bad key is refused before anything flows, as soon as the element leaves NULL.
GstStateChangeReturn CencEnc::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_NULL_TO_READY && !configure()) return GST_STATE_CHANGE_FAILURE;
  const auto result = GST_ELEMENT_CLASS(gstx::parent_class<CencEnc>())->change_state(element(), transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    encryptor_.reset();
    changes_.clear();
    known_keys_.clear();
    changed_ = true;
  }
  return result;
}

gboolean CencEnc::start() {
  if (!configure()) return FALSE;
  now_ = 0;
  in_lead_ = clear_lead_ > 0;
  lead_end_.reset();
  *touched_.lock() = {};
  started_ = true;
  return TRUE;
}

gboolean CencEnc::stop() {
  started_ = false;
  headers_.reset();
  format_.reset();
  return TRUE;
}

// Takes new settings over. Without new ones the IVs go on where they were, through any number of READY and PAUSED.
bool CencEnc::configure() {
  if (!changed_.exchange(false)) return true;
  const auto configured = configure_from(settings().copy());
  if (configured) return true;
  changed_ = true;
  gstx::post_error(element(), configured.error());
  return false;
}

Result<void> CencEnc::configure_from(const Settings& settings) {
  AIRCHECK_TRY(const auto key, named_key(settings, element()));
  AIRCHECK_TRY(const auto first, first_ivs(settings));
  AIRCHECK_TRY_VOID(known_keys_.admit(key));
  scheme_ = settings.scheme;
  clear_lead_ = settings.clear_lead;
  ivs_.set_first(first);
  return use_key(key);
}

Result<void> CencEnc::use_key(const NamedKey& key) {
  AIRCHECK_TRY(core::TrackIvs* const ivs, ivs_.use(key.key));
  AIRCHECK_TRY(auto encryptor, FrameEncryptor::create(scheme_, key, *ivs));
  encryptor_.emplace(std::move(encryptor));
  return {};
}

GstCaps* CencEnc::transform_caps(GstPadDirection direction, GstCaps* caps, GstCaps* filter) {
  const CencScheme scheme = started_ ? scheme_.load() : settings().lock()->scheme;
  auto result = direction == GST_PAD_SINK ? encrypted_caps(caps, scheme) : clear_caps(caps, scheme);
  if (filter == nullptr) return result.release();
  return gst_caps_intersect_full(filter, result.get(), GST_CAPS_INTERSECT_FIRST);
}

gboolean CencEnc::set_caps(GstCaps* in, GstCaps*) {
  const auto read = read_format(gst_caps_get_structure(in, 0));
  if (!read) gstx::post_error(element(), read.error());
  return read ? TRUE : FALSE;
}

Result<void> CencEnc::read_format(const GstStructure* caps) {
  const bool avc = gst_structure_has_name(caps, kAvcCaps);
  if (!avc && !gst_structure_has_name(caps, kHevcCaps)) {
    format_.reset();
    return {};
  }
  const auto codec = avc ? core::NalCodec::kAvc : core::NalCodec::kHevc;
  const auto codec_data = gstx::buffer_field(caps, "codec_data");
  if (!codec_data) {
    return core::fail(Code::kInvalidArgument, std::string(gst_structure_get_name(caps)) + " caps have no codec_data");
  }
  AIRCHECK_TRY(const auto map, gstx::BufferMap::read(codec_data.get()));
  // Parameter sets that came in the stream go on to hold.
  if (!format_ || format_->codec != codec) headers_.emplace(codec);
  AIRCHECK_TRY(format_, headers_->configure(map.bytes()));
  return {};
}

GstFlowReturn CencEnc::transform_ip(GstBuffer* buffer) {
  if (const auto encrypted = encrypt(buffer); !encrypted) {
    gstx::post_error(element(), encrypted.error());
    return GST_FLOW_ERROR;
  }
  return GST_FLOW_OK;
}

// A key changes, and the lead ends, where decoding can begin.
Result<void> CencEnc::follow_time(GstBuffer* buffer, core::ByteView frame) {
  if (changes_.empty() && !in_lead_) return {};
  guint64 absolute = 0;
  const gint sign =
      gst_segment_to_running_time_full(&self()->segment, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer), &absolute);
  if (sign != 0) now_ = sign * static_cast<GstClockTimeDiff>(absolute);
  if (in_lead_ && !lead_end_) {
    lead_end_ = now_ + static_cast<GstClockTimeDiff>(std::min<GstClockTime>(clear_lead_, G_MAXINT64 / 2));
  }
  if (format_ && !core::is_random_access(frame, *format_)) return {};
  if (in_lead_ && now_ >= *lead_end_) in_lead_ = false;
  if (const auto key = changes_.take(now_)) {
    AIRCHECK_TRY_VOID(use_key(*key));
    GST_INFO_OBJECT(element(), "key %s from running time %" GST_STIME_FORMAT, core::to_hex(key->key_id).c_str(),
                    GST_STIME_ARGS(now_));
  }
  return {};
}

Result<core::SubsampleMap> CencEnc::subsamples_of(core::ByteView frame) {
  if (!format_) return core::SubsampleMap();
  if (scheme_ == CencScheme::kCenc) return core::cenc_subsamples(frame, *format_);
  return core::cbcs_subsamples(frame, *format_, *headers_);
}

Result<void> CencEnc::encrypt(GstBuffer* buffer) {
  FrameEncryptor::Frame frame;
  {
    AIRCHECK_TRY(auto map, gstx::BufferMap::read_write(buffer));
    AIRCHECK_TRY_VOID(follow_time(buffer, map.bytes()));
    AIRCHECK_TRY(frame.subsamples, subsamples_of(map.bytes()));
    frame.video = format_.has_value();
    frame.clear = in_lead_;
    AIRCHECK_TRY_VOID(encryptor_->encrypt(map.writable_bytes(), frame));
  }
  encryptor_->describe(buffer, frame);
  return {};
}

}  // namespace

bool register_cencenc(GstPlugin* plugin) {
  return gstx::register_element<CencEnc>(plugin, "cencenc", GST_RANK_NONE);
}

}  // namespace aircheck::cenc
