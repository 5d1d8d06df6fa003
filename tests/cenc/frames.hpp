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

// An access unit: delimiter, slice of the given size (of an IDR picture by its header), short slice. Length fields of
// `length_size` bytes. What stands in the slices is no H.264.
inline core::Bytes access_unit(std::size_t slice_size, std::size_t length_size = 4, std::uint8_t slice_header = 0x65) {
  core::Bytes au;
  const auto append = [&](std::uint8_t header, std::size_t size) {
    for (std::size_t i = length_size; i-- > 0;) au.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
    au.push_back(header);
    for (std::size_t i = 1; i < size; ++i) au.push_back(static_cast<std::uint8_t>(i * 7));
  };
  append(0x09, 2);
  append(slice_header, slice_size);
  append(0x41, 40);
  return au;
}

// The fields of a GstProtectionMeta.
struct Protection {
  bool encrypted = false;
  std::string scheme;
  core::Bytes key_id;
  core::Bytes iv;
  guint crypt_blocks = 0;
  guint skip_blocks = 0;
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
  gboolean encrypted = FALSE;
  EXPECT_TRUE(gst_structure_get_boolean(meta->info, "encrypted", &encrypted));
  protection.encrypted = encrypted != FALSE;
  protection.scheme = gst_structure_get_string(meta->info, "cipher-mode");
  gst_structure_get_uint(meta->info, "crypt_byte_block", &protection.crypt_blocks);
  gst_structure_get_uint(meta->info, "skip_byte_block", &protection.skip_blocks);
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
  const bool counted = gst_structure_get_uint(meta->info, "subsample_count", &count) != FALSE;
  EXPECT_TRUE(counted || protection.scheme == "cbcs");
  EXPECT_EQ(count, protection.subsamples.size());
  return protection;
}

// AES-128-ECB, one block.
class BlockCipher {
 public:
  using Block = std::array<std::uint8_t, 16>;

  BlockCipher(const char* key_hex, bool encrypt) : context_(EVP_CIPHER_CTX_new()) {
    EVP_CipherInit_ex(context_, EVP_aes_128_ecb(), nullptr, core::from_hex(key_hex)->data(), nullptr, encrypt ? 1 : 0);
    EVP_CIPHER_CTX_set_padding(context_, 0);
  }
  BlockCipher(const BlockCipher&) = delete;
  BlockCipher& operator=(const BlockCipher&) = delete;
  ~BlockCipher() { EVP_CIPHER_CTX_free(context_); }

  Block operator()(const std::uint8_t* in) {
    Block out{};
    int size = 0;
    EVP_CipherUpdate(context_, out.data(), &size, in, 16);
    return out;
  }

 private:
  EVP_CIPHER_CTX* context_;
};

// ISO/IEC 23001-7 section 9.6.1: the keystream block n is the encryption of IV || n.
class CencRanges {
 public:
  CencRanges(const Protection& protection, const char* key_hex) : iv_(protection.iv), ecb_(key_hex, true) {}

  void decrypt(std::uint8_t* bytes, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i, ++used_) {
      if (used_ % 16 == 0) {
        BlockCipher::Block block{};
        std::copy(iv_.begin(), iv_.end(), block.begin());
        for (std::size_t j = 0; j < 8; ++j) block[15 - j] = static_cast<std::uint8_t>((used_ / 16) >> (8 * j));
        keystream_ = ecb_(block.data());
      }
      bytes[i] ^= keystream_[used_ % 16];
    }
  }

 private:
  core::Bytes iv_;
  BlockCipher ecb_;
  BlockCipher::Block keystream_{};
  std::size_t used_ = 0;
};

// Section 10.4: CBC over the blocks that the pattern picks, anew in each range.
class CbcsRanges {
 public:
  CbcsRanges(const Protection& protection, const char* key_hex) : protection_(protection), ecb_(key_hex, false) {}

  void decrypt(std::uint8_t* bytes, std::size_t size) {
    const std::size_t period = protection_.crypt_blocks + protection_.skip_blocks;
    core::Bytes chain = protection_.iv;
    for (std::size_t block = 0; (block + 1) * 16 <= size; ++block) {
      if (period != 0 && block % period >= protection_.crypt_blocks) continue;
      std::uint8_t* const at = bytes + block * 16;
      const core::Bytes encrypted(at, at + 16);
      const auto clear = ecb_(at);
      for (std::size_t i = 0; i < 16; ++i) at[i] = clear[i] ^ chain[i];
      chain = encrypted;
    }
  }

 private:
  const Protection& protection_;
  BlockCipher ecb_;
};

inline core::Bytes decrypt(core::ByteView sample, const Protection& protection, const char* key_hex = kKey) {
  core::Bytes out(sample.begin(), sample.end());
  if (!protection.encrypted) return out;
  CencRanges cenc(protection, key_hex);
  CbcsRanges cbcs(protection, key_hex);
  auto subsamples = protection.subsamples;
  if (subsamples.empty()) subsamples.emplace_back(0, out.size());
  std::size_t at = 0;
  for (const auto& [clear, covered] : subsamples) {
    at += clear;
    if (at + covered > out.size()) break;
    if (protection.scheme == "cbcs") {
      cbcs.decrypt(out.data() + at, covered);
    } else {
      cenc.decrypt(out.data() + at, covered);
    }
    at += covered;
  }
  EXPECT_EQ(at, out.size()) << "subsamples do not add up";
  return out;
}

}  // namespace aircheck::test
