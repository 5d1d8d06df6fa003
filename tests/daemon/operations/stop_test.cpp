// SIGTERM at any moment: the daemon ends in order, and begins nothing on its way out.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>

#include "support/raw_client.hpp"
#include "support/station_process.hpp"

namespace aircheck {
namespace {

class StopTest : public test::StationProcess {
 protected:
  // A station whose only channel is wanted on air, with a program that never gets there.
  void SetUp() override {
    std::filesystem::create_directories(directory_ / "site");
    directory_.write("site/index.html", "<!doctype html>");
    directory_.write("site/large.js", std::string(kLargeBytes, ' '));
    ASSERT_NO_FATAL_FAILURE(start({}, environment_));
    token_ = sign_in();
    create_channel(token_);
    ASSERT_EQ(send("POST", url("/api/v1/admin/simlive/ch1/start"), token_, std::nullopt).status, 200);
    ASSERT_EQ(end(), 0) << log();
  }
  // Until it takes connections, which is before it is ready.
  void wait_until_it_listens() {
    const base::Timer tick = base::Timer::every(1, [] {});
    ASSERT_TRUE(run_until([&] {
      const std::string text = log();
      const std::size_t at = text.find("listening on http");
      const std::size_t end = at == std::string::npos ? at : text.find('\n', at);
      if (end == std::string::npos) return false;
      url_ = text.substr(at + 13, end - at - 13);
      return true;
    })) << log();
  }
  // A signal with an answer open, whose client goes when the folder has been read.
  void end_while_it_reads() {
    launch({"--workers-on-exit", "stop"}, environment_);
    ASSERT_NO_FATAL_FAILURE(wait_until_it_listens());
    auto client = std::make_unique<test::RawClient>(port());
    client->send("GET /large.js HTTP/1.1\r\nHost: here\r\n\r\n");
    {
      const base::Timer tick = base::Timer::every(1, [] {});
      ASSERT_TRUE(run_until([&] { return client->closed() || !client->received.empty(); }));
    }
    kill(daemon_, SIGTERM);
    const base::Timer tick = base::Timer::every(20, [] {});
    ASSERT_TRUE(run_until([&] { return log().find("archive of 0 segments") != std::string::npos; })) << log();
    client.reset();
    EXPECT_EQ(wait_for_end(), 0);
  }
  [[nodiscard]] int port() const { return std::stoi(url_.substr(url_.rfind(':') + 1)); }

  static constexpr std::size_t kLargeBytes = 32U << 20;  // more than the sockets' buffers take
  const std::map<std::string, std::string> environment_{{"AIRCHECK_ADMIN_PASSWORD", kPassword},
                                                        {"AIRCHECK_WEB_DIR", directory_ / "site"},
                                                        {"AIRCHECK_CHANNEL_PROGRAM", "/bin/false"}};
  std::string token_;
};

// The folder is being read while the daemon waits for an open answer: what it finds is too late for a worker. A machine
// that had read all of it before the signal came gets more to read.
TEST_F(StopTest, NoChannelIsStartedByADaemonThatEnds) {
  std::filesystem::create_directories(state() + "/segments/ch1");
  int made = 0;
  std::string text;
  const auto in_time = [&text] { return text.find("station: ending") < text.find("archive of 0 segments"); };
  for (int files = 20'000; files <= 160'000 && (text.empty() || !in_time()); files *= 2) {
    for (; made < files; ++made) {
      std::ofstream(state() + "/segments/ch1/ch1-20260101" + std::to_string(100'000 + made) + ".m4s") << "no segment";
    }
    ASSERT_NO_FATAL_FAILURE(end_while_it_reads());
    text = log();
  }
  ASSERT_NE(text.find("station: ending"), std::string::npos) << text;
  ASSERT_TRUE(in_time()) << "the folder was read before the signal came: " << text;
  EXPECT_EQ(text.find("station: ready"), std::string::npos);
  EXPECT_EQ(text.find("starting"), std::string::npos);
  EXPECT_EQ(text.find("answers were cut off"), std::string::npos) << "the client had gone";
}

TEST_F(StopTest, ASignalAtAnyMomentOfAStartWithRequestsOpenIsNoCrash) {
  for (int round = 0; round < 12; ++round) {
    launch({"--workers-on-exit", round % 2 == 0 ? "stop" : "keep"}, environment_);
    ASSERT_NO_FATAL_FAILURE(wait_until_it_listens());
    std::vector<std::unique_ptr<test::RawClient>> clients;
    for (int i = 0; i < 8; ++i) {
      clients.push_back(std::make_unique<test::RawClient>(port()));
      const char* const paths[] = {"/large.js", "/hls/ch1/index.m3u8", "/health", "/api/v1/channels"};
      clients.back()->send("GET " + std::string(paths[i % 4]) + " HTTP/1.1\r\nHost: here\r\n\r\n");
    }
    clients.push_back(std::make_unique<test::RawClient>(port()));
    clients.back()->send(
        "POST /api/v1/admin/simlive/ch1/restart HTTP/1.1\r\nHost: here\r\nContent-Length: 0\r\n"
        "Authorization: Bearer " +
        token_ + "\r\n\r\n");
    // From the middle of the start to a station at work.
    bool over = false;
    const base::Timer moment = base::Timer::once(round * 7, [&] { over = true; });
    ASSERT_TRUE(run_until([&] { return over; }));
    kill(daemon_, SIGTERM);
    if (round % 3 == 0) {
      // Asked again, it cuts off what nobody reads.
      const base::Timer tick = base::Timer::every(5, [] {});
      ASSERT_TRUE(run_until([&] { return log().find("station: ending") != std::string::npos; })) << log();
      kill(daemon_, SIGTERM);
    } else {
      clients.clear();
    }
    EXPECT_EQ(wait_for_end(), 0) << log();
  }
}

}  // namespace
}  // namespace aircheck
