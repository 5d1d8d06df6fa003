// When a channel's content key changes: the guide, edits of it, restarts and clocks, with the real protocol.
#include "daemon/channels/supervised_channel.hpp"

namespace aircheck::channels {
namespace {

// Programmes: the one on air began at 14:00.
class KeyBordersTest : public SupervisorTest {
 protected:
  static core::Utc clock(const std::string& time) { return *core::from_rfc3339("2026-02-25T" + time + "Z"); }
  void programmes(const std::vector<std::pair<std::string, bool>>& starts) {
    guide_.clear();
    for (const auto& [time, later] : starts) {
      if (!guide_.empty()) guide_.back().end = clock(time);
      guide_.push_back({clock(time), clock("23:00:00"), later});
    }
    supervisor_->rights_changed(id_);
  }
  // The worker closes a segment of six seconds that ends then.
  void last_row(const std::string& end, const core::KeyId& key_id) {
    directory_.write("run/ch1.row", std::to_string(clock(end).ns) + " " + core::to_hex(key_id));
    ASSERT_TRUE(run_until([&] { return last_end_ == clock(end); }));
  }
  void go_on_air() {
    ASSERT_TRUE(supervisor_->start("ch1").has_value());
    ASSERT_TRUE(reaches("running"));
  }
  // The clock goes on, and the worker closes segments that say so.
  void goes_on_to(const std::string& time) {
    now_ = clock(time);
    ASSERT_TRUE(more_rows());
  }
  [[nodiscard]] Period period_of(const std::string& key_id) const {
    return keys_->find(*core::key_id_from_hex(key_id))->period;
  }
};

TEST_F(KeyBordersTest, TheKeyChangesWhereRightsDo) {
  programmes({{"14:00:00", true}, {"14:45:00", true}, {"15:00:00", false}, {"15:30:00", true}});
  go_on_air();
  const KeyRecord first = *keys_->at(id_, now_);
  EXPECT_EQ(first.period, (Period{clock("14:30:00"), clock("15:00:00")}));
  goes_on_to("14:59:29");
  EXPECT_TRUE(rotations().empty());
  goes_on_to("14:59:31");
  ASSERT_TRUE(run_until([&] { return rotations().size() == 1; }));
  EXPECT_EQ(rotations()[0].second, clock("15:00:00"));
  EXPECT_EQ(period_of(rotations()[0].first), (Period{clock("15:00:00"), clock("15:30:00")}));
  goes_on_to("15:29:40");
  ASSERT_TRUE(run_until([&] { return rotations().size() == 2; }));
  EXPECT_EQ(rotations()[1].second, clock("15:30:00"));
  // The guide ends at 23:00, and what follows may be watched later.
  EXPECT_EQ(period_of(rotations()[1].first), (Period{clock("15:30:00"), *core::from_rfc3339("2026-02-26T00:00:00Z")}));
  EXPECT_EQ(keys_->find(first.key_id)->period, first.period);
  EXPECT_EQ(configurations(), 1);
  EXPECT_TRUE(contiguous());
}

TEST_F(KeyBordersTest, AnEditMovesTheBorder) {
  programmes({{"14:00:00", true}, {"15:00:00", false}});
  go_on_air();
  const core::KeyId key = keys_->at(id_, now_)->key_id;
  EXPECT_EQ(keys_->find(key)->period.end, clock("15:00:00"));
  programmes({{"14:00:00", true}, {"14:40:00", false}});
  EXPECT_EQ(keys_->find(key)->period.end, clock("14:40:00"));
  programmes({{"14:00:00", true}, {"16:00:00", true}});
  EXPECT_EQ(keys_->find(key)->period.end, *core::from_rfc3339("2026-02-26T00:00:00Z"));
  programmes({{"14:00:00", true}, {"14:50:00", false}});
  goes_on_to("14:49:50");
  ASSERT_TRUE(run_until([&] { return rotations().size() == 1; }));
  // Too late: the worker has the key already. It is one more change, and none too few.
  programmes({{"14:00:00", true}, {"14:55:00", false}});
  EXPECT_EQ(keys_->find(key)->period.end, clock("14:50:00"));
  EXPECT_EQ(period_of(rotations()[0].first), (Period{clock("14:50:00"), clock("14:55:00")}));
  goes_on_to("14:54:50");
  ASSERT_TRUE(run_until([&] { return rotations().size() == 2; }));
  EXPECT_EQ(rotations()[1].second, clock("14:55:00"));
}

// An operator takes a programme out of catch-up while another one is on air under the same key.
TEST_F(KeyBordersTest, RightsThatChangeBehindTheKeyChangeItAtOnce) {
  programmes({{"12:00:00", true}, {"14:40:00", true}});
  go_on_air();
  const core::KeyId key = keys_->at(id_, now_)->key_id;
  goes_on_to("15:10:00");
  last_row("15:09:54", key);
  programmes({{"12:00:00", false}, {"14:40:00", true}});
  ASSERT_TRUE(run_until([&] { return rotations().size() == 1; }));
  EXPECT_EQ(rotations()[0].second, clock("15:09:54"));
  EXPECT_EQ(keys_->find(key)->period, (Period{clock("14:30:00"), clock("15:09:54")})) << "it covers both programmes";
  EXPECT_EQ(period_of(rotations()[0].first).start, clock("15:09:54"));
}

TEST_F(KeyBordersTest, AChannelWithoutCatchUpHasAKeyForEachProgramme) {
  programmes({{"14:00:00", true}, {"15:00:00", true}, {"16:00:00", true}});
  go_on_air();
  const core::KeyId key = keys_->at(id_, now_)->key_id;
  Channel channel = *channels_->find(id_);
  channel.catchup_enabled = false;
  ASSERT_TRUE(channels_->update(channel, now_).has_value());
  EXPECT_EQ(keys_->find(key)->period.end, clock("15:00:00"));
}

TEST_F(KeyBordersTest, ANewDaemonAndANewWorkerKeepTheKeyOfThePeriod) {
  programmes({{"14:00:00", true}, {"15:00:00", false}});
  go_on_air();
  const KeyRecord first = *keys_->at(id_, now_);
  now_ = clock("14:40:00");
  last_segment_ = {first.key_id, now_};
  supervisor_.reset();
  boot();
  ASSERT_TRUE(reaches("running"));
  ASSERT_EQ(kill(status().pid.value(), SIGKILL), 0);
  ASSERT_TRUE(run_until([&] { return configurations() == 2; }));
  ASSERT_TRUE(reaches("running"));
  const std::string configured = directory_.read("run/ch1.configured");
  EXPECT_TRUE(configured.ends_with(core::to_hex(first.key_id) + "\n"));
  EXPECT_EQ(keys_->find(first.key_id)->period, first.period);
  EXPECT_TRUE(rotations().empty());
}

// The guide changed while the channel was off air.
TEST_F(KeyBordersTest, AStartNeverGoesOnWithAKeyThatCoversOtherRights) {
  programmes({{"14:00:00", true}, {"16:00:00", false}});
  go_on_air();
  const core::KeyId key = keys_->at(id_, now_)->key_id;
  last_segment_ = {key, clock("14:35:00")};
  ASSERT_TRUE(supervisor_->stop("ch1").has_value());
  ASSERT_TRUE(reaches("stopped"));
  programmes({{"14:00:00", true}, {"14:50:00", false}});
  now_ = clock("15:10:02");
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const KeyRecord next = *keys_->at(id_, now_);
  EXPECT_NE(next.key_id, key);
  EXPECT_TRUE(directory_.read("run/ch1.configured").ends_with(core::to_hex(next.key_id) + "\n"));
  EXPECT_EQ(next.period.start, clock("15:10:00")) << "the slot in which the worker begins";
  EXPECT_EQ(keys_->find(key)->period.end, clock("14:50:00"));
}

// Segments that say otherwise are believed, not the plan.
TEST_F(KeyBordersTest, APeriodCoversWhatWasEncrypted) {
  programmes({{"14:00:00", true}, {"15:00:00", false}});
  go_on_air();
  const core::KeyId key = keys_->at(id_, now_)->key_id;
  goes_on_to("14:59:50");
  ASSERT_TRUE(run_until([&] { return rotations().size() == 1; }));
  last_row("15:00:06", key);
  EXPECT_EQ(keys_->find(key)->period, (Period{clock("14:30:00"), clock("15:00:06")}));
  EXPECT_EQ(period_of(rotations()[0].first).start, clock("15:00:00"));
}

// The wall clock goes an hour back; the media does not.
TEST_F(KeyBordersTest, AClockThatIsSetMovesNoBorder) {
  programmes({{"14:00:00", true}, {"15:00:00", false}});
  go_on_air();
  const core::KeyId key = keys_->at(id_, now_)->key_id;
  now_ = clock("13:59:36");
  last_row("14:59:36", key);
  ASSERT_TRUE(run_until([&] { return rotations().size() == 1; }));
  EXPECT_EQ(rotations()[0].second, clock("15:00:00"));
}

}  // namespace
}  // namespace aircheck::channels
