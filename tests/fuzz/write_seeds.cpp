// Writes one seed per kind of input into the directory given.
#include <fstream>
#include <iostream>

#include "core/bmff_samples.hpp"

namespace {

namespace core = aircheck::core;

// 64x64 of x264: decoder configuration, then the beginnings of an IDR picture's and of later slices.
constexpr const char* kAvcRecord =
    "0164000affe100186764000aace4109b0110000003001000000300a0f122512001000668ebe3cb22c0fdf8f800";
constexpr const char* kAvcSlices[] = {
    "65888405ffd4576d7dda76d27989a5e7f1dee47272cd5eaa04df042803034df9c77c6ac961c35c4a",
    "6512221017eee670616d8ff819753dc083630a0b2f13f5f5a2a08105d33c15ba9bc48832fa8bcde7",
    "419a29b127b7fbbafcc5d2b00570f1ff1b9b47b14d42e1acff77a93ca288809f3c22656e798ff36c",
    "411268a6c49fc9ea367b26da6060a1d3ee072aaea8e8b79ac10bd2b316b0e76ca625d3823de1287f",
};

// 64x64 of x265: decoder configuration, then the beginnings of an IDR picture's and of later slices.
constexpr const char* kHevcRecord =
    "0101600000009000000000001ef000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003001e913024"
    "a10001002842010101600000030090000003000003001ea02081059644eaf2bc05a020000003002000000300a1a2000100064401"
    "c173d189";
constexpr const char* kHevcSlices[] = {
    "2801af2482a5829cf080a7def0bd555e2ce62cd0e55e17dd7c0284a42fc0c163b323b478f9d4bfff",
    "0201d0097e11192410e6a94f2732c8c9c8d4cb429e810f43ffe7753c009d29db2d2e6cfffa215ae7",
    "0201d019d7f5110641041c31f5408c0b7e7f1a57f90e4bb341b69e6393cd4a6d018b10d32bf285cd",
    "0001e046bff51881040885c2404859d82ef57ff4f07f996f316aec37f9454a15cb5b42392985d54d",
};

// For slice_headers_fuzz: codec, codec_data, and an access unit whose NAL units follow lengths of four bytes.
core::Bytes access_unit(std::uint8_t codec, const char* record, std::span<const char* const> slices) {
  core::ByteWriter writer;
  const core::Bytes configuration = *core::from_hex(record);
  writer.u8(codec);
  writer.u16(static_cast<std::uint16_t>(configuration.size()));
  writer.bytes(configuration);
  for (const char* slice : slices) {
    const core::Bytes nal = *core::from_hex(slice);
    writer.u32(static_cast<std::uint32_t>(nal.size()));
    writer.bytes(nal);
  }
  return writer.take();
}

// For protection_meta_fuzz: a frame of 100 bytes by cbcs 1:9 with one subsample.
core::Bytes protection_meta() {
  core::ByteWriter writer;
  const auto uint = [&](std::uint32_t value) {
    writer.u8(1);
    writer.u32(value);
  };
  const auto buffer = [&](const core::Bytes& bytes) {
    writer.u8(2);
    writer.u16(static_cast<std::uint16_t>(bytes.size()));
    writer.bytes(bytes);
  };
  writer.u16(100);
  writer.u8(3);  // encrypted
  buffer(core::Bytes(16, 1));
  writer.u8(10);  // cbcs
  uint(0);
  buffer(core::Bytes(16, 2));
  uint(1);
  buffer({0, 20, 0, 0, 0, 80});
  uint(1);
  uint(9);
  return writer.take();
}

}  // namespace

int main(int argc, char** argv) {
  namespace samples = core::bmff::samples;
  if (argc != 2) return 2;
  const auto write = [&](const std::string& name, const core::Bytes& bytes) {
    std::ofstream file(std::string(argv[1]) + "/" + name, std::ios::binary);
    for (const std::uint8_t byte : bytes) file.put(static_cast<char>(byte));
    return file.good();
  };
  const auto keys = core::as_bytes(
      "11223344556677889900aabbccddeeff:00112233445566778899aabbccddeeff,"
      "aabbccddeeff00112233445566778899:ffeeddccbbaa99887766554433221100");
  const bool good = write("init.mp4", samples::init_segment()) && write("segment.m4s", samples::media_segment()) &&
                    write("other-init.mp4", samples::other_init_segment()) &&
                    write("chunks.m4s", samples::chunked_segment()) &&
                    write("avc.seed", access_unit(0, kAvcRecord, kAvcSlices)) &&
                    write("hevc.seed", access_unit(1, kHevcRecord, kHevcSlices)) &&
                    write("meta.seed", protection_meta()) && write("keys.seed", {keys.begin(), keys.end()});
  return good ? 0 : 1;
}
