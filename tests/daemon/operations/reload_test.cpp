// What a running aircheckd takes over from a changed configuration file, and what it says of the rest.
#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include "daemon/faults/station_with_files.hpp"
#include "support/m3u8.hpp"
#include "support/raw_client.hpp"
#include "support/station_process.hpp"

namespace aircheck {
namespace {

class ReloadTest : public test::StationProcess {
 protected:
  void configure(const std::string& text) { directory_.write("aircheck.conf", text); }
  std::vector<std::string> config() const { return {"--config", directory_ / "aircheck.conf"}; }
  test::Finished reload() { return command("reload"); }
  // Until the log says so, behind what it has already.
  [[nodiscard]] bool signal_makes_it_log(const std::string& text) {
    const std::size_t before = log().size();
    kill(daemon_, SIGHUP);
    const base::Timer tick = base::Timer::every(20, [] {});
    return run_until([&] { return log().find(text, before) != std::string::npos; });
  }
  std::string live_url(const std::string& token, const std::vector<std::pair<std::string, std::string>>& more = {}) {
    test::HttpRequest request{.url = url("/api/v1/tstv/channels")};
    request.headers = more;
    request.headers.emplace_back("Authorization", "Bearer " + token);
    const auto answer = fetch(request);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return *answer.json().find("items")->as_array()->at(0).find("live_url")->as_string();
  }
  // A certificate of this name, self-signed, two days long. when: as faketime takes it.
  void make_certificate(const std::string& name, const std::string& when = "now") {
    const auto made = test::run("cd " + directory_.path() + " && faketime '" + when +
                                "' openssl req -x509 -newkey ec -pkeyopt "
                                "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
                                name + " -keyout key.pem -out cert.pem 2>&1");
    ASSERT_EQ(made.exit, 0) << made.output;
  }
  std::string presented_name() {
    return test::run("openssl s_client -connect " + url_.substr(url_.find("//") + 2) +
                     " </dev/null 2>/dev/null | openssl x509 -noout -subject")
        .output;
  }
};

TEST_F(ReloadTest, WhatMayChangeIsInForceAtOnce) {
  configure("[server]\npublic-url=https://one.example\n");
  start(config(), {{"AIRCHECK_ADMIN_PASSWORD", kPassword}});
  const std::string token = sign_in();
  create_channel(token);
  EXPECT_TRUE(live_url(token).starts_with("https://one.example/hls/ch1/")) << live_url(token);
  configure("[server]\npublic-url=https://two.example\nport=8123\n[log]\nformat=json\n[workers]\non-exit=stop\n");
  const auto report = reload();
  EXPECT_EQ(report.exit, 0) << report.output;
  EXPECT_EQ(report.output,
            "in force: [server] public-url\nin force: [workers] on-exit\nin force: [log] format\n"
            "the configuration was read anew\n")
      << "the command line's port wins, so that did not change";
  EXPECT_TRUE(live_url(token).starts_with("https://two.example/hls/ch1/"));
  EXPECT_NE(log().find("\"message\":\"configuration read anew\""), std::string::npos) << log();
}

TEST_F(ReloadTest, WhatNeedsARestartIsSaidAndAWrongFileChangesNothing) {
  configure("[server]\npublic-url=https://one.example\n");
  start(config(), {{"AIRCHECK_ADMIN_PASSWORD", kPassword}});
  const std::string token = sign_in();
  create_channel(token);
  configure("[server]\npublic-url=https://one.example\nlisten=0.0.0.0\n[streaming]\nsegment-duration=4\n");
  EXPECT_EQ(reload().output,
            "needs a restart: [server] listen\nneeds a restart: [streaming] segment-duration\n"
            "the configuration was read anew\n");
  for (const char* wrong : {"[server]\npublic-url=https://three.example\nprot=1\n",
                            "[server]\npublic-url=https://three.example\ntrusted-proxies=here\n",
                            "[server]\npublic-url=ftp://three.example\n", "no configuration"}) {
    configure(wrong);
    const auto report = reload();
    EXPECT_EQ(report.exit, 1) << wrong << report.output;
    EXPECT_NE(report.output.find("error: "), std::string::npos) << report.output;
    EXPECT_TRUE(live_url(token).starts_with("https://one.example/")) << wrong;
  }
  // A signal has nobody to tell but the log.
  EXPECT_TRUE(signal_makes_it_log("the configuration stays as it was: ")) << log();
  configure("[server]\npublic-url=https://four.example\n");
  EXPECT_TRUE(signal_makes_it_log("[server] public-url: the new value is in force")) << log();
  EXPECT_TRUE(live_url(token).starts_with("https://four.example/"));
}

TEST_F(ReloadTest, TrustedProxiesAreThoseOfTheNewFile) {
  configure("");
  start(config(), {{"AIRCHECK_ADMIN_PASSWORD", kPassword}});
  const std::string token = sign_in();
  create_channel(token);
  const std::vector<std::pair<std::string, std::string>> forwarded = {{"X-Forwarded-Proto", "https"}};
  EXPECT_TRUE(live_url(token, forwarded).starts_with("http://")) << "anybody may send that";
  configure("[server]\ntrusted-proxies=127.0.0.0/8\n");
  EXPECT_EQ(reload().output, "in force: [server] trusted-proxies\nthe configuration was read anew\n");
  EXPECT_TRUE(live_url(token, forwarded).starts_with("https://"));
}

TEST_F(ReloadTest, OriginsAndTheSpaceToKeepFreeAreThoseOfTheNewFile) {
  configure("[storage]\nmin-free-mib=1\n");
  start(config(), {{"AIRCHECK_ADMIN_PASSWORD", kPassword}});
  const std::string token = sign_in();
  const auto allowed = [&] {
    return fetch({.url = url("/api/v1/me"), .headers = {{"Origin", "https://page.example"}}})
        .header("access-control-allow-origin");
  };
  const auto kept_free = [&] {
    return *get(url("/api/v1/admin/storage"), token).json().find("min_free_bytes")->as_integer();
  };
  EXPECT_EQ(allowed(), "");
  EXPECT_EQ(kept_free(), 1 << 20);
  configure("[server]\ncors-origins=https://page.example\n[storage]\nmin-free-mib=2\n");
  EXPECT_EQ(reload().exit, 0);
  EXPECT_EQ(allowed(), "https://page.example");
  EXPECT_EQ(kept_free(), 2 << 20);
}

TEST_F(ReloadTest, TheLimitOfConnectionsIsThatOfTheNewFileAfterASignal) {
  configure("[server]\nmax-connections=10\n");
  start(config());
  const int port = std::stoi(url_.substr(url_.rfind(':') + 1));
  std::vector<std::unique_ptr<test::RawClient>> clients;
  const auto join = [&](int count) {
    for (int i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<test::RawClient>(port));
      clients.back()->send("GET /health HTTP/1.1\r\nHost: here\r\n\r\n");
    }
  };
  const auto open = [&] {
    return std::count_if(clients.begin(), clients.end(), [](const auto& client) { return !client->closed(); });
  };
  const base::Timer tick = base::Timer::every(5, [] {});
  join(30);
  EXPECT_TRUE(run_until([&] { return open() <= 10; }));
  clients.clear();
  configure("[server]\nmax-connections=60\n");
  ASSERT_TRUE(signal_makes_it_log("[server] max-connections: the new value is in force")) << log();
  join(30);
  EXPECT_TRUE(run_until([&] {
    return open() < 30 || std::all_of(clients.begin(), clients.end(),
                                      [](const auto& client) { return client->received.starts_with("HTTP/1.1 200 "); });
  }));
  EXPECT_EQ(open(), 30) << "there is room for all of them";
}

TEST_F(ReloadTest, ARenewedCertificateIsPresentedFromThenOn) {
  make_certificate("first");
  configure("[server]\ntls-certificate=" + (directory_ / "cert.pem") + "\ntls-key=" + (directory_ / "key.pem") + "\n");
  start(config());
  EXPECT_NE(presented_name().find("first"), std::string::npos) << presented_name();
  make_certificate("second");
  EXPECT_NE(presented_name().find("first"), std::string::npos);
  EXPECT_EQ(reload().exit, 0);
  EXPECT_NE(presented_name().find("second"), std::string::npos) << presented_name();
  directory_.write("cert.pem", "half a certif");
  EXPECT_EQ(reload().exit, 1);
  EXPECT_NE(presented_name().find("second"), std::string::npos) << "what worked goes on working";
  make_certificate("third");
  configure("");
  EXPECT_EQ(reload().output,
            "needs a restart: [server] tls-certificate\nneeds a restart: [server] tls-key\n"
            "the configuration was read anew\n");
  EXPECT_EQ(get(url("/health")).status, 200);
}

TEST_F(ReloadTest, ACertificateBesideTheKeyOfAnotherIsRefusedAndCheckFindsIt) {
  configure("[server]\ntls-certificate=" + (directory_ / "cert.pem") + "\ntls-key=" + (directory_ / "key.pem") + "\n");
  make_certificate("first");
  start(config());
  const std::string key = directory_.read("key.pem");
  make_certificate("second");
  directory_.write("key.pem", key);
  const std::string why =
      "TLS certificate " + (directory_ / "cert.pem") + " and key " + (directory_ / "key.pem") + " are no pair";
  const auto report = reload();
  EXPECT_EQ(report.exit, 1);
  EXPECT_NE(report.output.find(why), std::string::npos) << report.output;
  EXPECT_NE(presented_name().find("first"), std::string::npos) << presented_name();
  const auto checked = command("check --config " + (directory_ / "aircheck.conf"));
  EXPECT_EQ(checked.exit, 1) << checked.output;
  EXPECT_NE(checked.output.find("error    " + why), std::string::npos) << checked.output;
}

TEST_F(ReloadTest, ACertificateThatClientsRefuseTakesThePlaceOfNoGoodOne) {
  configure("[server]\ntls-certificate=" + (directory_ / "cert.pem") + "\ntls-key=" + (directory_ / "key.pem") + "\n");
  const auto expect_said = [&](const std::string& output, const std::string& what) {
    for (const std::string& part : {directory_ / "cert.pem", std::string("(CN="), what}) {
      EXPECT_NE(output.find(part), std::string::npos) << part << " in " << output;
    }
  };
  make_certificate("good");
  start(config());
  expect_said(log(), "is valid until ");
  const std::string check = "check --config " + (directory_ / "aircheck.conf");
  expect_said(command(check).output, ": renew it and run 'aircheckd reload'");
  for (const auto& [when, why] :
       {std::pair{"10 days ago", "expired at "}, std::pair{"+10 days", "is not valid before "}}) {
    make_certificate("bad", when);
    const auto report = reload();
    EXPECT_EQ(report.exit, 1);
    expect_said(report.output, why);
    expect_said(log(), "the configuration stays as it was: ");
    EXPECT_NE(presented_name().find("good"), std::string::npos) << presented_name();
    const auto checked = command(check);
    EXPECT_EQ(checked.exit, 1) << checked.output;
    expect_said(checked.output, why);
  }
}

TEST_F(ReloadTest, AnExpiredCertificateIsSaidAtTheStartAndHoldsUpNothing) {
  configure("[server]\ntls-certificate=" + (directory_ / "cert.pem") + "\ntls-key=" + (directory_ / "key.pem") + "\n");
  make_certificate("old", "10 days ago");
  start(config());
  EXPECT_NE(log().find("clients refuse it; renew it and run 'aircheckd reload'"), std::string::npos) << log();
  EXPECT_EQ(reload().exit, 0) << "what else changed is in force";
  make_certificate("renewed");
  EXPECT_EQ(reload().exit, 0);
  EXPECT_NE(presented_name().find("renewed"), std::string::npos);
}

TEST_F(ReloadTest, WhatStandsBesideAWrongCertificateWaitsForARightOne) {
  const std::string tls =
      "tls-certificate=" + (directory_ / "cert.pem") + "\ntls-key=" + (directory_ / "key.pem") + "\n";
  make_certificate("first");
  configure("[server]\npublic-url=https://one.example\n" + tls);
  start(config(), {{"AIRCHECK_ADMIN_PASSWORD", kPassword}});
  const std::string token = sign_in();
  create_channel(token);
  directory_.write("cert.pem", "half a certif");
  configure("[server]\npublic-url=https://two.example\n" + tls);
  EXPECT_EQ(reload().exit, 1);
  EXPECT_TRUE(live_url(token).starts_with("https://one.example/"));
  make_certificate("second");
  const auto report = reload();
  EXPECT_NE(report.output.find("in force: [server] public-url\n"), std::string::npos) << report.output;
  EXPECT_TRUE(live_url(token).starts_with("https://two.example/"));
}

// Playlists that were kept are made anew.
class DeliveryReloadTest : public test::StationWithFiles {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(make_station());
    begin_ = ago(600);
    timeshift::test::Writer writer(begin_);
    for (int i = 0; i < 60; ++i) write(writer.segment());
    close_station();
  }
  void configure(const std::string& text) { directory_.write("aircheck.conf", text); }
  // Of everything that a playlist names, without the name; false: it was not 200.
  std::set<std::string> folders(const std::string& query) {
    test::HttpResponse answer;
    const base::Timer tick = base::Timer::every(20, [] {});
    EXPECT_TRUE(run_until([&] {
      answer = get(url("/hls/ch1/main.m3u8?" + query), token_);
      return answer.status != 503;
    }));
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::set<std::string> found;
    for (const test::M3u8Row& row : test::parse_m3u8(answer.body).rows) {
      for (const std::string& uri : {row.uri, row.map}) found.insert(uri.substr(0, uri.find("ch1-")));
      EXPECT_TRUE(row.keys.back().at("URI").starts_with("/api/v1/drm/key/")) << "keys are the station's";
    }
    return found;
  }

