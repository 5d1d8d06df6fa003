#include "schedule/guide.hpp"

#include <gtest/gtest.h>

#include <set>

#include "base/files.hpp"

namespace aircheck::schedule {
namespace {

using core::kNsPerSecond;
using core::Utc;

constexpr std::int64_t kMinute = 60 * kNsPerSecond;
constexpr std::int64_t kHour = 60 * kMinute;
const Utc kNow = core::from_rfc3339("2026-02-25T14:37:12.345Z").value();

std::unique_ptr<store::Database> station() {
  auto database = store::Database::open(":memory:", store::station_schema());
  EXPECT_TRUE(database);
  for (int number = 1; number <= 2; ++number) {
    const std::string text = std::to_string(number);
    EXPECT_TRUE((*database)->execute(
        "INSERT INTO channels (id, cdn_channel_key, number, name, pipeline, target_duration, max_duration, created_at, "
        "updated_at) VALUES ('id" +
        text + "', 'ch" + text + "', " + text + ", 'One', 'simlive', 6, 6, 0, 0)"));
  }
  return std::move(*database);
}

GeneratedChannel channel(std::string id = "id1", std::int64_t programme_ns = 5 * kMinute) {
  return {.channel_id = std::move(id), .programme_ns = programme_ns, .keep_ns = 168 * kHour};
}

std::vector<Entry> all(const Guide& guide, std::string_view channel_id) {
  return guide.entries(channel_id, Utc{0}, Utc{std::numeric_limits<std::int64_t>::max()});
}

void expect_seamless(const std::vector<Entry>& entries) {
  for (std::size_t i = 1; i < entries.size(); ++i) EXPECT_EQ(entries[i].start, entries[i - 1].end);
}

TEST(Guide, GeneratesFromTheRunningProgrammeADayAhead) {
  const auto database = station();
  auto guide = Guide::open(*database);
  ASSERT_TRUE(guide->extend(kNow, {channel()}));
  const auto entries = all(*guide, "id1");
  ASSERT_EQ(entries.size(), 24u * 12 + 1);
  EXPECT_EQ(core::to_rfc3339(entries.front().start), "2026-02-25T14:35:00Z");
  EXPECT_GE(entries.back().end, kNow + Guide::kAheadNs);
  expect_seamless(entries);
  std::set<std::string> ids;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    EXPECT_TRUE(base::is_uuid(entries[i].id)) << entries[i].id;
    EXPECT_TRUE(ids.insert(entries[i].id).second);
    EXPECT_EQ(entries[i].start.ns % (5 * kMinute), 0);
    EXPECT_TRUE(entries[i].catchup_eligible);
    if (i > 0) {
      EXPECT_NE(entries[i].title, entries[i - 1].title);
    }
  }
  EXPECT_TRUE(all(*guide, "id2").empty());
}

TEST(Guide, ExtendingAgainChangesNothingAndLaterOnlyAppends) {
  const auto database = station();
  auto guide = Guide::open(*database);
  ASSERT_TRUE(guide->extend(kNow, {channel(), channel("id2")}));
  const auto before = all(*guide, "id1");
  ASSERT_TRUE(guide->extend(kNow, {channel(), channel("id2")}));
  EXPECT_EQ(all(*guide, "id1"), before);
  ASSERT_TRUE(guide->extend(kNow + 50 * kHour, {channel()})) << "the daemon was down for two days";
  const auto after = all(*guide, "id1");
  ASSERT_GT(after.size(), before.size());
  EXPECT_TRUE(std::equal(before.begin(), before.end(), after.begin()));
  expect_seamless(after);
}

TEST(Guide, IdsAreTheSameAfterARestartAndAfterTheDatabaseWasLost) {
  const auto database = station();
  auto guide = Guide::open(*database);
  ASSERT_TRUE(guide->extend(kNow, {channel()}));
  const auto before = all(*guide, "id1");
  auto reopened = Guide::open(*database);
  EXPECT_EQ(all(*reopened, "id1"), before);
  ASSERT_TRUE(reopened->extend(kNow, {channel()}));
  EXPECT_EQ(all(*reopened, "id1"), before);

  const auto fresh = station();
  auto again = Guide::open(*fresh);
  ASSERT_TRUE(again->extend(kNow, {channel()}));
  EXPECT_EQ(all(*again, "id1"), before);
}

TEST(Guide, DropsWhatIsLongExpiredAndNothingElse) {
  const auto database = station();
  auto guide = Guide::open(*database);
  ASSERT_TRUE(guide->extend(kNow, {channel()}));
  const auto first = all(*guide, "id1").front();
  const Utc last_moment = first.end + 168 * kHour + Guide::kAfterWindowNs;
  ASSERT_TRUE(guide->extend(last_moment, {channel()}));
  EXPECT_TRUE(guide->entry(first.id));
  ASSERT_TRUE(guide->extend(last_moment + 1, {channel()}));
  EXPECT_FALSE(guide->entry(first.id));
  EXPECT_EQ(all(*Guide::open(*database), "id1"), all(*guide, "id1"));
}

TEST(Guide, ReturnsToTheGridWhenProgrammesGetAnotherLength) {
  const auto database = station();
  auto guide = Guide::open(*database);
  ASSERT_TRUE(guide->extend(kNow, {channel("id1", 5 * kMinute)}));
  const auto before = all(*guide, "id1").size();
  ASSERT_TRUE(guide->extend(kNow + 30 * kHour, {channel("id1", 30 * kMinute)}));
  const auto entries = all(*guide, "id1");
  expect_seamless(entries);
  EXPECT_EQ(entries[before].end.ns % (30 * kMinute), 0);
  EXPECT_GE(entries[before].end - entries[before].start, 15 * kMinute) << "no stub";
  EXPECT_EQ(entries.back().end - entries.back().start, 30 * kMinute);
}

TEST(Guide, FindsWhatOverlapsARange) {
  const auto database = station();
  auto guide = Guide::open(*database);
  const Utc base = Utc::from_seconds(1'772'000'000);
  const auto entry = [&](int number, std::int64_t from, std::int64_t to) {
    return Entry{.id = "e" + std::to_string(number),
                 .channel_id = "id1",
                 .title = "T",
                 .description = "",
                 .start = base + from * kMinute,
                 .end = base + to * kMinute,
                 .catchup_eligible = number != 2};
  };
  ASSERT_TRUE(guide->insert(entry(1, 0, 10), "manual", kNow));
  ASSERT_TRUE(guide->insert(entry(2, 20, 30), "manual", kNow));
  ASSERT_TRUE(guide->insert(entry(3, 30, 40), "manual", kNow));
  const auto ids = [&](std::int64_t from, std::int64_t to) {
    std::string text;
    for (const auto& found : guide->entries("id1", base + from * kMinute, base + to * kMinute)) text += found.id;
    return text;
  };
  EXPECT_EQ(ids(0, 40), "e1e2e3");
  EXPECT_EQ(ids(9, 21), "e1e2");
  EXPECT_EQ(ids(10, 20), "") << "ends are exclusive";
  EXPECT_EQ(ids(25, 26), "e2");
  EXPECT_EQ(ids(-5, 0), "");
  EXPECT_EQ(guide->at("id1", base + 30 * kMinute)->id, "e3");
  EXPECT_FALSE(guide->at("id1", base + 15 * kMinute));
  EXPECT_FALSE(guide->at("id1", base + 40 * kMinute));
  EXPECT_EQ(guide->next("id1", base + 1)->id, "e2");
  EXPECT_FALSE(guide->next("id1", base + 31 * kMinute));
  EXPECT_FALSE(guide->entry("e9"));
  EXPECT_FALSE(Guide::open(*database)->entry("e2")->catchup_eligible);

  EXPECT_EQ(guide->insert(entry(4, 9, 12), "manual", kNow).error().code, core::Code::kConflict);
  EXPECT_EQ(guide->insert(entry(4, 12, 12), "manual", kNow).error().code, core::Code::kInvalidArgument);
}

}  // namespace
}  // namespace aircheck::schedule
