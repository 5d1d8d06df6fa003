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

TEST_F(StationRetentionTest, ADeletedChannelLeavesItsSegmentsAndOneOfItsKeyHasThemAgain) {
  ASSERT_NO_FATAL_FAILURE(make_station());
  timeshift::test::Writer writer(ago(600));
  std::uint64_t bytes = 0;
  for (int i = 0; i < 20; ++i) bytes += write(writer.segment()).size;
  close_station();
  ASSERT_NO_FATAL_FAILURE(start({}, {{"AIRCHECK_ADMIN_PASSWORD", kPassword}}));
  token_ = sign_in();
  const auto storage = [&] { return get(url("/api/v1/admin/storage"), token_).json(); };
  const auto leftovers = [&] { return storage().find("leftovers")->as_array()->size(); };
  const auto listed = [&] {
    const base::Json json = storage();
    const auto* items = json.find("items")->as_array();
    return items->empty() ? 0 : *items->at(0).find("segments")->as_integer();
  };
  EXPECT_EQ(leftovers(), 0U);
  EXPECT_EQ(listed(), 20);
  const auto deleted = fetch({.method = "DELETE",
                              .url = url("/api/v1/admin/channels/ch1"),
                              .headers = {{"Authorization", "Bearer " + token_}, {"If-Match", "*"}}});
  ASSERT_EQ(deleted.status, 204) << deleted.body;
  const base::Timer tick = base::Timer::every(20, [] {});
  ASSERT_TRUE(run_until([&] { return leftovers() == 1; })) << "at once, not an hour later";
  const base::Json json = storage();
  const base::Json& left = json.find("leftovers")->as_array()->at(0);
  EXPECT_EQ(*left.find("cdn_channel_key")->as_string(), "ch1");
  EXPECT_EQ(*left.find("segments")->as_integer(), 20);
  EXPECT_GT(*left.find("bytes")->as_integer(), static_cast<std::int64_t>(bytes)) << "with its init segment";
  EXPECT_EQ(metric("aircheck_leftover_bytes"), static_cast<double>(*left.find("bytes")->as_integer()));
  EXPECT_EQ(listed(), 0);
  ASSERT_NO_FATAL_FAILURE(create_channel(token_));
  EXPECT_TRUE(run_until([&] { return listed() == 20; })) << storage().dump();
  EXPECT_EQ(leftovers(), 0U);
  EXPECT_EQ(metric("aircheck_leftover_bytes"), 0);
}

}  // namespace
}  // namespace aircheck
