// One key at work on the frames of one track.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <variant>

#include "cenc/key_changes.hpp"
#include "cenc/protection.hpp"
#include "core/cenc_ivs.hpp"
#include "gstx/ref.hpp"

namespace aircheck::cenc {

class FrameEncryptor {
 public:
  // `ivs` outlives the encryptor and moves on with every frame of scheme `cenc`.
  static core::Result<FrameEncryptor> create(core::CencScheme scheme, const NamedKey& key, core::TrackIvs& ivs);

  struct Frame {
    core::SubsampleMap subsamples;  // empty: the whole frame
    bool video = false;             // `cbcs` has a pattern for video alone
    bool clear = false;             // stays as it is, and the meta says so
    core::CencIv iv{};              // filled in by encrypt()
  };

  // Encrypts in place. Does not allocate.
  core::Result<void> encrypt(std::span<std::uint8_t> bytes, Frame& frame);

  // Adds the GstProtectionMeta of a frame that encrypt() has seen.
  void describe(GstBuffer* buffer, const Frame& frame) const;

 private:
  using Cipher = std::variant<core::CencCipher, core::CbcsCipher>;

  FrameEncryptor(Cipher cipher, const NamedKey& key, core::TrackIvs& ivs);

  Cipher cipher_;
  core::TrackIvs* ivs_;
  std::optional<ProtectionInfo> infos_[2][2];  // of a frame of audio or video, left clear or encrypted
};

}  // namespace aircheck::cenc
