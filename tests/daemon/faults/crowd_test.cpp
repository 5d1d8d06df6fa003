// Thousands of idle and slow clients on nginx, with data/nginx in front of a real station: playlists go on coming, and
// the station sees none of the crowd. AIRCHECK_TEST_CROWD says how many (2,000; the soak takes 10,000).
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

#include "daemon/faults/station_with_files.hpp"
#include "daemon/operations/nginx_process.hpp"

namespace aircheck {
namespace {

class CrowdTest : public test::StationWithFiles {
 protected:
  static constexpr std::uint32_t kPadding = 12U << 20;
  static constexpr int kAddresses = 16;  // of loopback: one has 28,000 ports, and who crowds comes from many places

  void SetUp() override {
    if (const char* wanted = std::getenv("AIRCHECK_TEST_CROWD")) size_ = std::atoi(wanted);
    rlimit files{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    size_ = std::min(size_, static_cast<int>(files.rlim_max) - 200);  // fewer where the system allows no more
    ASSERT_NO_FATAL_FAILURE(make_station());
    timeshift::test::Writer writer(ago(1200));
    for (int i = 0; i < 20; ++i) write(writer.segment(), kPadding);
    close_station();
    ASSERT_NO_FATAL_FAILURE(start({}, {{"AIRCHECK_TRUSTED_PROXIES", "127.0.0.1"}}));
    token_ = sign_in();
    ASSERT_TRUE(nginx_.start({.folder = directory_ / "nginx",
                              .upstream = url_.substr(7),
                              .segments = state() + "/segments",
                              .connections = size_ + 500}))
        << nginx_.why();
  }
  void TearDown() override {
    for (const int client : crowd_) close(client);
    nginx_.end();
    StationWithFiles::TearDown();
  }
  // A connection from another of our addresses, with its first bytes sent; -1 where there is none.
  [[nodiscard]] int join(int number, const std::string& text) const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + static_cast<in_addr_t>(number % kAddresses));
    sockaddr_in there = here;
    there.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    there.sin_port = htons(static_cast<in_port_t>(nginx_.port()));
    const bool joined = bind(fd, reinterpret_cast<sockaddr*>(&here), sizeof here) == 0 &&
                        connect(fd, reinterpret_cast<sockaddr*>(&there), sizeof there) == 0 &&
                        ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    if (joined) return fd;
    close(fd);
    return -1;
  }
  // Still connected: nothing has ended it. Slow readers leave what came where it is.
  [[nodiscard]] static bool stays(int fd) {
    char byte = 0;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0 && (errno == EAGAIN || byte != 0);
  }

  int size_ = 2000;
  std::vector<int> crowd_;
  test::NginxProcess nginx_;
};

TEST_F(CrowdTest, PlaylistsComeThroughACrowdThatIsIdleAndSlow) {
  const std::string playlist =
      "/hls/ch1/main.m3u8?kind=startover&start=" + std::to_string(ago(1200).ns / core::kNsPerSecond);
  const auto alone = get(nginx_.url() + playlist, token_);
  ASSERT_EQ(alone.status, 200) << alone.body;
  // Idle behind an answer, a segment that nobody reads, headers that never end: nginx bears them for 60, 30 and 10 s.
  const std::string idle = "GET /health HTTP/1.1\r\nHost: here\r\n\r\n";
  const std::array<std::string, 6> manners = {idle, "GET /hls/ch1/" + files_[0] + " HTTP/1.1\r\nHost: here\r\n\r\n",
                                              idle, "GET /health HTTP/1.1\r\nHost: here\r\nX-Slow: ",
                                              idle, idle};
  const std::int64_t began = g_get_monotonic_time();
  std::int64_t slowest_us = 0;
  const auto ask = [&] {
    for (const std::string& base : {nginx_.url(), url_}) {
      const std::int64_t asked = g_get_monotonic_time();
      const auto answer = get(base + playlist, token_);
      slowest_us = std::max(slowest_us, g_get_monotonic_time() - asked);
      EXPECT_EQ(answer.status, 200) << base << " with " << crowd_.size() << ": " << answer.error << answer.body;
      EXPECT_EQ(answer.body, alone.body);
    }
  };
  for (int i = 0; i < size_; ++i) {
    const int fd = join(i, manners[static_cast<std::size_t>(i) % manners.size()]);
    ASSERT_GE(fd, 0) << i << ": " << std::strerror(errno);
    crowd_.push_back(fd);
    if (i % 100 == 0) ask();
  }
  const std::int64_t joined = g_get_monotonic_time();
  for (int i = 0; i < 100; ++i) ask();
  const auto left = std::count_if(crowd_.begin(), crowd_.end(), stays);
  const double connections = metric("aircheck_http_connections");
  std::printf(
      "%d clients in %lld ms, %lld still there; slowest of %d playlists %lld us; the station has %.0f connections\n",
      size_, static_cast<long long>((joined - began) / 1000), static_cast<long long>(left),
      2 * (100 + (size_ + 99) / 100), static_cast<long long>(slowest_us), connections);
  EXPECT_GT(left, size_ / 2) << "who is idle is not sent away at once";
  EXPECT_LT(connections, size_ / 10) << "the crowd is nginx's";
  const base::Timer tick = base::Timer::every(50, [] {});
  EXPECT_TRUE(run_until([&] { return metric("aircheck_http_connections") <= 70; })) << "nginx keeps 64";
  EXPECT_LT(slowest_us, 2'000'000);
}

}  // namespace
}  // namespace aircheck
