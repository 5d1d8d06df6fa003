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

// Of one frame that is to be described. The buffers are shared by all frames that have them.
struct FrameProtection {
  core::CencScheme scheme = core::CencScheme::kCenc;
  bool encrypted = true;
  GstBuffer* key_id = nullptr;
  GstBuffer* iv = nullptr;  // null: none is told, as of a clear frame of `cenc`
  core::CryptPattern pattern;
  std::span<const core::Subsample> subsamples;
};
void add_protection_meta(GstBuffer* buffer, const FrameProtection& protection);

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
