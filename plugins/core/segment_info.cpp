#include "core/segment_info.hpp"

#include <algorithm>

#include "core/bmff/box_io.hpp"
#include "core/bmff/boxes_fragment.hpp"

namespace aircheck::core {
namespace {

using bmff::fourcc;

struct SegmentInfoBox {
  static constexpr bmff::FourCc kType = fourcc("uuid");
  static constexpr std::uint32_t kDiscontinuity = 1;
  static constexpr std::uint32_t kHasKeyId = 2;
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  SegmentInfo info;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    KeyId uuid = kSegmentInfoUuid;
    io.field(uuid);
    io.full_box(self.version, self.flags, 0);
    io.field(self.info.sequence);
    io.field(self.info.discontinuity_sequence);
    io.field(self.info.start.ns);
    io.field(self.info.duration_ns);
    io.field(self.info.epoch);
    io.field(self.info.target_duration_s);
    io.field(self.info.max_duration_s);
    if ((self.flags & kHasKeyId) != 0) {
      if constexpr (Io::kReading) self.info.key_id.emplace();
      io.field(*self.info.key_id);
    }
    io.template sized<std::uint16_t>(self.info.init_name);
    if constexpr (Io::kReading) self.info.discontinuity = (self.flags & kDiscontinuity) != 0;
  }
};

}  // namespace

Bytes write_segment_info_box(const SegmentInfo& info) {
  SegmentInfoBox box;
  box.info = info;
  box.flags =
      (info.discontinuity ? SegmentInfoBox::kDiscontinuity : 0U) | (info.key_id ? SegmentInfoBox::kHasKeyId : 0U);
  return bmff::write_box(box);
}

Result<SegmentInfo> read_segment_info(ByteView head_of_file) {
  // The boxes before the moof are small and whole; the moof itself and what follows may be cut off.
  while (!head_of_file.empty()) {
    AIRCHECK_TRY(const bmff::BoxHeader header, bmff::read_box_header(head_of_file, UINT64_MAX));
    if (header.type == bmff::Moof::kType) break;
    AIRCHECK_TRY(const bmff::BoxView box, bmff::read_box_view(head_of_file));
    const ByteView payload = box.payload();
    if (header.type == SegmentInfoBox::kType && payload.size() >= kSegmentInfoUuid.size() &&
        std::ranges::equal(payload.first(kSegmentInfoUuid.size()), kSegmentInfoUuid)) {
      AIRCHECK_TRY(SegmentInfoBox found, bmff::read_payload<SegmentInfoBox>(payload, header.type));
      return std::move(found.info);
    }
    head_of_file = head_of_file.subspan(box.bytes.size());
  }
  return fail(Code::kNotFound, "has no segment information of Aircheck");
}

}  // namespace aircheck::core
