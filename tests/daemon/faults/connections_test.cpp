// Slow and idle clients of a real station, up to its limit of connections and beyond it: whoever asks for something is
// served, and what the others cost is bounded.
#include <sys/resource.h>

#include <algorithm>

#include "daemon/faults/station_with_files.hpp"
#include "support/raw_client.hpp"

namespace aircheck {
namespace {

using test::RawClient;

class ConnectionsTest : public test::StationWithFiles {
 protected:
  static constexpr int kLimit = 150;
  static constexpr int kSegments = 110;
  static constexpr std::uint32_t kPadding = 12U << 20;  // more than the sockets' buffers take

  void SetUp() override {
    rlimit files{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    ASSERT_NO_FATAL_FAILURE(make_station());
    timeshift::test::Writer writer(ago(1200));
    for (int i = 0; i < kSegments; ++i) write(writer.segment(), kPadding);
    close_station();
    ASSERT_NO_FATAL_FAILURE(start({}, {{"AIRCHECK_MAX_CONNECTIONS", std::to_string(kLimit)}}));
  }
  // A request of somebody who has no connection yet, until it is answered.
  [[nodiscard]] bool good_client_is_served() {
    std::unique_ptr<RawClient> client;
    const base::Timer tick = base::Timer::every(5, [] {});
    return run_until(
        [&] {
          if (client == nullptr || client->closed()) {
            if (client != nullptr && client->received.starts_with("HTTP/1.1 200 ")) return true;
            client = std::make_unique<RawClient>(port());
            client->send("GET /health HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
          }
          return false;
        },
        20'000);
  }
  [[nodiscard]] std::int64_t resident_bytes() const {
    std::int64_t pages = 0;
    std::int64_t resident = 0;
    std::ifstream("/proc/" + std::to_string(daemon_) + "/statm") >> pages >> resident;
    return resident * sysconf(_SC_PAGESIZE);
  }

  std::vector<std::unique_ptr<RawClient>> crowd_;
};

// Headers that never end, a byte at a time, on as many connections as there may be and on half as many more.
TEST_F(ConnectionsTest, WhoeverNeverFinishesARequestGivesWay) {
  for (int i = 0; i < kLimit * 3 / 2; ++i) {
    crowd_.push_back(std::make_unique<RawClient>(port()));
    crowd_.back()->send("GET /health HTTP/1.1\r\nX-Slow: ");
  }
  const base::Timer trickle = base::Timer::every(100, [&] {
    for (const auto& client : crowd_) client->send("x");
  });
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(good_client_is_served()) << "request " << i;
}

TEST_F(ConnectionsTest, IdleOnesGiveWayTheOldestFirstAndWhoWaitsForAnAnswerStays) {
  while (crowd_.size() < kLimit) {
    auto client = std::make_unique<RawClient>(port());
    const bool waits = crowd_.empty();  // for what it does not read
    client->send("GET " + std::string(waits ? "/hls/ch1/" + files_[0] : "/health") + " HTTP/1.1\r\nHost: here\r\n\r\n");
    const base::Timer tick = base::Timer::every(1, [] {});
    ASSERT_TRUE(run_until([&] { return waits || client->closed() || client->received.ends_with("}"); }));
    // The test's own connection, which asked whether the station is ready, gives way to the last one.
    if (waits || client->received.starts_with("HTTP/1.1 200 ")) {
      crowd_.push_back(std::move(client));
    } else {
      pause_ms(20);
    }
  }
  EXPECT_TRUE(good_client_is_served());
  ASSERT_FALSE(crowd_.back()->closed());
  const auto open =
      std::count_if(crowd_.begin() + 1, crowd_.end(), [](const auto& client) { return !client->closed(); });
  EXPECT_LT(open, kLimit - 1) << "somebody of all but the reader gave way";
  EXPECT_GT(open, kLimit - 10) << "and not everybody";
  EXPECT_TRUE(crowd_[1]->closed()) << "the oldest";
  EXPECT_FALSE(crowd_.back()->closed()) << "not the newest";
  const base::Timer tick = base::Timer::every(1, [] {});
  RawClient& reader = *crowd_.front();
  ASSERT_TRUE(run_until([&] { return reader.closed() || reader.received.size() > kPadding; }));
  EXPECT_TRUE(reader.received.starts_with("HTTP/1.1 200 ")) << reader.received.substr(0, 200);
  EXPECT_GT(reader.received.size(), kPadding);
}

// Each begins another large segment and then hardly reads: what they hold in memory has an end.
TEST_F(ConnectionsTest, SlowReadersOfLargeSegmentsHoldABoundedAmountOfMemory) {
  const std::int64_t before = resident_bytes();
  int refused = 0;
  for (int i = 0; i < kSegments; ++i) {
    crowd_.push_back(std::make_unique<RawClient>(port()));
    RawClient& client = *crowd_.back();
    client.send("GET /hls/ch1/" + files_[static_cast<std::size_t>(i)] + " HTTP/1.1\r\nHost: here\r\n\r\n");
    const base::Timer tick = base::Timer::every(1, [] {});
    ASSERT_TRUE(run_until([&] {
      return client.closed() || client.received.starts_with("HTTP/1.1 200 ") || client.received.ends_with("}");
    }));
    if (client.received.starts_with("HTTP/1.1 200 ")) continue;
    ++refused;
    EXPECT_TRUE(client.received.starts_with("HTTP/1.1 503 ")) << client.received;
    EXPECT_NE(client.received.find("\r\nRetry-After: 2\r\n"), std::string::npos) << client.received;
    EXPECT_NE(client.received.find("\"code\":\"too_many_answers\""), std::string::npos) << client.received;
  }
  const std::int64_t grown = resident_bytes() - before;
  std::printf("%d slow readers of %u MiB each, %d refused: resident +%lld MiB\n", kSegments, kPadding >> 20, refused,
              static_cast<long long>(grown >> 20));
  EXPECT_LT(grown, std::int64_t{900} << 20) << "512 MiB of answers, 256 MiB of cache";
  EXPECT_TRUE(good_client_is_served()) << "small answers always";

  // The slow ones have had their time: somebody who reads gets a segment that is in nobody's hands.
  const base::Timer tick = base::Timer::every(200, [] {});
  test::HttpResponse segment;
  ASSERT_TRUE(run_until([&] {
    segment = get(url("/hls/ch1/" + files_.back()));
    return segment.status != 503;
  }));
  EXPECT_EQ(segment.status, 200);
  EXPECT_GT(segment.body.size(), kPadding);
  EXPECT_NE(log().find("takes its answer too slowly and gives way to others"), std::string::npos) << log();
  EXPECT_LT(resident_bytes() - before, std::int64_t{900} << 20);
}

// Slow readers on every connection that there may be.
TEST_F(ConnectionsTest, SlowReadersGiveWayAtTheLimit) {
  for (int i = 0; i < kLimit; ++i) {
    crowd_.push_back(std::make_unique<RawClient>(port()));
    crowd_.back()->send("GET /hls/ch1/" + files_[0] + " HTTP/1.1\r\nHost: here\r\n\r\n");
  }
  EXPECT_TRUE(good_client_is_served());
}

}  // namespace
}  // namespace aircheck
