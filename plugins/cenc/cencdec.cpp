/**
 * SECTION:element-cencdec
 * @title: cencdec
 * @short_description: Decrypts Common Encryption with keys in the clear
 *
 * Decrypts in place what qtdemux or #cencenc describe by #GstProtectionMeta: schemes `cenc` and `cbcs` of ISO/IEC
 * 23001-7, IVs of 8 and 16 bytes, constant IVs, any pattern, subsamples. It is ranked, so that decodebin3 and playbin3
 * plug it behind qtdemux.
 *
 * A key is looked for, by its KID, in #cencdec:keys, in the #GstContext `aircheck.cenc-keys` (a field `keys`, a
 * #GVariant of type `a{ss}` from KID to key, both as 32 hexadecimal digits), among the answers of #cencdec::need-key,
 * and then by asking again: by the signal, by a context query to the neighbours and by a need-context message. Without
 * a key the stream ends with #GST_STREAM_ERROR_DECRYPT_NOKEY.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=encrypted.mp4 ! qtdemux ! cencdec \
 *   keys=11223344556677889900aabbccddeeff:00112233445566778899aabbccddeeff ! h264parse ! avdec_h264 ! autovideosink
 * ]|
 */
#include "cenc/cencdec.hpp"

#include <gst/base/gstbasetransform.h>

#include <cstring>
#include <optional>

#include "cenc/keys.hpp"
#include "cenc/protection.hpp"
#include "gstx/buffer_map.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/object.hpp"

GST_DEBUG_CATEGORY_STATIC(cencdec_debug);
#define GST_CAT_DEFAULT cencdec_debug

namespace aircheck::cenc {

namespace {

using core::CencScheme;
using core::Result;

// A file without pssh has no protection-system in its caps.
constexpr const char* kSinkCaps =
    "application/x-cenc, protection-system=(string)1077efec-c0b2-4d02-ace3-3c1e52e2fb4b; application/x-cenc";
// What qtdemux, or an application in its place, may want to know before it chooses among several systems.
constexpr const char* kPreferredSystemContext = "drm-preferred-decryption-system-id";
constexpr const char* kPreferredSystemField = "decryption-system-id";

struct Settings {
  gstx::SecretText keys;
};

// Of the handlers of need-key, the first that knows the key.
gboolean first_answer(GSignalInvocationHint*, GValue* sum, const GValue* answer, gpointer) {
  const gchar* const text = g_value_get_string(answer);
  if (text == nullptr || *text == '\0') return TRUE;
  g_value_set_string(sum, text);
  return FALSE;
}

class CencDec : public gstx::Object<GstBaseTransform, GstBaseTransformClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckCencDec";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Common Encryption decryptor", "Codec/Decryptor",
      "Decrypts the schemes cenc and cbcs of ISO/IEC 23001-7 in place, with keys that it is given"};
  static constexpr gstx::Property<Settings> kProperties[] = {
      {"keys",
       &Settings::keys,
       "Content keys as KID:KEY,KID:KEY, each 32 hexadecimal digits (others are asked for: context, need-key)",
       {},
       gstx::Mutable::kPlaying},
  };

  static GType parent_type() { return GST_TYPE_BASE_TRANSFORM; }
  static void class_init(GstBaseTransformClass* transform_class);

  explicit CencDec(GstBaseTransform* self) : Object(self) {}

  void property_changed(const char*);

 private:
  struct KnownKeys {
    Keys of_property;
    Keys of_context;
    Keys of_signal;
    std::optional<core::Error> bad_property;
    std::uint64_t generation = 0;  // counts changes
  };
  struct Current {
    core::KeyId key_id;
    CencScheme scheme;
    std::uint64_t generation;
    core::SampleDecryptor decryptor;
  };

  GstStateChangeReturn change_state(GstStateChange transition);
  void set_context(GstContext* context);
  GstCaps* transform_caps(GstPadDirection direction, GstCaps* caps, GstCaps* filter);
  gboolean set_caps(GstCaps* in, GstCaps*);
  gboolean query(GstPadDirection direction, GstQuery* query);
  gboolean sink_event(GstEvent* event);
  GstFlowReturn transform_ip(GstBuffer* buffer);

  std::optional<core::ContentKey> known_key(const core::KeyId& key_id);
  std::optional<core::ContentKey> find_key(const core::KeyId& key_id);
  void ask_by_signal(const std::string& key_id);
  void ask_by_context();
  std::uint64_t generation() { return keys_.lock()->generation; }
  Result<core::SampleDecryptor*> decryptor_for(const ReadProtection& protection);
  Result<bool> decrypt(GstBuffer* buffer, const GstStructure* info);
  void post_no_key(const core::KeyId& key_id);

  static inline guint need_key_ = 0;

  gobj::Guarded<KnownKeys> keys_;

