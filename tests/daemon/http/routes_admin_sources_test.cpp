// Listings from a real server and from files, through the outgoing client and the importer into the guide.
#include "http/routes_admin_sources.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "base/files.hpp"
#include "daemon/http/station_with_accounts.hpp"
#include "http/outgoing.hpp"
#include "http/routes_admin_schedule.hpp"

namespace aircheck::http {
namespace {

using base::Json;

class AdminSourcesTest : public test::StationWithAccounts {
 protected:
  AdminSourcesTest() {
    now_ = core::from_rfc3339("2026-02-25T12:00:00Z").value();
    token_ = bearer(admin_);
    std::filesystem::create_directory(listings_);
    router_.get("/listing.xml", [this](const Request& request, Responder responder) {
      ++served_;
      if (status_ != 200) return responder.empty(status_);
      if (!last_modified_.empty()) {
        const std::string* since = request.header("if-modified-since");
        if (since != nullptr && *since == last_modified_) return responder.empty(304);
        return responder.header("Last-Modified", last_modified_).text(200, "application/xml", document_);
      }
      responder.header("ETag", etag_);
      if (request.has_etag(etag_)) return responder.empty(304);
      responder.text(200, "application/xml", document_);
    });
    register_admin_source_routes(
        router_, {*channels_, sources_, importer_, authenticator_, idempotency_, [this] { return now_; }});
    for (const channels::Channel* channel : {&one_, &two_}) set_source(*channel, "xmltv");
  }
  void set_source(const channels::Channel& channel, const std::string& source) {
    channels::Channel changed = *channels_->find(channel.id);
    changed.schedule_source = source;
    ASSERT_TRUE(channels_->update(changed, now_));
  }
  test::HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = "",
                         const std::string& etag = "") {
    test::HttpRequest request{.method = method, .url = url("/api/v1/admin/schedule/sources" + path), .body = body};
    request.headers = {{"Authorization", "Bearer " + token_}};
    if (!etag.empty()) request.headers.emplace_back("If-Match", etag);
    return fetch(request);
  }
  std::string create(const std::string& where, const std::string& channels = R"({"one.example":"ch1"})") {
    const auto response = ask("POST", "", R"({"name":"Test",)" + where + R"(,"channels":)" + channels + "}");
    EXPECT_EQ(response.status, 201) << response.body;
    return text(response.json(), "id");
  }
  std::string create_from_url() { return create(R"("url":")" + url("/listing.xml") + "\""); }
  Json import(const std::string& id) {
    const auto response = ask("POST", "/" + id + "/import");
    EXPECT_EQ(response.status, 200) << response.body;
    return response.json();
  }
  static std::string text(const Json& object, const char* name) {
    const Json* member = object.find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
  }
  static std::string counts(const Json& report) {
    std::string said;
    for (const char* name : {"added", "changed", "removed", "unchanged", "error_count"}) {
      said += report.find(name)->dump() + " ";
    }
    return said;
  }
  static std::string programme(const std::string& start, const std::string& stop, const std::string& title,
                               const std::string& channel = "one.example") {
    return "<programme start='" + start + "' stop='" + stop + "' channel='" + channel + "'><title>" + title +
           "</title></programme>\n";
  }
  [[nodiscard]] std::string stamp(int half_hours) const {
    std::string digits = core::to_rfc3339(now_ + half_hours * kHourNs / 2);
    std::erase_if(digits, [](char character) { return g_ascii_isdigit(character) == 0; });
    return digits + " +0000";
  }
  static std::string tv(const std::string& programmes) { return "<tv>\n" + programmes + "</tv>"; }
  std::vector<schedule::Entry> entries(const channels::Channel& channel) {
    return guide_.entries(channel.id, now_ - 1000 * kHourNs, now_ + 1000 * kHourNs);
  }
  void write(const std::string& name, const std::string& content) { std::ofstream(listings_ + "/" + name) << content; }

