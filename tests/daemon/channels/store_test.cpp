#include <gtest/gtest.h>
#include <sys/stat.h>

#include "channels/channel_store.hpp"
#include "channels/key_store.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::channels {
namespace {

using core::Code;
using core::Utc;

const Utc kNow = *core::from_rfc3339("2026-02-25T14:30:00Z");

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    keys_.reset();
    channels_.reset();
    database_.reset();
    auto database = store::Database::open(directory_ / "station.db", store::station_schema());
    ASSERT_TRUE(database.has_value()) << database.error().message;
    database_ = std::move(*database);
    auto channels = ChannelStore::open(*database_);
    ASSERT_TRUE(channels.has_value()) << channels.error().message;
    channels_ = std::move(*channels);
    auto keys = KeyStore::open(*database_, directory_ / "master.key");
    ASSERT_TRUE(keys.has_value()) << keys.error().message;
    keys_ = std::move(*keys);
  }
  static Channel channel(const std::string& key, int number) {
    Channel channel;
    channel.key = key;
    channel.number = number;
    channel.name = "Channel " + key;
    channel.variables = {{"source", std::string("/film.mp4")}, {"width", std::int32_t{640}}};
    return channel;
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<ChannelStore> channels_;
  std::unique_ptr<KeyStore> keys_;
};

TEST_F(StoreTest, ChannelsSurviveARestart) {
  const auto second = channels_->insert(channel("ch2", 2), kNow);
  const auto first = channels_->insert(channel("ch1", 1), kNow);
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(channels_->set_on_air_wanted(first->id, true).has_value());
  reopen();
  ASSERT_EQ(channels_->all().size(), 2U);
  EXPECT_EQ(channels_->all()[0].key, "ch1");
  EXPECT_EQ(channels_->all()[1], *second);
  EXPECT_TRUE(channels_->find("ch1")->on_air_wanted);
  EXPECT_EQ(channels_->find(first->id), channels_->find("ch1"));
  EXPECT_EQ(channels_->find("ch3"), nullptr);
}

TEST_F(StoreTest, ChangesNeedTheVersionThatTheyStartFrom) {
  Channel changed = *channels_->insert(channel("ch1", 1), kNow);
  std::vector<std::string> seen;
  channels_->observe([&](const std::string& id) { seen.push_back(id); });
  changed.name = "Other";
  const auto updated = channels_->update(changed, kNow);
  ASSERT_TRUE(updated.has_value()) << updated.error().message;
  EXPECT_EQ(updated->version, 2);
  EXPECT_EQ(channels_->update(changed, kNow).error().code, Code::kConflict);
  Channel renamed = *updated;
  renamed.key = "ch9";
  EXPECT_EQ(channels_->update(renamed, kNow).error().code, Code::kInvalidArgument);
  Channel longer = *updated;
  longer.max_duration_s = 12;
  EXPECT_EQ(channels_->update(longer, kNow).error().code, Code::kInvalidArgument);
  EXPECT_EQ(seen, std::vector{changed.id});
  EXPECT_TRUE(channels_->remove(changed.id).has_value());
  EXPECT_EQ(channels_->remove(changed.id).error().code, Code::kNotFound);
  EXPECT_TRUE(channels_->all().empty());
}

TEST_F(StoreTest, KeysAndNumbersAreUnique) {
  ASSERT_TRUE(channels_->insert(channel("ch1", 1), kNow).has_value());
  EXPECT_EQ(channels_->insert(channel("ch1", 2), kNow).error().code, Code::kExists);
  EXPECT_EQ(channels_->insert(channel("ch2", 1), kNow).error().code, Code::kExists);
}

TEST_F(StoreTest, EveryRuleNamesItsField) {
  struct Case {
    const char* field;
    void (*spoil)(Channel&);
  };
  const Case cases[] = {
      {"cdn_channel_key", [](Channel& c) { c.key = "Ch1"; }},
      {"cdn_channel_key", [](Channel& c) { c.key = "-a"; }},
      {"cdn_channel_key", [](Channel& c) { c.key = "../a"; }},
      {"cdn_channel_key", [](Channel& c) { c.key = std::string(33, 'a'); }},
      {"number", [](Channel& c) { c.number = 0; }},
      {"name", [](Channel& c) { c.name = "a\nb"; }},
      {"logo_url", [](Channel& c) { c.logo_url = "javascript:alert(1)"; }},
      {"zone", [](Channel& c) { c.zone = "Nowhere/City"; }},
      {"cutv_window_hours", [](Channel& c) { c.cutv_window_hours = 721; }},
      {"pipeline", [](Channel& c) { c.pipeline = "../evil"; }},
      {"target_duration", [](Channel& c) { c.target_duration_s = 0; }},
      {"max_duration", [](Channel& c) { c.max_duration_s = 5; }},
      {"schedule_source", [](Channel& c) { c.schedule_source = "magic"; }},
      {"variables.width", [](Channel& c) { c.variables["width"] = std::int32_t{1}; }},
      {"variables.framerate", [](Channel& c) { c.variables["framerate"] = std::string("25/0"); }},
      {"variables.launch", [](Channel& c) { c.variables["launch"] = std::string("fakesink"); }},
  };
  for (const Case& wrong : cases) {
    Channel spoiled = channel("ch1", 1);
    wrong.spoil(spoiled);
    const auto inserted = channels_->insert(spoiled, kNow);
    ASSERT_FALSE(inserted.has_value()) << wrong.field;
    EXPECT_NE(inserted.error().message.find(wrong.field), std::string::npos) << inserted.error().message;
  }
  EXPECT_TRUE(channels_->insert(channel("a", 1), kNow).has_value());
}

