#include "core/naming.hpp"

#include <gtest/gtest.h>

#include <array>
#include <ctime>
#include <random>

namespace aircheck::core {
namespace {

const Utc kInstant = *from_rfc3339("2026-02-25T14:30:06.789Z");

TEST(NamePattern, WritesNames) {
  struct Case {
    const char* pattern;
    NameParts parts;
    const char* name;
  };
  const Case cases[] = {
      {"out/ch1-%Y%m%d%H%M%S.m4s", {kInstant}, "out/ch1-20260225143006.m4s"},
      {"ch1-%Y%m%d%H%M%S.%3N.m4s", {kInstant}, "ch1-20260225143006.789.m4s"},
      {"ch1-%Y%m%d%H%M%S.%3N", {kInstant, 0, 2}, "ch1-20260225143006.789-002"},
      {"ch1-%Y%m%d%H%M%S.m4s", {kInstant, 2, 0}, "ch1-20260225143006-e2.m4s"},
      {"ch1-%Y%m%d%H%M%S.m4s", {kInstant, 2, 1}, "ch1-20260225143006-e2-001.m4s"},
      {"ch1-%Y%m%d%H%M%S.m4s", {kInstant, 0, 1000}, "ch1-20260225143006-1000.m4s"},
      {"a/%Y/%j/%H-%M-%S", {kInstant, 1}, "a/2026/056/14-30-06-e1"},
      {"%Y/%m/%d/ch1-%Y%m%d%H%M%S.m4s", {kInstant}, "2026/02/25/ch1-20260225143006.m4s"},
      {"x%%-%s.m4s", {kInstant}, "x%-1772029806.m4s"},
      {"v1.2/%s", {kInstant, 0, 3}, "v1.2/1772029806-003"},
  };
  for (const Case& c : cases) {
    const auto pattern = NamePattern::parse(c.pattern);
    ASSERT_TRUE(pattern) << c.pattern << ": " << pattern.error().message;
    EXPECT_EQ(pattern->format(c.parts), c.name);
    const auto parts = pattern->parse_name(c.name);
    ASSERT_TRUE(parts) << c.name;
    EXPECT_EQ(parts->utc, Utc{c.parts.utc.ns - c.parts.utc.ns % pattern->resolution_ns()}) << c.name;
    EXPECT_EQ(parts->epoch, c.parts.epoch) << c.name;
    EXPECT_EQ(parts->duplicate, c.parts.duplicate) << c.name;
  }
}

TEST(NamePattern, RefusesPatternsThatCannotBeReadBack) {
  struct Case {
    const char* pattern;
    const char* names;  // what the message must name
  };
  for (const Case& c :
       {Case{"", "%Y %m %d %H %M %S"}, Case{"out/segment.m4s", "%Y %m %d %H %M %S"},
        Case{"ch1-%Y%m%d%H%M.m4s", "lacks %S"}, Case{"ch1-%j%H%M%S.m4s", "lacks %Y,"}, Case{"ch1-%Y%j.m4s", "%H %M %S"},
        Case{"seg%05d.m4s", "%0 is not a field"}, Case{"ch1-%y%m%d%H%M%S.m4s", "%y is not"},
        Case{"ch1-%s%3N.m4s", "separator"}, Case{"ch1-%s0.m4s", "separator"}, Case{"%Y%m%d%H%M%S/", "file name"},
        Case{"%{track}%s.m4s", "separator"}, Case{"%s-%{track}x", "separator"}, Case{"%{track}-%{track}-%s", "once"},
        Case{"ch1-%s%", "% is not"}, Case{"%s-%N", "%N is not"}, Case{"ch1-%Y%m%d%H%M%S-%Z.m4s", "%Z is not"}}) {
    const auto pattern = NamePattern::parse(c.pattern);
    ASSERT_FALSE(pattern) << c.pattern;
    EXPECT_EQ(pattern.error().code, Code::kInvalidArgument);
    EXPECT_NE(pattern.error().message.find(c.names), std::string::npos) << c.pattern << ": " << pattern.error().message;
  }
}

TEST(NamePattern, RefusesOtherNames) {
  const auto pattern = NamePattern::parse("ch1-%Y%m%d%H%M%S.m4s");
  ASSERT_TRUE(pattern);
  for (const char* name : {"",
                           "ch1-",
                           "ch2-20260225143006.m4s",
                           "ch1-20260225143006.mp4",
                           "ch1-20260225143006",
                           "ch1-20260230143006.m4s",
                           "ch1-20260225243006.m4s",
                           "ch1-20260225143060.m4s",
                           "ch1-2026022514300.m4s",
                           "ch1-20260225143006-1.m4s",
                           "ch1-20260225143006-000.m4s",
                           "ch1-20260225143006-0001.m4s",
                           "ch1-20260225143006-e0.m4s",
                           "ch1-20260225143006-e01.m4s",
                           "ch1-20260225143006-e.m4s",
                           "ch1-20260225143006-001-e1.m4s",
                           "ch1-20260225143006-e99999999999.m4s",
                           "ch1-20260225143006-e99999999999999999999.m4s",
                           "ch1-+0260225143006.m4s",
                           ".ch1-20260225143006.m4s.part",
                           "ch1-20260225143006.m4s.part",
                           "ch1-00000225143006.m4s",
                           "ch1-init-0123456789abcdef.mp4"}) {
    EXPECT_FALSE(pattern->parse_name(name)) << name;
  }
  const auto repeated = NamePattern::parse("%Y/ch1-%Y%m%d%H%M%S.m4s");
  ASSERT_TRUE(repeated);
  EXPECT_TRUE(repeated->parse_name("2026/ch1-20260225143006.m4s"));
  EXPECT_FALSE(repeated->parse_name("2025/ch1-20260225143006.m4s"));
  const auto ordinal = NamePattern::parse("%Y-%j-%H%M%S");
  ASSERT_TRUE(ordinal);
  EXPECT_TRUE(ordinal->parse_name("2024-366-000000"));
  EXPECT_FALSE(ordinal->parse_name("2026-366-000000"));
  EXPECT_FALSE(ordinal->parse_name("2026-000-000000"));
  EXPECT_FALSE(ordinal->parse_name("2261-999-000000"));
  const auto seconds = NamePattern::parse("%s.m4s");
  ASSERT_TRUE(seconds);
  EXPECT_FALSE(seconds->parse_name("99999999999.m4s"));
}

TEST(NamePattern, KnowsItsFolderAndPrefix) {
  struct Case {
    const char* pattern;
    const char* directory;
    const char* prefix;
    bool dated;
  };
  for (const Case& c : {Case{"out/ch1-%Y%m%d%H%M%S.m4s", "out/", "ch1-", false}, Case{"%s.m4s", "", "", false},
                        Case{"/a/b/%s.m4s", "/a/b/", "", false}, Case{"a/%Y/%m/ch1%d%H%M%S", "a/", "ch1-", true},
                        Case{"a/x%Y/%m%d%H%M%S", "a/", "", true}, Case{"%s/part.m4s", "", "part-", true}}) {
    const auto pattern = NamePattern::parse(c.pattern);
    ASSERT_TRUE(pattern) << c.pattern;
    EXPECT_EQ(pattern->directory(), c.directory) << c.pattern;
    EXPECT_EQ(pattern->file_prefix(), c.prefix) << c.pattern;
    EXPECT_EQ(pattern->has_dated_folders(), c.dated) << c.pattern;
  }
}

TEST(NamePattern, KnowsHowNamesSortAndWhatAFolderSpans) {
  struct Case {
    const char* pattern;
    bool sorts;
    std::int64_t folder_s;
  };
  for (const Case& c : {Case{"out/ch1-%Y%m%d%H%M%S.m4s", true, 0}, Case{"%Y/%m/%d/ch1-%Y%m%d%H%M%S.m4s", true, 86400},
                        Case{"%Y%j/%H/%M%S.%3N", true, 3600}, Case{"a-%s.m4s", true, 0}, Case{"%s-%3N", true, 0},
                        Case{"%d-%m-%Y-%H%M%S", false, 0}, Case{"%H/%s", false, 3600}, Case{"%Y/%S/%m%d%H%M", false, 1},
                        Case{"%{track}/%Y%m%d%H%M%S", true, 0}, Case{"%s/x", true, 1}, Case{"%Y/%s", false, 86400}}) {
    const auto pattern = NamePattern::parse(c.pattern);
    ASSERT_TRUE(pattern) << c.pattern;
    EXPECT_EQ(pattern->sorts_by_time(), c.sorts) << c.pattern;
    EXPECT_EQ(pattern->folder_period_ns(), c.folder_s * kNsPerSecond) << c.pattern;
  }
  const auto pattern = NamePattern::parse("out/%{track}-%s.m4s");
  ASSERT_TRUE(pattern);
  EXPECT_EQ(pattern->stem(*from_rfc3339("2026-02-25T14:30:00Z"), "audio"), "out/audio-1772029800");
}

TEST(NamePattern, TellsTheTrack) {
  const auto pattern = NamePattern::parse("out/ch1-%{track}-%Y%m%d%H%M%S.m4s");
  ASSERT_TRUE(pattern) << pattern.error().message;
  EXPECT_TRUE(pattern->has_track());
  EXPECT_EQ(pattern->directory(), "out/");
  EXPECT_EQ(pattern->file_prefix(), "ch1-");
  const NameParts parts{*from_rfc3339("2026-02-25T14:30:00Z"), 1, 2, "audio_1"};
  const std::string name = "out/ch1-audio_1-20260225143000-e1-002.m4s";
  EXPECT_EQ(pattern->format(parts), name);
  const auto read = pattern->parse_name(name);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, parts);
  for (const char* other : {"out/ch1--20260225143000.m4s", "out/ch1-audio-1-20260225143000.m4s",
                            "out/ch1-audio.1-20260225143000.m4s", "out/ch1-20260225143000.m4s"}) {
    EXPECT_FALSE(pattern->parse_name(other)) << other;
  }
  const auto folders = NamePattern::parse("out/%{track}/%s.m4s");
  ASSERT_TRUE(folders);
  EXPECT_TRUE(folders->has_dated_folders());
  EXPECT_EQ(folders->format({Utc{}, 0, 0, "video"}), "out/video/0.m4s");
  EXPECT_FALSE(NamePattern::parse("out/%s.m4s")->has_track());
}

// Each file has one name: whatever is read back is written like that again.
TEST(NamePattern, TakesOnlyWhatItWouldWrite) {
  std::mt19937_64 random(4);
  constexpr std::string_view kSigns = "0123456789-e_/.x";
  for (const char* text :
       {"%Y/%j/x-%Y%m%d%H%M%S_%s_%3N.m4s", "%Y/%m/%d/x-%Y%m%d%H%M%S.m4s", "x%s", "%d%m%Y%j-%H%M%S"}) {
    const auto pattern = NamePattern::parse(text);
    ASSERT_TRUE(pattern) << text;
    int taken = 0;
    for (int i = 0; i < 50'000; ++i) {
      const std::int64_t seconds = static_cast<std::int64_t>(random() % 9'214'646'400U);
      std::string name = pattern->format({Utc::from_seconds(seconds), static_cast<std::uint32_t>(random() % 3),
                                          static_cast<std::uint32_t>(random() % 2 * (random() % 2000))});
      const std::size_t at = random() % name.size();
      const std::string_view sign = kSigns.substr(random() % kSigns.size(), 1);
      name.replace(at, random() % 2, sign);
      const auto read = pattern->parse_name(name);
      if (!read) continue;
      ++taken;
      ASSERT_EQ(pattern->format(*read), name) << text;
    }
    EXPECT_GT(taken, 100) << text;
  }
}

// Random instants of three centuries: names round-trip, and the C library's gmtime and strftime write the same (the
// tests run with TZ=America/St_Johns, so a local time would show).
TEST(NamePattern, AgreesWithStrftimeAndRoundTrips) {
  std::mt19937_64 random(20260225);
  const auto pattern = NamePattern::parse("%Y/%j/x-%Y%m%d%H%M%S_%s_%3N.m4s");
  ASSERT_TRUE(pattern) << pattern.error().message;
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t ms = static_cast<std::int64_t>(random() % 9'214'646'400'000U);
    const NameParts parts{Utc{ms * kNsPerMs}, static_cast<std::uint32_t>(random() % 3),
                          static_cast<std::uint32_t>(random() % 2000)};
    const std::string name = pattern->format(parts);
    const auto read = pattern->parse_name(name);
    ASSERT_TRUE(read) << name;
    ASSERT_EQ(*read, parts) << name;
    const std::time_t seconds = ms / 1000;
    std::tm fields{};
    ASSERT_NE(gmtime_r(&seconds, &fields), nullptr);
    std::array<char, 128> text{};
    ASSERT_GT(std::strftime(text.data(), text.size(), "%Y/%j/x-%Y%m%d%H%M%S_", &fields), 0U);
    ASSERT_TRUE(name.starts_with(text.data())) << name << " " << text.data();
  }
}

// Both seams of daylight saving of the tests' zone: hours run on, and no two instants share a name.
TEST(NamePattern, KnowsNoDaylightSaving) {
  const auto pattern = NamePattern::parse("%Y%m%d%H%M%S");
  ASSERT_TRUE(pattern);
  for (const char* seam : {"2026-03-08T03:30:00Z", "2026-11-01T02:30:00Z"}) {
    std::string previous;
    for (int minute = 0; minute < 360; ++minute) {
      const std::string name = pattern->format({*from_rfc3339(seam) + minute * 60 * kNsPerSecond});
      ASSERT_GT(name, previous);
      previous = name;
    }
  }
}

}  // namespace
}  // namespace aircheck::core
