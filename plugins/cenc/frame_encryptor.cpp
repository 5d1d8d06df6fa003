#include "cenc/frame_encryptor.hpp"

#include "cenc/protection.hpp"

namespace aircheck::cenc {

namespace {

gstx::Ref<GstBuffer> buffer_of(core::ByteView bytes) {
  return gstx::Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
}

}  // namespace

FrameEncryptor::FrameEncryptor(Cipher cipher, const NamedKey& key, core::TrackIvs& ivs)
    : cipher_(std::move(cipher)), ivs_(&ivs), key_id_(buffer_of(key.key_id)), constant_iv_(buffer_of(ivs.constant)) {}

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
  FrameProtection protection;
  protection.encrypted = !frame.clear;
  protection.key_id = key_id_.get();
  if (!frame.clear) protection.subsamples = frame.subsamples.entries();
  gstx::Ref<GstBuffer> iv;
  if (std::holds_alternative<core::CbcsCipher>(cipher_)) {
    protection.scheme = core::CencScheme::kCbcs;
    protection.pattern = frame.video ? core::kVideoPattern : core::kAudioPattern;
    iv = constant_iv_;
  } else if (!frame.clear) {
    iv = buffer_of(frame.iv);
  }
  protection.iv = iv.get();
  add_protection_meta(buffer, protection);
}

}  // namespace aircheck::cenc
