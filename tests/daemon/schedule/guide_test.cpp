#include "schedule/guide.hpp"

#include <gtest/gtest.h>

#include <random>
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

GuideChannel channel(std::string id = "id1", std::int64_t programme_ns = 5 * kMinute) {
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

TEST(Guide, SaysWhichChannelsChanged) {
  const auto database = station();
  auto guide = Guide::open(*database);
  std::vector<std::string> changed;
  guide->observe([&](const std::string& id) {
    EXPECT_FALSE(all(*guide, id).empty()) << "what it says is there already";
    changed.push_back(id);
  });
  ASSERT_TRUE(guide->extend(kNow, {channel(), channel("id2")}));
  EXPECT_EQ(changed, (std::vector<std::string>{"id1", "id2"}));
  ASSERT_TRUE(guide->extend(kNow, {channel(), channel("id2")}));
  EXPECT_EQ(changed.size(), 2U) << "nothing changed";
  ASSERT_TRUE(guide->remove(all(*guide, "id2").back().id, kNow));
  EXPECT_EQ(changed.back(), "id2");
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

TEST(Guide, PlansOfAnotherSourceGoAndWhatWasOnAirStays) {
  const auto database = station();
  auto guide = Guide::open(*database);
  ASSERT_TRUE(guide->extend(kNow, {channel()}));
  const auto on_air = guide->at("id1", kNow);
  ASSERT_TRUE(on_air);
  GuideChannel manual = channel();
  manual.source = "manual";
  ASSERT_TRUE(guide->extend(kNow, {manual}));
  EXPECT_EQ(all(*guide, "id1"), std::vector{*on_air});
  EXPECT_EQ(all(*Guide::open(*database), "id1"), std::vector{*on_air});
  ASSERT_TRUE(guide->extend(kNow, {channel()})) << "and back";
  expect_seamless(all(*guide, "id1"));
  EXPECT_EQ(all(*guide, "id1").front(), *on_air);
}

Entry listed(std::int64_t from, std::int64_t to, std::string title) {
  return {.id = "",
          .channel_id = "",
          .title = std::move(title),
          .description = "",
          .start = kNow + from * kMinute,
          .end = kNow + to * kMinute};
}

// All parts, one after the other.
ListingCounts take_into(Guide& guide, std::vector<Entry> entries, Utc now, std::size_t most) {
  auto planned = guide.plan({.channel_id = "id1", .entries = std::move(entries)}, "xmltv", now, most);
  EXPECT_TRUE(planned) << planned.error().message;
  if (!planned) return {};
  for (ListingPart& part : planned->parts) {
    EXPECT_TRUE(guide.put(std::move(part), now));
    const auto now_there = all(guide, "id1");
    for (std::size_t i = 1; i < now_there.size(); ++i) EXPECT_LE(now_there[i - 1].end, now_there[i].start);
  }
  return planned->counts;
}

class Listings : public ::testing::Test {
 protected:
  ListingCounts take(std::vector<Entry> entries, Utc now = kNow) { return take_into(*guide_, entries, now, 1'000); }
  std::string titles() const {
    std::string text;
    for (const Entry& entry : all(*guide_, "id1")) text += entry.title + " ";
    return text;
  }
  std::string id_of(const std::string& title) const {
    for (const Entry& entry : all(*guide_, "id1")) {
      if (entry.title == title) return entry.id;
    }
    return "";
  }

  std::unique_ptr<store::Database> database_ = station();
  core::Result<Guide> guide_ = Guide::open(*database_);
};

TEST_F(Listings, TheSameAgainChangesNothing) {
  const std::vector<Entry> entries{listed(-30, 0, "a"), listed(0, 30, "b"), listed(30, 60, "c")};
  EXPECT_EQ(take(entries), (ListingCounts{.added = 3}));
  const auto before = all(*guide_, "id1");
  EXPECT_EQ(take(entries), (ListingCounts{.unchanged = 3}));
  EXPECT_EQ(all(*guide_, "id1"), before);
  EXPECT_EQ(all(*Guide::open(*database_), "id1"), before);
  EXPECT_TRUE(base::is_uuid(before[0].id));
  const auto fresh = station();
  auto other = Guide::open(*fresh);
  take_into(*other, entries, kNow, 1'000);
  EXPECT_EQ(all(*other, "id1"), before) << "ids are a function of what is listed";
}

TEST_F(Listings, ProgrammesThatMoveKeepTheirIdsAndRights) {
  take({listed(0, 30, "news"), listed(30, 60, "film"), listed(60, 90, "talk")});
  const std::string film = id_of("film");
  const std::string talk = id_of("talk");
  Entry entry = *guide_->entry(film);
  entry.catchup_eligible = false;
  ASSERT_TRUE(guide_->update(entry, kNow));
  // The news overrun, and what follows moves on, to starts that others had.
  EXPECT_EQ(take({listed(0, 60, "news"), listed(60, 90, "film"), listed(90, 120, "talk")}),
            (ListingCounts{.changed = 3}));
  EXPECT_EQ(id_of("film"), film);
  EXPECT_EQ(id_of("talk"), talk);
  EXPECT_FALSE(guide_->entry(film)->catchup_eligible);
  EXPECT_EQ(all(*Guide::open(*database_), "id1"), all(*guide_, "id1"));
  // A title that is corrected is no other programme.
  take({listed(0, 60, "news"), listed(60, 90, "Film (2026)"), listed(90, 120, "talk")});
  EXPECT_EQ(id_of("Film (2026)"), film);
}

TEST_F(Listings, AProgrammeThatMovesIntoFreeTimeIsTheSame) {
  take({listed(0, 30, "news"), listed(40, 60, "film")});
  const std::string film = id_of("film");
  Entry entry = *guide_->entry(film);
  entry.catchup_eligible = false;
  ASSERT_TRUE(guide_->update(entry, kNow));
  EXPECT_EQ(take({listed(0, 35, "news"), listed(45, 65, "film"), listed(65, 70, "new")}),
            (ListingCounts{.added = 1, .changed = 2}));
  EXPECT_EQ(id_of("film"), film);
  EXPECT_FALSE(guide_->entry(film)->catchup_eligible);
  // What comes to its old start is another programme, with another id.
  EXPECT_EQ(take({listed(0, 35, "news"), listed(40, 45, "short"), listed(45, 65, "film"), listed(65, 70, "new")}).added,
            1);
  EXPECT_NE(id_of("short"), film);
}

TEST_F(Listings, WhatIsNotListedAnyMoreGoesUnlessItWasOnAir) {
  take({listed(-60, -30, "past"), listed(-30, -10, "also past"), listed(0, 30, "now"), listed(30, 60, "later"),
        listed(90, 120, "outside")});
  EXPECT_EQ(take({listed(-60, -30, "past"), listed(0, 30, "now"), listed(60, 80, "new")}),
            (ListingCounts{.added = 1, .removed = 1, .unchanged = 2}));
  EXPECT_EQ(titles(), "past also past now new outside ");
  EXPECT_EQ(take({listed(-40, -20, "correction")}).added, 1) << "of what was on air";
  EXPECT_EQ(all(*guide_, "id1").front().end, kNow - 40 * kMinute) << "cut";
}

TEST_F(Listings, OfTwoOfOneTitleTheNearestIsTheOneThatMoved) {
  take({listed(0, 30, "news"), listed(120, 150, "news")});
  const std::string second = all(*guide_, "id1")[1].id;
  EXPECT_EQ(take({listed(110, 140, "news")}), (ListingCounts{.changed = 1}));
  EXPECT_EQ(all(*guide_, "id1").back().id, second);
}

TEST_F(Listings, WhatBeganBeforeTheListingIsCutAndNotRemoved) {
  take({listed(60, 120, "long"), listed(120, 150, "next")});
  EXPECT_EQ(take({listed(90, 120, "other"), listed(120, 150, "next")}),
            (ListingCounts{.added = 1, .changed = 1, .unchanged = 1}));
  EXPECT_EQ(titles(), "long other next ");
  EXPECT_EQ(all(*guide_, "id1").front().end, kNow + 90 * kMinute);
}

TEST_F(Listings, APartIsAllOrNothing) {
  take({listed(0, 30, "news")});
  const auto before = all(*guide_, "id1");
  EXPECT_EQ(
      guide_
          ->plan({.channel_id = "id1", .entries = {listed(0, 30, "changed"), listed(30, 60, "")}}, "xmltv", kNow, 1'000)
          .error()
          .code,
      core::Code::kInvalidArgument);
  auto planned = guide_->plan({.channel_id = "id1", .entries = {listed(0, 30, "changed")}}, "xmltv", kNow, 1'000);
  ASSERT_EQ(planned->parts.size(), 1U);
  Entry nowhere = listed(60, 90, "no such channel");
  nowhere.id = "b3a7a9e6-0000-8000-8000-000000000000";
  nowhere.channel_id = "gone";
  planned->parts.front().put.push_back(nowhere);
  EXPECT_EQ(guide_->put(planned->parts.front(), kNow).error().code, core::Code::kConflict);
  EXPECT_EQ(all(*guide_, "id1"), before);
  EXPECT_EQ(all(*Guide::open(*database_), "id1"), before);
}

// Schedules that anybody may think of, one after the other: in small parts they come to what they come to in one.
TEST_F(Listings, InPartsItIsTheSame) {
  std::mt19937 random(20260225);
  const auto among = [&](int count) { return static_cast<std::int64_t>(random() % static_cast<unsigned>(count)); };
  const auto fresh = station();
  auto other = Guide::open(*fresh);
  for (Guide* guide : {&*guide_, &*other}) ASSERT_TRUE(guide->extend(kNow, {channel("id1", 30 * kMinute)}));
  std::size_t parts = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<Entry> entries;
    std::int64_t at = -300 + among(60);
    while (entries.size() < 40) {
      const std::int64_t length = 5 * (1 + among(12));
      if (among(8) != 0) entries.push_back(listed(at, at + length, "show " + std::to_string(among(12))));
      at += length;
    }
    const Utc now = kNow + round * kMinute;
    const std::size_t most = 1 + static_cast<std::size_t>(among(9));
    parts += guide_->plan({.channel_id = "id1", .entries = entries}, "xmltv", now, most)->parts.size();
    const ListingCounts counts = take_into(*guide_, entries, now, most);
    EXPECT_EQ(counts, take_into(*other, entries, now, 1'000));
    ASSERT_EQ(all(*guide_, "id1"), all(*other, "id1")) << round;
  }
  EXPECT_GT(parts, 120U) << "there is something to be split";
  EXPECT_EQ(all(*Guide::open(*database_), "id1"), all(*guide_, "id1"));
}

TEST_F(Listings, GeneratedPlansGiveWay) {
  ASSERT_TRUE(guide_->extend(kNow, {channel("id1", 30 * kMinute)}));
  take({listed(0, 45, "film")});
  const auto entries = all(*guide_, "id1");
  EXPECT_EQ(entries[0].end, kNow) << "the one on air is cut";
  EXPECT_EQ(entries[1].title, "film");
  EXPECT_GE(entries[2].start, entries[1].end);
}

TEST(TidyText, IsOneLineOfValidUtf8) {
  EXPECT_EQ(tidy_text(" a\n\tb  c\x01 ", 100), "a b c");
  EXPECT_EQ(tidy_text("a\xc3\xa9", 2), "a");
  EXPECT_EQ(tidy_text("a\xc3\xa9", 3), "a\xc3\xa9");
  EXPECT_EQ(tidy_text("\xe2\x82\xac", 2), "");
}

}  // namespace
}  // namespace aircheck::schedule
