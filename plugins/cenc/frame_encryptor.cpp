#include "cenc/frame_encryptor.hpp"

namespace aircheck::cenc {

namespace {

gstx::Ref<GstBuffer> buffer_of(core::ByteView bytes) {
  return gstx::Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
}

}  // namespace

FrameEncryptor::FrameEncryptor(Cipher cipher, const NamedKey& key, core::TrackIvs& ivs)
    : cipher_(std::move(cipher)), ivs_(&ivs) {
  const auto key_id = buffer_of(key.key_id);
  const auto constant_iv = buffer_of(ivs.constant);
  CommonProtection common;
  common.key_id = key_id.get();
  if (std::holds_alternative<core::CbcsCipher>(cipher_)) {
    common.scheme = core::CencScheme::kCbcs;
    common.constant_iv = constant_iv.get();
  }
  for (const bool video : {false, true}) {
    if (common.scheme == core::CencScheme::kCbcs) common.pattern = video ? core::kVideoPattern : core::kAudioPattern;
    for (const bool encrypted : {false, true}) {
      common.encrypted = encrypted;
      infos_[video ? 1 : 0][encrypted ? 1 : 0].emplace(common);
    }
  }
}

core::Result<FrameEncryptor> FrameEncryptor::create(core::CencScheme scheme, const NamedKey& key, core::TrackIvs& ivs) {
  if (scheme == core::CencScheme::kCenc) {
    AIRCHECK_TRY(auto cipher, core::CencCipher::create(key.key));
    return FrameEncryptor(std::move(cipher), key, ivs);
  }
  AIRCHECK_TRY(auto cipher, core::CbcsCipher::create(key.key, core::CipherDirection::kEncrypt));
  return FrameEncryptor(std::move(cipher), key, ivs);
}

core::Result<void> FrameEncryptor::encrypt(std::span<std::uint8_t> bytes, Frame& frame) {
  if (frame.clear) return {};
  if (auto* const cenc = std::get_if<core::CencCipher>(&cipher_)) {
    frame.iv = ivs_->sample.next();
    return cenc->apply(bytes, frame.subsamples.entries(), frame.iv);
  }
  return std::get_if<core::CbcsCipher>(&cipher_)->apply(bytes, frame.subsamples.entries(), ivs_->constant,
                                                        frame.video ? core::kVideoPattern : core::kAudioPattern);
}

void FrameEncryptor::describe(GstBuffer* buffer, const Frame& frame) const {
  const auto& info = infos_[frame.video ? 1 : 0][frame.clear ? 0 : 1];
  if (frame.clear) return info->add_to(buffer, nullptr, {});
  const auto iv = std::holds_alternative<core::CencCipher>(cipher_) ? buffer_of(frame.iv) : gstx::Ref<GstBuffer>();
  info->add_to(buffer, iv.get(), frame.subsamples.entries());
}

}  // namespace aircheck::cenc
