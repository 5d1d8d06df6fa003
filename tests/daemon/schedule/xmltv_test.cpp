#include "schedule/xmltv.hpp"

#include <gio/gio.h>
#include <gtest/gtest.h>

#include "schedule/xmltv_time.hpp"
#include "schedule/xmltv_writer.hpp"

namespace aircheck::schedule {
namespace {

std::string instant(std::string_view text, const char* zone = "UTC", const char* not_before = nullptr) {
  const auto local = gobj::find_time_zone(zone);
  const auto limit =
      not_before != nullptr ? std::optional(core::from_rfc3339(not_before).value()) : std::optional<core::Utc>();
  const auto found = xmltv_instant(text, local.get(), limit);
  return found ? core::to_rfc3339(*found) : std::string(core::to_string(found.error().code));
}

TEST(XmltvTime, IsWhatTheDtdSays) {
  EXPECT_EQ(instant("20260225143000 +0100"), "2026-02-25T13:30:00Z");
  EXPECT_EQ(instant("20260225143000 -0330"), "2026-02-25T18:00:00Z");
  EXPECT_EQ(instant("20260225143000+0100"), "2026-02-25T13:30:00Z");
  EXPECT_EQ(instant("20260225143000 +01:00"), "2026-02-25T13:30:00Z");
  EXPECT_EQ(instant("20260225143000 Z"), "2026-02-25T14:30:00Z");
  EXPECT_EQ(instant("200007281733 BST"), "2000-07-28T16:33:00Z") << "an example of the DTD";
  EXPECT_EQ(instant("200209"), "2002-09-01T00:00:00Z") << "an example of the DTD";
  EXPECT_EQ(instant("19880523083000 +0300"), "1988-05-23T05:30:00Z") << "an example of the DTD";
  EXPECT_EQ(instant("20260225143000 CET"), "2026-02-25T13:30:00Z");
  EXPECT_EQ(instant("20260225143000"), "2026-02-25T14:30:00Z") << "UTC, says the DTD";
  EXPECT_EQ(instant("20260225143000", "America/St_Johns"), "2026-02-25T18:00:00Z");
  for (const char* wrong :
       {"", "2026-02-25T14:30:00Z", "20260230000000", "20261301000000", "20260225250000", "202", "2026022514300",
        "202602251430000", "20260225143000 IST", "20260225143000 +100", "20260225143000 +9900", "20260225143000 +0160",
        "20260225143000 ../../etc", "20260225143000 +01x0"}) {
    EXPECT_EQ(instant(wrong), core::to_string(core::Code::kParse)) << wrong;
  }
}

TEST(XmltvTime, LocalTimesWhereClocksChange) {
  // Berlin 2026: forward at 02:00 on 29 March, back at 03:00 on 25 October.
  EXPECT_EQ(instant("20260329013000", "Europe/Berlin"), "2026-03-29T00:30:00Z");
  EXPECT_EQ(instant("20260329023000", "Europe/Berlin"), "2026-03-29T01:30:00Z") << "does not exist";
  EXPECT_EQ(instant("20260329033000", "Europe/Berlin"), "2026-03-29T01:30:00Z");
  EXPECT_EQ(instant("20261025013000", "Europe/Berlin"), "2026-10-24T23:30:00Z");
  EXPECT_EQ(instant("20261025023000", "Europe/Berlin"), "2026-10-25T00:30:00Z") << "the first of the two";
  EXPECT_EQ(instant("20261025023000", "Europe/Berlin", "2026-10-25T00:45:00Z"), "2026-10-25T01:30:00Z");
  EXPECT_EQ(instant("20261025033000", "Europe/Berlin"), "2026-10-25T02:30:00Z");
  EXPECT_EQ(instant("20261025023000 +0200", "Europe/Berlin"), "2026-10-25T00:30:00Z") << "an offset says which";
}

core::Bytes bytes(std::string_view text) {
  const auto view = core::as_bytes(text);
  return {view.begin(), view.end()};
}

core::Bytes gzip(std::string_view text) {
  g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9);
  g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
  g_autoptr(GOutputStream) out = g_converter_output_stream_new(memory, G_CONVERTER(compressor));
  EXPECT_TRUE(g_output_stream_write_all(out, text.data(), text.size(), nullptr, nullptr, nullptr));
  EXPECT_TRUE(g_output_stream_close(out, nullptr, nullptr));
  g_autoptr(GBytes) stolen = g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory));
  gsize size = 0;
  const auto* data = static_cast<const std::uint8_t*>(g_bytes_get_data(stolen, &size));
  return {data, data + size};
}