  core::Utc begin_;
};

TEST_F(DeliveryReloadTest, SegmentsAreAskedForWhereTheNewFileSays) {
  configure("[server]\ncdn-base-url=https://one.example/hls/\n");
  ASSERT_NO_FATAL_FAILURE(start({"--config", directory_ / "aircheck.conf"}));
  ASSERT_NO_FATAL_FAILURE(settle());
  token_ = sign_in();
  const std::int64_t from = begin_.ns / core::kNsPerSecond;
  const std::vector<std::string> queries = {
      "kind=catchup&start=" + std::to_string(from) + "&end=" + std::to_string(from + 300),
      "kind=startover&start=" + std::to_string(from) + "&end=" + std::to_string(from + 120)};
  const auto expect_all_at = [&](const std::string& folder) {
    for (const std::string& query : queries) EXPECT_EQ(folders(query), std::set{folder}) << query;
  };
  expect_all_at("https://one.example/hls/ch1/");
  configure("[server]\ncdn-base-url=https://two.example\n");
  expect_all_at("https://one.example/hls/ch1/");
  EXPECT_EQ(command("reload").output, "in force: [server] cdn-base-url\nthe configuration was read anew\n");
  expect_all_at("https://two.example/ch1/");
  configure("[server]\ncdn-base-url=two.example\n");
  EXPECT_EQ(command("reload").exit, 1) << "no URL";
  expect_all_at("https://two.example/ch1/");
  configure("");
  EXPECT_EQ(command("reload").exit, 0);
  expect_all_at("");
}

}  // namespace
}  // namespace aircheck
