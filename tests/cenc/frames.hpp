// Coded frames for the tests of cencenc, and a decryptor that shares no code with it.
#pragma once

#include <gst/gst.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <optional>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "gstx/buffer_map.hpp"
#include "gstx/ref.hpp"

namespace aircheck::test {

using gstx::Ref;

inline constexpr const char* kKeyId = "11223344556677889900aabbccddeeff";
inline constexpr const char* kKey = "00112233445566778899aabbccddeeff";
// NAL unit lengths of four bytes.
inline constexpr const char* kAvcCaps =
    "video/x-h264, stream-format=(string)avc, alignment=(string)au, width=(int)640, height=(int)360, "
    "framerate=(fraction)25/1, codec_data=(buffer)0164001effe1001a6764001eacd940a02ff97011000003000100000300320f162d96"
    "01000668ebe3cb22c0";
inline constexpr const char* kAacCaps =
    "audio/mpeg, mpegversion=(int)4, framed=(boolean)true, stream-format=(string)raw, rate=(int)48000, "
    "channels=(int)2, codec_data=(buffer)119056e500";

inline core::Bytes bytes_of(GstBuffer* buffer) {
  const auto map = gstx::BufferMap::read(buffer);
  EXPECT_TRUE(map);
  return {map->bytes().begin(), map->bytes().end()};
}

inline Ref<GstBuffer> buffer_of(core::ByteView bytes) {
  return Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
}

// An access unit: delimiter, IDR slice of the given size, short slice. Length fields of `length_size` bytes.
inline core::Bytes access_unit(std::size_t slice_size, std::size_t length_size = 4) {
  core::Bytes au;
  const auto append = [&](std::uint8_t header, std::size_t size) {
    for (std::size_t i = length_size; i-- > 0;) au.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
    au.push_back(header);
    for (std::size_t i = 1; i < size; ++i) au.push_back(static_cast<std::uint8_t>(i * 7));
  };
  append(0x09, 2);
  append(0x65, slice_size);
  append(0x41, 40);
  return au;
}

// The fields of a GstProtectionMeta of scheme `cenc`.
struct Protection {
  core::Bytes key_id;
  core::Bytes iv;
  std::vector<std::pair<std::uint16_t, std::uint32_t>> subsamples;  // clear, protected
};

inline core::Bytes buffer_bytes(const GstStructure* structure, const char* name) {
  GstBuffer* buffer = nullptr;
  gst_structure_get(structure, name, GST_TYPE_BUFFER, &buffer, nullptr);
  const auto owned = Ref<GstBuffer>::adopt(buffer);
  return buffer != nullptr ? bytes_of(buffer) : core::Bytes();
}

inline Protection protection_of(GstBuffer* buffer) {
  Protection protection;
  const GstProtectionMeta* const meta = gst_buffer_get_protection_meta(buffer);
  if (meta == nullptr) {
    ADD_FAILURE() << "a buffer without protection meta";
    return protection;
  }
  protection.key_id = buffer_bytes(meta->info, "kid");
  protection.iv = buffer_bytes(meta->info, "iv");
  const core::Bytes subsamples = buffer_bytes(meta->info, "subsamples");
  core::ByteReader reader(subsamples);
  while (!reader.empty()) {
    const auto clear = reader.u16();
    const auto covered = reader.u32();
    protection.subsamples.emplace_back(*clear, *covered);
  }
  guint count = 0;
  EXPECT_TRUE(gst_structure_get_uint(meta->info, "subsample_count", &count));
  EXPECT_EQ(count, protection.subsamples.size());
  return protection;
}

// ISO/IEC 23001-7 section 9.6 from AES-128-ECB: the keystream block n is the encryption of IV || n.
inline core::Bytes decrypt(core::ByteView sample, const Protection& protection, const char* key_hex = kKey) {
  const auto key = core::from_hex(key_hex);
  core::Bytes out(sample.begin(), sample.end());
  std::array<std::uint8_t, 32> keystream{};
  std::size_t used = 0;
  EVP_CIPHER_CTX* const ecb = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(ecb, EVP_aes_128_ecb(), nullptr, key->data(), nullptr);
  const auto next_byte = [&] {
    if (used % 16 == 0) {
      std::array<std::uint8_t, 16> block{};
      std::copy(protection.iv.begin(), protection.iv.end(), block.begin());
      for (std::size_t i = 0; i < 8; ++i) block[15 - i] = static_cast<std::uint8_t>((used / 16) >> (8 * i));
      int size = 0;
      EVP_EncryptUpdate(ecb, keystream.data(), &size, block.data(), 16);
    }
    return keystream[used++ % 16];
  };
  auto subsamples = protection.subsamples;
  if (subsamples.empty()) subsamples.emplace_back(0, out.size());
  std::size_t at = 0;
  for (const auto& [clear, covered] : subsamples) {
    at += clear;
    for (std::uint32_t i = 0; i < covered && at < out.size(); ++i) out[at++] ^= next_byte();
  }
  EXPECT_EQ(at, out.size()) << "subsamples do not add up";
  EVP_CIPHER_CTX_free(ecb);
  return out;
}

}  // namespace aircheck::test
