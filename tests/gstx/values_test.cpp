// Caps and structure helpers, buffer maps and the table of errors.
#include <gtest/gtest.h>

#include <set>

#include "gstx/buffer_map.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"

namespace aircheck::gstx {
namespace {

class ValuesTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }
};

TEST_F(ValuesTest, ABufferIsReadByItsType) {
  const auto caps = caps_from_text("video/x-h264, width=640, codec_data=(buffer)0142");
  const GstStructure* const structure = gst_caps_get_structure(caps.get(), 0);
  ASSERT_TRUE(buffer_field(structure, "codec_data"));
  EXPECT_EQ(gst_buffer_get_size(buffer_field(structure, "codec_data").get()), 2U);
  EXPECT_FALSE(buffer_field(structure, "width"));
}

TEST_F(ValuesTest, SharedBuffersAreNotMappedForWriting) {
  const auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, 4, nullptr));
  EXPECT_TRUE(BufferMap::read_write(buffer.get()));
  const Ref<GstBuffer> second = buffer;
  EXPECT_TRUE(BufferMap::read(buffer.get()));
  const auto map = BufferMap::read_write(buffer.get());
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().code, core::Code::kConflict);
}

TEST_F(ValuesTest, EveryCodeHasAnErrorDomain) {
  const std::set<GQuark> known = {GST_CORE_ERROR, GST_LIBRARY_ERROR, GST_RESOURCE_ERROR, GST_STREAM_ERROR};
  for (int code = 0; code <= static_cast<int>(core::Code::kInternal); ++code) {
    const ErrorDomain domain = error_domain(static_cast<core::Code>(code));
    EXPECT_TRUE(known.contains(domain.domain)) << code;
    EXPECT_GT(domain.code, 0) << code;
  }
  EXPECT_EQ(error_domain(core::Code::kNoSpace).code, GST_RESOURCE_ERROR_NO_SPACE_LEFT);
}

}  // namespace
}  // namespace aircheck::gstx
