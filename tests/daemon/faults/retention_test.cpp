// What a running station deletes by itself: the window of the channel, its longest programme and one hour more are
// kept.
#include <filesystem>

#include "daemon/faults/station_with_files.hpp"

namespace aircheck {
namespace {

class StationRetentionTest : public test::StationWithFiles {
 protected:
  [[nodiscard]] bool is_there(const timeshift::SegmentRow& row) const {
    return std::filesystem::exists(state() + "/segments/ch1/" + row.location);
  }
};

TEST_F(StationRetentionTest, KeepsTheWindowTheLongestProgrammeAndAnHour) {
  constexpr std::int64_t kHour = 3600;
  constexpr std::int64_t kProgramme = kHour / 2;  // generated ones
  constexpr std::int64_t kMargin = 300;           // however slow the machine is
  ASSERT_NO_FATAL_FAILURE(make_station());
  ASSERT_TRUE(database_->prepare("UPDATE channels SET cutv_window_hours = 1")->run());
  const std::int64_t kept_for = kHour + kProgramme + kHour;
  timeshift::test::Writer writer(ago(kept_for + kMargin));
  const timeshift::SegmentRow expired = write(writer.segment());
  writer.restart(ago(kept_for - kMargin));
  const timeshift::SegmentRow kept = write(writer.segment());
  writer.restart(ago(60));
  const timeshift::SegmentRow newest = write(writer.segment());
  close_station();
  ASSERT_NO_FATAL_FAILURE(start());
  ASSERT_TRUE(logs("1 segments (1 KiB) deleted")) << log();
  EXPECT_FALSE(is_there(expired));
  EXPECT_TRUE(is_there(kept)) << "who began its programme in time may see its end";
  EXPECT_TRUE(is_there(newest));
  token_ = sign_in();
  const auto storage = get(url("/api/v1/admin/storage"), token_);
  EXPECT_EQ(*storage.json().find("last_round")->find("expired_segments")->as_integer(), 1) << storage.body;
}

}  // namespace
}  // namespace aircheck