core::Result<XmltvFile> read(const core::Bytes& file, std::size_t step = 1 << 16, XmltvLimits limits = {}) {
  XmltvReader reader({"one.example", "a&b"}, nullptr, limits);
  for (std::size_t at = 0; at < file.size(); at += step) {
    AIRCHECK_TRY_VOID(reader.feed(core::ByteView(file).subspan(at, std::min(step, file.size() - at))));
  }
  return reader.finish();
}
core::Result<XmltvFile> read(std::string_view text) {
  return read(bytes(text));
}

constexpr const char* kFile = R"(<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE tv SYSTEM "xmltv.dtd">
<tv generator-info-name="test">
  <channel id="one.example"><display-name>One</display-name></channel>
  <programme start="20260225140000 +0000" stop="20260225143000 +0000" channel="one.example">
    <title lang="en">News &amp; Weather</title>
    <title lang="de">Nachrichten</title>
    <sub-title>Part one</sub-title>
    <desc>What
      happened.</desc>
    <credits><actor role="x">Somebody</actor><title>not this one</title></credits>
    <category lang="en">News</category>
    <category lang="de">Nachrichten</category>
    <category>News</category>
    <icon src="https://img.example/a.png?x=1&amp;y=2" width="1"/>
    <episode-num system="xmltv_ns">1.2.0/1</episode-num>
    <episode-num system="onscreen">S02E03</episode-num>
  </programme>
  <programme start="20260225143000" channel="a&amp;b"><title><![CDATA[<b>Raw</b>]]></title></programme>
  <programme start="20260225143000" channel="other"><title>Not asked for</title></programme>
</tv>
)";

void expect_all_of_it(const core::Result<XmltvFile>& file) {
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->programmes.at("one.example").size(), 1U);
  const XmltvProgramme& programme = file->programmes.at("one.example")[0];
  EXPECT_EQ(programme.line, 5);
  EXPECT_EQ(programme.entry.title, "News & Weather");
  EXPECT_EQ(programme.entry.sub_title, "Part one");
  EXPECT_EQ(programme.entry.description, "What happened.");
  EXPECT_EQ(programme.entry.categories, (std::vector<std::string>{"News", "Nachrichten"}));
  EXPECT_EQ(programme.entry.icon_url, "https://img.example/a.png?x=1&y=2");
  EXPECT_EQ(programme.entry.episode_num, "S02E03");
  EXPECT_EQ(core::to_rfc3339(programme.entry.start), "2026-02-25T14:00:00Z");
  EXPECT_EQ(core::to_rfc3339(*programme.stop), "2026-02-25T14:30:00Z");
  EXPECT_EQ(file->programmes.at("a&b").at(0).entry.title, "<b>Raw</b>");
  EXPECT_EQ(file->others, (std::map<std::string, int>{{"other", 1}}));
  EXPECT_TRUE(file->notes.empty());
}

TEST(Xmltv, ReadsProgrammesPlainAndCompressedInAnyPieces) {
  expect_all_of_it(read(kFile));
  expect_all_of_it(read(bytes(kFile), 1));
  expect_all_of_it(read(gzip(kFile)));
  expect_all_of_it(read(gzip(kFile), 1));
  core::Bytes members = gzip(std::string_view(kFile).substr(0, 300));
  const core::Bytes rest = gzip(std::string_view(kFile).substr(300));
  members.insert(members.end(), rest.begin(), rest.end());
  expect_all_of_it(read(members));
}