TEST_F(StoreTest, OneKeyPerCryptoPeriod) {
  const auto first = keys_->at("c", kNow);
  ASSERT_TRUE(first.has_value()) << first.error().message;
  EXPECT_EQ(core::to_rfc3339(first->period.end), "2026-02-26T00:00:00Z");
  EXPECT_EQ(keys_->at("c", first->period.end - 1)->key_id, first->key_id);
  const auto next = keys_->at("c", first->period.end);
  EXPECT_NE(next->key_id, first->key_id);
  EXPECT_FALSE(next->key == first->key);
  EXPECT_NE(keys_->at("d", kNow)->key_id, first->key_id);
  reopen();
  const auto found = keys_->find(first->key_id);
  ASSERT_TRUE(found.has_value()) << found.error().message;
  EXPECT_TRUE(found->key == first->key);
  EXPECT_EQ(found->channel_id, "c");
  EXPECT_EQ(keys_->find(core::KeyId{}).error().code, Code::kNotFound);
}

TEST_F(StoreTest, PeriodsMoveAndLeaveRoomForEachOther) {
  const std::int64_t hour = 3600 * core::kNsPerSecond;
  const KeyRecord first = *keys_->at("c", kNow, {kNow, kNow + 4 * hour});
  const KeyRecord later = *keys_->at("c", kNow + 6 * hour, {kNow + 5 * hour, kNow + 7 * hour});
  const KeyRecord between = *keys_->at("c", kNow + 4 * hour, {kNow, kNow + 9 * hour});
  EXPECT_EQ(between.period, (Period{kNow + 4 * hour, kNow + 5 * hour})) << "what the others leave";
  EXPECT_EQ(*keys_->next_start("c", kNow), kNow + 4 * hour);
  EXPECT_EQ(*keys_->next_start("c", kNow + 5 * hour), std::nullopt);
  EXPECT_EQ(*keys_->next_start("d", core::Utc{0}), std::nullopt);
  EXPECT_EQ(keys_->end_at(first, kNow).error().code, Code::kInvalidArgument);
  ASSERT_TRUE(keys_->end_at(first, kNow + hour).has_value());
  reopen();
  EXPECT_EQ(keys_->find(first.key_id)->period, (Period{kNow, kNow + hour}));
  EXPECT_TRUE(keys_->find(first.key_id)->key == first.key) << "sealed anew";
  EXPECT_NE(keys_->at("c", kNow + 2 * hour)->key_id, first.key_id);
  EXPECT_EQ(keys_->at("c", kNow + 6 * hour)->key_id, later.key_id);
}

TEST_F(StoreTest, APeriodGrowsToWhatWasEncrypted) {
  const std::int64_t second = core::kNsPerSecond;
  const KeyRecord key = *keys_->at("c", kNow, {kNow, kNow + 60 * second});
  const auto cover = [&](std::int64_t from, std::int64_t to) {
    EXPECT_TRUE(keys_->cover(key.key_id, {kNow + from, kNow + to}).has_value());
    return keys_->find(key.key_id)->period;
  };
  EXPECT_EQ(cover(-second / 25, 60 * second + second / 25), key.period) << "a picture is rounding";
  EXPECT_EQ(cover(10 * second, 66 * second), (Period{kNow, kNow + 66 * second}));
  EXPECT_EQ(cover(-6 * second, second), (Period{kNow - 6 * second, kNow + 66 * second}));
  EXPECT_EQ(keys_->cover(core::KeyId{}, key.period).error().code, Code::kNotFound);
}

TEST_F(StoreTest, KeysAreSealedAndBoundToTheirRow) {
  const auto key = keys_->at("c", kNow);
  const std::string raw(key->key.reveal().begin(), key->key.reveal().end());
  for (const char* file : {"station.db", "station.db-wal"}) {
    EXPECT_EQ(directory_.read(file).find(raw), std::string::npos) << file;
  }
  struct stat status = {};
  ASSERT_EQ(stat((directory_ / "master.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  ASSERT_TRUE(database_->execute("UPDATE drm_keys SET channel_id = 'other'").has_value());
  EXPECT_EQ(keys_->find(key->key_id).error().code, Code::kConflict);
}

TEST_F(StoreTest, AForeignMasterKeyIsRefusedAtStart) {
  ASSERT_TRUE(keys_->at("c", kNow).has_value());
  const auto other = KeyStore::open(*database_, directory_ / "other.key");
  ASSERT_FALSE(other.has_value());
  EXPECT_NE(other.error().message.find("restore the master.key"), std::string::npos) << other.error().message;
}

}  // namespace
}  // namespace aircheck::channels