  // The streaming thread's.
  CencScheme scheme_ = CencScheme::kCenc;  // of the caps
  std::optional<Current> current_;
};

void CencDec::class_init(GstBaseTransformClass* transform_class) {
  GST_DEBUG_CATEGORY_INIT(cencdec_debug, "cencdec", 0, "Common Encryption decryptor");
  GstElementClass* const element_class = GST_ELEMENT_CLASS(transform_class);
  gstx::add_pad_template(element_class, "sink", GST_PAD_SINK, kSinkCaps);
  gstx::add_pad_template(element_class, "src", GST_PAD_SRC, original_template_caps());
  element_class->change_state = gstx::vmethod<&CencDec::change_state>;
  element_class->set_context = gstx::vmethod<&CencDec::set_context>;
  transform_class->transform_caps = gstx::vmethod<&CencDec::transform_caps>;
  transform_class->set_caps = gstx::vmethod<&CencDec::set_caps>;
  transform_class->query = gstx::vmethod<&CencDec::query>;
  transform_class->sink_event = gstx::vmethod<&CencDec::sink_event>;
  transform_class->transform_ip = gstx::vmethod<&CencDec::transform_ip>;
  /**
   * cencdec::need-key:
   * @key_id: the KID, 32 lower-case hexadecimal digits
   *
   * A frame needs a key that the element does not have. Emitted in the streaming thread, which waits for the answer; a
   * key is asked for once, and the first handler that answers wins.
   *
   * Returns: the key as 32 hexadecimal digits, or NULL
   */
  need_key_ = g_signal_new("need-key", G_TYPE_FROM_CLASS(element_class), G_SIGNAL_RUN_LAST, 0, first_answer, nullptr,
                           nullptr, G_TYPE_STRING, 1, G_TYPE_STRING);
}

void CencDec::property_changed(const char*) {
  auto keys = keys_from_text(settings().copy().keys.reveal()).with_context("keys");
  std::optional<core::Error> bad;
  if (!keys) bad = keys.error();
  {
    auto known = keys_.lock();
    if (keys) known->of_property = std::move(*keys);
    known->bad_property = bad;
    ++known->generation;
  }
  // Before that, the way to READY says it.
  if (bad && GST_STATE(element()) > GST_STATE_NULL) gstx::post_warning(element(), *bad);
}

GstStateChangeReturn CencDec::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
    if (const auto bad = keys_.lock()->bad_property; bad) {
      gstx::post_error(element(), *bad);
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  const auto result = GST_ELEMENT_CLASS(gstx::parent_class<CencDec>())->change_state(element(), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) current_.reset();
  if (transition == GST_STATE_CHANGE_READY_TO_NULL) {
    auto known = keys_.lock();
    known->of_signal.clear();
    ++known->generation;
  }
  return result;
}

void CencDec::set_context(GstContext* context) {
  if (gst_context_has_context_type(context, kKeysContext)) {
    if (auto keys = keys_from_context(context)) {
      auto known = keys_.lock();
      known->of_context = std::move(*keys);
      ++known->generation;
    } else {
      gstx::post_warning(element(), keys.error());
    }
  }
  GST_ELEMENT_CLASS(gstx::parent_class<CencDec>())->set_context(element(), context);
}

GstCaps* CencDec::transform_caps(GstPadDirection direction, GstCaps* caps, GstCaps* filter) {
  auto result = direction == GST_PAD_SINK ? original_caps(caps) : any_encrypted_caps(caps);
  if (filter == nullptr) return result.release();
  return gst_caps_intersect_full(filter, result.get(), GST_CAPS_INTERSECT_FIRST);
}

gboolean CencDec::set_caps(GstCaps* in, GstCaps*) {
  const gchar* const mode = gst_structure_get_string(gst_caps_get_structure(in, 0), "cipher-mode");
  scheme_ = scheme_from(mode).value_or(CencScheme::kCenc);
  return TRUE;
}

gboolean CencDec::query(GstPadDirection direction, GstQuery* query) {
  const gchar* type = nullptr;
  if (GST_QUERY_TYPE(query) == GST_QUERY_CONTEXT && gst_query_parse_context_type(query, &type) &&
      g_strcmp0(type, kPreferredSystemContext) == 0) {
    GstContext* const context = gst_context_new(kPreferredSystemContext, FALSE);
    gst_structure_set(gst_context_writable_structure(context), kPreferredSystemField, G_TYPE_STRING, kProtectionSystem,
                      nullptr);
    gst_query_set_context(query, context);
    gst_context_unref(context);
    return TRUE;
  }
  return GST_BASE_TRANSFORM_CLASS(gstx::parent_class<CencDec>())->query(self(), direction, query);
}

// The pssh boxes end here: what leaves is not protected.
gboolean CencDec::sink_event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_PROTECTION) {
    gst_event_unref(event);
    return TRUE;
  }
  return GST_BASE_TRANSFORM_CLASS(gstx::parent_class<CencDec>())->sink_event(self(), event);
}