  const std::string morning_ = programme("20260225130000 +0100", "20260225140000 +0100", "Noon");
  const std::string evening_ = programme("20260225140000 +0100", "20260225150000 +0100", "Film");
  std::string document_ = tv(morning_ + evening_);
  std::string etag_ = "\"1\"";
  std::string last_modified_;  // in place of the tag
  int status_ = 200;
  int served_ = 0;
  std::string listings_ = directory_ / "listings";
  base::WorkerPool pool_{1};
  Outgoing outgoing_{AddressRules::make({"127.0.0.1"}).value()};
  schedule::Sources sources_ = std::move(schedule::Sources::open(*database_).value());
  schedule::Importer importer_{
      {.directory = listings_,
       .now = [this] { return now_; },
       .channel = [this](const std::string& id) -> std::optional<schedule::ImportChannel> {
         const channels::Channel* channel = channels_->find(id);
         if (channel == nullptr) return std::nullopt;
         return schedule::ImportChannel{channel->id, channel->key, channel->schedule_source, 24 * kHourNs};
       }},
      sources_,
      guide_,
      outgoing_,
      pool_};
  Idempotency idempotency_{[this] { return now_; }};
  std::string token_;
};

// Two weeks of half hours.
TEST_F(AdminSourcesTest, OthersRunWhileALongListingIsTaken) {
  constexpr int kEntries = 672;
  std::string programmes;
  for (int i = 0; i < kEntries; ++i) programmes += programme(stamp(i), stamp(i + 1), "Show " + std::to_string(i));
  document_ = tv(programmes);
  const std::string id = create_from_url();

  int turns = 0;
  const base::Timer others = base::Timer::every(0, [&turns] { ++turns; });
  std::set<int> changed_in;
  guide_.observe([&](const std::string&) { changed_in.insert(turns); });
  EXPECT_EQ(counts(import(id)), "672 0 0 0 0 ");
  guide_.observe({});
  EXPECT_EQ(entries(one_).size(), static_cast<std::size_t>(kEntries));
  EXPECT_GE(changed_in.size(), 13U) << "others had their turn between two parts";
}

TEST_F(AdminSourcesTest, WhoChangesTheGuideMeanwhileLosesNothing) {
  std::string programmes;
  for (int i = 0; i < 301; ++i) programmes += programme(stamp(i), stamp(i + 1), "Show " + std::to_string(i));
  document_ = tv(programmes);
  const std::string id = create_from_url();
  std::optional<std::string> removed;
  const base::Timer somebody = base::Timer::every(0, [&] {
    const auto found = entries(one_);
    if (removed || found.size() < 100) return;
    removed = found[10].id;
    EXPECT_TRUE(guide_.remove(*removed, now_));
  });
  EXPECT_EQ(counts(import(id)), "301 0 0 0 0 ") << "what was planned at first";
  ASSERT_TRUE(removed);
  EXPECT_EQ(entries(one_).size(), 301U) << "it is in the listing, so it is there";
}

TEST_F(AdminSourcesTest, AListingFromAUrlFillsTheGuide) {
  const std::string id = create_from_url();
  const Json report = import(id);
  EXPECT_EQ(counts(report), "2 0 0 0 0 ") << report.dump();
  EXPECT_TRUE(*report.find("ok")->as_bool());
  const auto found = entries(one_);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(core::to_rfc3339(found[0].start), "2026-02-25T12:00:00Z");
  EXPECT_EQ(found[0].source, "xmltv");

  const Json again = import(id);
  EXPECT_TRUE(*again.find("not_modified")->as_bool()) << "the server said 304";
  etag_ = "\"2\"";
  document_ = tv(morning_ + programme("20260225141500 +0100", "20260225151500 +0100", "Film"));
  EXPECT_EQ(counts(import(id)), "0 1 0 1 0 ");
  EXPECT_EQ(entries(one_)[1].id, found[1].id) << "a film that moved is the same film";
  const Json source = ask("GET", "/" + id).json();
  EXPECT_EQ(counts(*source.find("last_report")), "0 1 0 1 0 ");
  EXPECT_EQ(schedule::Sources::open(*database_)->find(id)->report, sources_.find(id)->report);
}

