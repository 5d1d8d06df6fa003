// The caps and the GstProtectionMeta of encrypted frames, as qtdemux 1.22 makes them.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <span>
#include <string>

#include "core/cenc.hpp"
#include "gstx/ref.hpp"

namespace aircheck::cenc {

// The common system of the W3C "cenc" initialization data format, whose pssh lists key ids: ClearKey reads it.
inline constexpr const char* kProtectionSystem = "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b";
inline constexpr const char* kEncryptedCaps = "application/x-cenc";
inline constexpr const char* kAvcCaps = "video/x-h264";
inline constexpr const char* kHevcCaps = "video/x-h265";

// "cenc", "cbcs": the fourcc of the scheme, which is also `cipher-mode` of caps and meta.
[[nodiscard]] const char* cipher_mode(core::CencScheme scheme);
[[nodiscard]] std::optional<core::CencScheme> scheme_from(const char* cipher_mode);

// What encrypted frames of `clear` are called.
[[nodiscard]] gstx::Ref<GstCaps> encrypted_caps(GstCaps* clear, core::CencScheme scheme);

// The streams that can become `encrypted` with a scheme, or, without one, with any. One structure may stand for several
// media types, as bare application/x-cenc does.
[[nodiscard]] gstx::Ref<GstCaps> clear_caps(GstCaps* encrypted, std::optional<core::CencScheme> scheme);

// For a decryptor, of any codec that qtdemux finds encrypted. What encrypted frames become: a structure without
// original-media-type may become any; one of another scheme than ours none. And what may become `clear`.
[[nodiscard]] const char* original_template_caps();
[[nodiscard]] gstx::Ref<GstCaps> original_caps(GstCaps* encrypted);
[[nodiscard]] gstx::Ref<GstCaps> any_encrypted_caps(GstCaps* clear);

// What frames have in common that are protected alike. The buffers are shared by all of them.
struct CommonProtection {
  core::CencScheme scheme = core::CencScheme::kCenc;
  bool encrypted = true;
  GstBuffer* key_id = nullptr;
  GstBuffer* constant_iv = nullptr;  // of `cbcs`
  core::CryptPattern pattern;
};

// Describes frames: made once, because a frame's own fields are few and its meta is made for each one.
class ProtectionInfo {
 public:
  explicit ProtectionInfo(const CommonProtection& common);

  // Adds the GstProtectionMeta. `iv` is the frame's own; null: none is told but a constant one.
  void add_to(GstBuffer* frame, GstBuffer* iv, std::span<const core::Subsample> subsamples) const;

 private:
  gstx::Structure common_;
  bool constant_iv_;
};

// What a meta says, checked against itself and the size of its frame.
struct ReadProtection {
  bool encrypted = false;
  core::CencScheme scheme = core::CencScheme::kCenc;
  core::KeyId key_id{};
  core::AesBlock iv{};
  std::size_t iv_size = 0;  // 8 or 16
  core::CryptPattern pattern;
  core::SubsampleMap subsamples;
};

// `info` is the structure of a GstProtectionMeta. The scheme is its `cipher-mode` or, where it has none, `scheme`.
// kParse: fields that are missing, of a wrong size, or do not agree with each other or with `frame_size`; kUnsupported:
// another scheme, or more than 42 subsamples, which no file describes (one byte of `saiz`).
core::Result<ReadProtection> read_protection(const GstStructure* info, core::CencScheme scheme, std::size_t frame_size);

}  // namespace aircheck::cenc