std::optional<core::ContentKey> CencDec::known_key(const core::KeyId& key_id) {
  const auto known = keys_.copy();
  for (const Keys* keys : {&known.of_property, &known.of_context, &known.of_signal}) {
    if (const auto found = keys->find(key_id); found != keys->end()) return found->second;
  }
  return std::nullopt;
}

void CencDec::ask_by_signal(const std::string& key_id) {
  gchar* answer = nullptr;
  g_signal_emit(element(), need_key_, 0, key_id.c_str(), &answer);
  if (answer == nullptr) return;
  const auto keys = keys_from_text(key_id + ":" + answer);
  core::wipe(answer, std::strlen(answer));
  g_free(answer);
  if (!keys) {
    gstx::post_warning(element(), keys.error().with_context("the answer to need-key"));
    return;
  }
  auto known = keys_.lock();
  known->of_signal.insert(keys->begin(), keys->end());
}

// As GStreamer's documentation of GstContext has it: the neighbours first, then the application.
void CencDec::ask_by_context() {
  GstQuery* const query = gst_query_new_context(kKeysContext);
  GstPad* const pads[] = {GST_BASE_TRANSFORM_SRC_PAD(self()), GST_BASE_TRANSFORM_SINK_PAD(self())};
  for (GstPad* pad : pads) {
    GstContext* context = nullptr;
    if (!gst_pad_peer_query(pad, query)) continue;
    gst_query_parse_context(query, &context);
    if (context != nullptr) gst_element_set_context(element(), context);
    if (context != nullptr) break;
  }
  gst_query_unref(query);
  gst_element_post_message(element(), gst_message_new_need_context(GST_OBJECT(element()), kKeysContext));
}

std::optional<core::ContentKey> CencDec::find_key(const core::KeyId& key_id) {
  if (auto key = known_key(key_id)) return key;
  ask_by_signal(core::to_hex(key_id));
  if (auto key = known_key(key_id)) return key;
  ask_by_context();
  return known_key(key_id);
}

void CencDec::post_no_key(const core::KeyId& key_id) {
  const std::string text = "no key for KID " + core::to_hex(key_id) +
                           ": set the property keys to KID:KEY, give a GstContext " + kKeysContext +
                           ", or answer the signal need-key";
  GST_ELEMENT_ERROR(element(), STREAM, DECRYPT_NOKEY, ("%s", text.c_str()), (nullptr));
}

// Null: there is no key.
Result<core::SampleDecryptor*> CencDec::decryptor_for(const ReadProtection& protection) {
  const std::uint64_t now = generation();  // before the key is looked up: what changes meanwhile is seen next time
  if (current_ && current_->key_id == protection.key_id && current_->scheme == protection.scheme &&
      current_->generation == now) {
    return &current_->decryptor;
  }
  const auto key = find_key(protection.key_id);
  if (!key) return static_cast<core::SampleDecryptor*>(nullptr);
  AIRCHECK_TRY(auto decryptor, core::SampleDecryptor::create(protection.scheme, *key));
  current_.emplace(Current{protection.key_id, protection.scheme, now, std::move(decryptor)});
  return &current_->decryptor;
}

GstFlowReturn CencDec::transform_ip(GstBuffer* buffer) {
  GstProtectionMeta* const meta = gst_buffer_get_protection_meta(buffer);
  if (meta == nullptr) return GST_FLOW_OK;
  const auto decrypted = decrypt(buffer, meta->info);
  if (!decrypted) gstx::post_error(element(), decrypted.error());
  if (!decrypted || !*decrypted) return GST_FLOW_ERROR;
  gst_buffer_remove_meta(buffer, &meta->meta);
  return GST_FLOW_OK;
}

// False: there is no key, and that has been posted.
Result<bool> CencDec::decrypt(GstBuffer* buffer, const GstStructure* info) {
  AIRCHECK_TRY(const auto protection,
               read_protection(info, scheme_, gst_buffer_get_size(buffer)).with_context("the protection meta"));
  if (!protection.encrypted) return true;
  AIRCHECK_TRY(core::SampleDecryptor* const decryptor, decryptor_for(protection));
  if (decryptor == nullptr) {
    post_no_key(protection.key_id);
    return false;
  }
  AIRCHECK_TRY(auto map, gstx::BufferMap::read_write(buffer));
  const auto iv = core::ByteView(protection.iv).first(protection.iv_size);
  AIRCHECK_TRY_VOID(
      decryptor->decrypt(map.writable_bytes(), {protection.subsamples.entries(), iv, protection.pattern}));
  return true;
}

}  // namespace

bool register_cencdec(GstPlugin* plugin) {
  return gstx::register_element<CencDec>(plugin, "cencdec", GST_RANK_PRIMARY);
}

}  // namespace aircheck::cenc