TEST(Xmltv, TakesOtherEncodings) {
  const auto file = read(
      "<?xml version='1.0' encoding='ISO-8859-1'?><tv><programme start='2026' channel='a&amp;b'>"
      "<title>Caf\xe9</title></programme></tv>");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->programmes.at("a&b").at(0).entry.title, "Caf\xc3\xa9");
}

void expect_refused(const core::Result<XmltvFile>& file, const std::string& words) {
  ASSERT_FALSE(file) << words;
  EXPECT_NE(file.error().message.find(words), std::string::npos) << words << " in: " << file.error().message;
}

TEST(Xmltv, WhatIsDamagedOrHostileIsRefusedWithItsLine) {
  expect_refused(read(""), "empty");
  expect_refused(read("<tv>\n<programme>\n</tv>"), "line 3");
  expect_refused(read("<tv>\n<programme start="), "line 2");
  expect_refused(read("<rss/>"), "<rss>");
  expect_refused(read("no xml at all"), "line 1");
  expect_refused(read("<!DOCTYPE tv [\n<!ENTITY a \"b\">]><tv/>"), "line 2: entities");
  expect_refused(read("<!DOCTYPE tv [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><tv>&a;</tv>"), "entities");
  expect_refused(read("<!DOCTYPE tv [<!ENTITY % a SYSTEM 'http://127.0.0.1:1/x'> %a;]><tv/>"), "entities");
  expect_refused(read("<!DOCTYPE tv SYSTEM 'x.dtd'><tv>\n&eacute;</tv>"), "line 2: Entity 'eacute'");
  std::string deep = "<tv>";
  for (int i = 0; i < 100; ++i) deep += "<a>";
  expect_refused(read(deep), "too deeply");
  expect_refused(read(std::string("\xfd"
                                  "7zXZ\0\0\0",
                                  8)),
                 "only gzip");
  core::Bytes cut = gzip(kFile);
  cut.resize(cut.size() - 9);
  expect_refused(read(cut), "too early");
  core::Bytes broken = gzip(kFile);
  broken[broken.size() / 2] ^= 0xff;
  EXPECT_FALSE(read(broken));
  core::Bytes longer = gzip(kFile);
  longer.push_back('x');
  expect_refused(read(longer), "behind the end");
}

TEST(Xmltv, BombsEndEarly) {
  const core::Bytes bomb = gzip("<tv>" + std::string(20 << 20, ' ') + "</tv>");
  ASSERT_LT(bomb.size(), 100'000U);
  expect_refused(read(bomb), "100 times");
  expect_refused(read(bytes("<tv>" + std::string(5000, ' ')), 100, {.inflated_bytes = 4000}), "too large");
  std::string many = "<tv>";
  for (int i = 0; i < 12; ++i) many += "<programme start='2026' channel='a&amp;b'/>";
  expect_refused(read(bytes(many + "</tv>"), 1 << 16, {.programmes = 10}), "too many");
}

TEST(Xmltv, ALongFileOfManyProgrammesIsRead) {
  std::string text = "<tv>\n";
  constexpr int kCount = 60'000;
  for (int i = 0; i < kCount; ++i) {
    text += "<programme start='" + std::to_string(2026 + i % 100) + "' channel='one.example'><title>Title " +
            std::to_string(i) + "</title><desc>" + std::string(200, 'x') + "</desc></programme>\n";
  }
  text += "</tv>";
  ASSERT_GT(text.size(), std::size_t{15} << 20) << "more than libxml2 looks ahead";
  const auto file = read(text);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->programmes.at("one.example").size(), std::size_t{kCount});
  EXPECT_EQ(file->programmes.at("one.example").back().line, kCount + 1);
}