TEST_F(AdminSourcesTest, NothingIsLostWhenALaterImportIsDamaged) {
  const std::string id = create_from_url();
  import(id);
  const auto before = entries(one_);
  etag_ = "\"2\"";
  for (const std::string& damaged : {std::string("<tv>\n<programme"), std::string("<html/>"), std::string(),
                                     "<!DOCTYPE a [<!ENTITY b 'c'>]>" + tv(""), tv(morning_) + "more"}) {
    document_ = damaged;
    const Json report = import(id);
    EXPECT_FALSE(*report.find("ok")->as_bool()) << damaged;
    EXPECT_NE(text(report, "error"), "") << damaged;
    EXPECT_EQ(entries(one_), before) << damaged;
  }
  document_ = tv("");
  const Json empty = import(id);
  EXPECT_FALSE(*empty.find("ok")->as_bool()) << "nothing for the channel is an error";
  EXPECT_EQ(entries(one_), before);
  status_ = 500;
  EXPECT_NE(text(import(id), "error").find("500"), std::string::npos);
  EXPECT_EQ(entries(one_), before);
  status_ = 200;
  document_ = tv(morning_ + evening_);
  const Json report = import(id);
  EXPECT_EQ(counts(report), "0 0 0 2 0 ") << "what failed is read again, whatever its ETag: " << report.dump();
}

TEST_F(AdminSourcesTest, ErrorsAreToldByChannelAndLine) {
  document_ = tv(morning_ + programme("someday", "20260225150000", "Wrong") +
                 programme("20260225150000", "20260225160000", "Two", "two.example") +
                 programme("20260225150000", "20260225160000", "Nobody's", "three.example"));
  set_source(two_, "manual");
  const std::string id =
      create(R"("url":")" + url("/listing.xml") + "\"", R"({"one.example":"ch1","two.example":")" + two_.id + "\"}");
  const Json report = import(id);
  EXPECT_EQ(counts(report), "1 0 0 0 2 ") << report.dump();
  const auto& errors = *report.find("errors")->as_array();
  EXPECT_EQ(*errors[0].find("line")->as_integer(), 3);
  EXPECT_EQ(text(errors[0], "channel"), "one.example");
  EXPECT_NE(text(errors[1], "message").find("schedule_source is manual"), std::string::npos);
  EXPECT_EQ(report.find("unmapped")->dump(), R"(["three.example"])");
  EXPECT_TRUE(entries(two_).empty()) << "a manual schedule is not written";
  set_source(two_, "xmltv");
  EXPECT_EQ(counts(import(id)), "1 0 0 1 1 ") << "not 304: a channel had nothing yet";
}

TEST_F(AdminSourcesTest, FilesStayBelowTheirDirectory) {
  write("one.xml", tv(morning_));
  std::ofstream(directory_ / "secret.xml") << tv(evening_);
  std::filesystem::create_symlink(directory_ / "secret.xml", listings_ + "/link.xml");
  ASSERT_EQ(mkfifo((listings_ + "/pipe.xml").c_str(), 0600), 0);
  const std::string id = create(R"("file":"one.xml")");
  EXPECT_EQ(counts(import(id)), "1 0 0 0 0 ");
  EXPECT_TRUE(*import(id).find("not_modified")->as_bool());
  write("one.xml", tv(morning_ + evening_));
  EXPECT_EQ(counts(import(id)), "1 0 0 1 0 ");
  for (const char* other : {"../secret.xml", "link.xml", "pipe.xml", "nothing.xml", "."}) {
    const std::string etag = ask("GET", "/" + id).header("etag");
    ASSERT_EQ(ask("PATCH", "/" + id, R"({"file":")" + std::string(other) + "\"}", etag).status, 200) << other;
    EXPECT_NE(text(import(id), "error"), "") << other;
  }
  EXPECT_EQ(ask("POST", "", R"({"name":"x","file":"/etc/passwd","channels":{"a":"ch2"}})").code(), "invalid_request");
  EXPECT_EQ(entries(one_).size(), 2U);
}

