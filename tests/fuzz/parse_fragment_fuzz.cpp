#include "core/bmff/decrypt.hpp"
#include "core/bmff_samples.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  namespace core = aircheck::core;
  namespace bmff = core::bmff;
  static const bmff::InitInfo init = bmff::parse_init(bmff::samples::init_segment()).value();
  core::Bytes segment(data, data + size);
  (void)bmff::parse_fragment(segment);
  (void)bmff::parse_fragments(segment, &init);
  (void)bmff::read_box<bmff::Sidx>(segment);
  (void)bmff::read_box<bmff::Prft>(segment);
  (void)bmff::decrypt_segment_in_place(segment, init, core::ContentKey());
  return 0;
}