TEST(Xmltv, WrongProgrammesAreNotedAndTheOthersStay) {
  const auto file = read(R"(<tv>
<programme start="soon" channel="one.example"><title>a</title></programme>
<programme start="20260225140000 XYZ" channel="one.example"><title>b</title></programme>
<programme start="20260225140000" channel="one.example"></programme>
<programme start="20260225150000" stop="later" channel="one.example"><title>c</title><icon src="file:///x"/></programme>
</tv>)");
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->notes.size(), 5U);
  EXPECT_EQ(file->notes[0].line, 2);
  EXPECT_NE(file->notes[1].message.find("time zone"), std::string::npos);
  EXPECT_NE(file->notes[2].message.find("no title"), std::string::npos);
  EXPECT_NE(file->notes[3].message.find("its stop"), std::string::npos);
  EXPECT_NE(file->notes[4].message.find("icon"), std::string::npos);
  EXPECT_EQ(file->notes[4].channel, "one.example");
  EXPECT_EQ(file->programmes.at("one.example").size(), 1U);
}

TEST(XmltvWriter, WritesWhatTheReaderReads) {
  Entry entry{.id = "id",
              .channel_id = "c",
              .title = "News & <Weather>",
              .description = "Two\nlines \"quoted\"",
              .start = core::from_rfc3339("2026-02-25T14:00:00Z").value(),
              .end = core::from_rfc3339("2026-02-25T14:30:00Z").value(),
              .catchup_eligible = true,
              .sub_title = "Part one",
              .categories = {"News", "A & B"},
              .episode_num = "1.2.0/1",
              .icon_url = "https://img.example/a.png?x=1&y=2"};
  XmltvWriter writer;
  writer.channel("a&b", "One & \"Two\"", "");
  writer.programme("a&b", entry);
  const std::string text = std::move(writer).finish();
  EXPECT_NE(text.find("<episode-num system=\"xmltv_ns\">"), std::string::npos) << text;
  const auto file = read(text);
  ASSERT_TRUE(file) << file.error().message << text;
  ASSERT_EQ(file->programmes.at("a&b").size(), 1U);
  Entry again = file->programmes.at("a&b")[0].entry;
  EXPECT_EQ(file->programmes.at("a&b")[0].stop, entry.end);
  EXPECT_EQ(again.description, "Two lines \"quoted\"");
  again.id = entry.id;
  again.channel_id = entry.channel_id;
  again.end = entry.end;
  again.description = entry.description;
  EXPECT_EQ(again, entry);
}

TEST(XmltvListing, FillsAndCuts) {
  const auto programme = [](int line, int start, int stop, std::string title) {
    XmltvProgramme made{.line = line, .entry = {}, .stop = std::nullopt};
    made.entry.title = std::move(title);
    made.entry.start = core::Utc::from_seconds(start * 3600);
    if (stop >= 0) made.stop = core::Utc::from_seconds(stop * 3600);
    return made;
  };
  std::vector<XmltvNote> notes;
  const Listing listing =
      make_listing("one.example", "id1",
                   {programme(9, 30, -1, "last"), programme(1, 0, -1, "no stop"), programme(2, 2, 5, "reaches over"),
                    programme(3, 4, 4, "no length"), programme(4, 4, 6, "twice"), programme(5, 5, 29, "all day"),
                    programme(6, 29, 30, "fits")},
                   notes);
  std::string text;
  for (const Entry& entry : listing.entries) {
    text += entry.title + " " + std::to_string(entry.start.ns / core::kNsPerSecond / 3600) + "-" +
            std::to_string(entry.end.ns / core::kNsPerSecond / 3600) + ", ";
  }
  EXPECT_EQ(text, "no stop 0-2, reaches over 2-4, no length 4-5, all day 5-29, fits 29-30, ");
  std::string said;
  for (const XmltvNote& note : notes) said += std::to_string(note.line) + ": " + note.message + "; ";
  EXPECT_EQ(said,
            "4: left out: it begins when that of line 3 does; 2: cut where that of line 3 begins; "
            "3: its stop is not after its start; 9: left out: nothing says when it ends; ");
  notes.clear();
  EXPECT_TRUE(make_listing("one.example", "id1", {programme(1, 0, 25, "too long")}, notes).entries.empty());
  EXPECT_EQ(notes.size(), 1U);
}

}  // namespace
}  // namespace aircheck::schedule