TEST_F(AdminSourcesTest, SourcesAreCreatedChangedAndRemoved) {
  const auto created =
      ask("POST", "", R"({"name":"Guide","url":"https://me:secret@epg.example/a?b=1","zone":"Europe/Berlin",
      "interval_minutes":60,"channels":{"one.example":"ch1"}})");
  ASSERT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(text(created.json(), "url"), "https://***@epg.example/a?b=1");
  EXPECT_EQ(created.json().find("channels")->dump(), R"({"one.example":")" + one_.id + "\"}");
  const std::string path = "/" + text(created.json(), "id");
  EXPECT_EQ(created.header("location"), "/api/v1/admin/schedule/sources" + path);
  EXPECT_EQ(ask("PATCH", path, "{}").code(), "if_match_required");
  EXPECT_EQ(ask("PATCH", path, "{}", "W/\"1\"").status, 412) << "a weak tag is for no change";
  const auto changed = ask("PATCH", path, R"({"name":"Listings","url":"https://***@epg.example/a?b=1",
      "channels":{"one.example":null,"uno.example":"ch1","two.example":"ch2"}})",
                           "\"1\"");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(sources_.all()[0].url, "https://me:secret@epg.example/a?b=1") << "the password stays";
  EXPECT_EQ(sources_.all()[0].channels.size(), 2U);
  EXPECT_EQ(ask("PATCH", path, "{}", "\"1\"").status, 412);
  EXPECT_EQ(ask("POST", "", R"({"name":"x","url":"http://a.example/","channels":{"b":"ch2"}})").code(), "exists");
  EXPECT_EQ(ask("DELETE", path, "", "\"2\"").status, 204);
  EXPECT_EQ(ask("GET", path).code(), "not_found");
  EXPECT_EQ(ask("POST", path + "/import").code(), "not_found");
  for (const char* wrong :
       {R"({})", R"({"name":"x"})", R"({"name":"x","url":"ftp://a/","channels":{"a":"ch1"}})",
        R"({"name":"x","url":"http://a/","file":"b","channels":{"a":"ch1"}})",
        R"({"name":"x","url":"http://a/","channels":{}})", R"({"name":"x","url":"http://a/","channels":{"a":"ch9"}})",
        R"({"name":"x","url":"http://a/","channels":{"a":"ch1","b":"ch1"}})",
        R"({"name":"x","url":"http://a/","zone":"CET+1","channels":{"a":"ch1"}})",
        R"({"name":"x","url":"http://a/","interval_minutes":1,"channels":{"a":"ch1"}})",
        R"({"name":"x","url":"http://a/","etag":"x","channels":{"a":"ch1"}})"}) {
    EXPECT_EQ(ask("POST", "", wrong).code(), "invalid_request") << wrong;
  }
  EXPECT_EQ(get(url("/api/v1/admin/schedule/sources")).status, 401);
  const auto op = add("operator@example.org", access::Role::kOperator, "x");
  EXPECT_EQ(get(url("/api/v1/admin/schedule/sources"), bearer(op)).status, 403) << "it makes the station fetch";
}

TEST_F(AdminSourcesTest, AGuideThatWasEmptiedIsFilledAnewWhateverTheTag) {
  const std::string id = create_from_url();
  import(id);
  EXPECT_TRUE(*import(id).find("not_modified")->as_bool());
  for (const schedule::Entry& entry : entries(one_)) ASSERT_TRUE(guide_.remove(entry.id, now_));
  EXPECT_EQ(counts(import(id)), "2 0 0 0 0 ") << "304 would leave it empty for good";
}

TEST_F(AdminSourcesTest, WhatWasDamagedIsReadAgainThoughItSaysItIsUnchanged) {
  last_modified_ = "Wed, 25 Feb 2026 10:00:00 GMT";
  const std::string id = create_from_url();
  import(id);
  EXPECT_TRUE(*import(id).find("not_modified")->as_bool());
  last_modified_ = "Wed, 25 Feb 2026 11:00:00 GMT";
  const std::string whole = tv(morning_ + programme("20260225140000 +0100", "20260225150000 +0100", "Other"));
  document_ = whole.substr(0, whole.size() / 2);
  EXPECT_NE(text(import(id), "error"), "");
  document_ = whole;
  EXPECT_EQ(counts(import(id)), "0 1 0 1 0 ") << "of the same second";
}

TEST_F(AdminSourcesTest, ASourceIsImportedOnceAtATimeAndAnewWhenItWasChangedMeanwhile) {
  const std::string id = create_from_url();
  bool done = false;
  ASSERT_TRUE(importer_.run(id, [&](const Json&) { done = true; }));
  EXPECT_EQ(importer_.run(id, nullptr).error().code, core::Code::kConflict);
  schedule::Source changed = *sources_.find(id);
  changed.zone = "Europe/Berlin";
  ASSERT_TRUE(sources_.update(changed, now_));
  ASSERT_TRUE(run_until([&] { return done; }));
  EXPECT_FALSE(*import(id).find("not_modified")->as_bool()) << "it was read with another zone";
}

TEST_F(AdminSourcesTest, WhatOneChannelDidNotTakeComesAgain) {
  document_ = tv(morning_ + programme("20260225150000", "20260225160000", "Two", "two.example"));
  const std::string id =
      create(R"("url":")" + url("/listing.xml") + "\"", R"({"one.example":"ch1","two.example":")" + two_.id + "\"}");
  EXPECT_EQ(counts(import(id)), "2 0 0 0 0 ");
  etag_ = "\"2\"";
  document_ = tv(morning_ + programme("20260225150000", "20260225160000", "Two, corrected", "two.example"));
  set_source(two_, "manual");
  import(id);
  set_source(two_, "xmltv");
  EXPECT_EQ(counts(import(id)), "0 1 0 1 0 ") << "the file is the same, but it was not taken whole";
}

TEST_F(AdminSourcesTest, TheFirstHundredErrorsAreToldAndAllAreCounted) {
  std::string wrong;
  for (int i = 0; i < 150; ++i) wrong += programme("someday", "", "Wrong");
  document_ = tv(morning_ + wrong);
  const Json report = import(create_from_url());
  EXPECT_EQ(report.find("errors")->as_array()->size(), 100U);
  EXPECT_EQ(*report.find("error_count")->as_integer(), 150);
}

TEST_F(AdminSourcesTest, AClockThatWasSetBackStopsNoImports) {
  const std::string id = create_from_url();
  import(id);
  now_ = now_ - 24 * kHourNs;
  importer_.run_due();
  ASSERT_TRUE(run_until([&] { return sources_.find(id)->last_import == now_; }));
  EXPECT_EQ(served_, 2);
}

TEST_F(AdminSourcesTest, ImportsComeAgainByThemselves) {
  const std::string id = create_from_url();
  importer_.run_due();
  ASSERT_TRUE(run_until([&] { return sources_.find(id)->last_import.has_value(); }));
  EXPECT_EQ(entries(one_).size(), 2U);
  importer_.run_due();
  now_ = now_ + (360 * 60 - 1) * core::kNsPerSecond;
  importer_.run_due();
  EXPECT_EQ(served_, 1);
  now_ = now_ + core::kNsPerSecond;
  importer_.run_due();
  ASSERT_TRUE(run_until([&] { return sources_.find(id)->last_import == now_; }));
  EXPECT_EQ(served_, 2);
  status_ = 503;
  for (const int minutes : {360, 15}) {
    now_ = now_ + minutes * 60 * core::kNsPerSecond;
    importer_.run_due();
    ASSERT_TRUE(run_until([&] { return sources_.find(id)->last_import == now_; })) << minutes;
  }
  EXPECT_EQ(served_, 4) << "after a failure it is tried again soon";
}

TEST_F(AdminSourcesTest, WhatIsLongOverIsNotTaken) {
  document_ = tv(programme("20260224100000", "20260224120000", "Over for a day") +
                 programme("20260101000000", "20260101010000", "Old") + morning_ +
                 programme("20280101000000", "20280101010000", "Far"));
  import(create_from_url());
  ASSERT_EQ(guide_.entries(one_.id, core::Utc{0}, now_ + 20'000 * kHourNs).size(), 1U);
  EXPECT_EQ(guide_.longest_ns(one_.id), kHourNs);
}

}  // namespace
}  // namespace aircheck::http
