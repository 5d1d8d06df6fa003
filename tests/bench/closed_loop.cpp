// Closed-loop load: bench-closed-loop SECONDS CONNECTIONS URLS
// Asks for the URLs of a file (all of one host, http only) in turn, over keep-alive connections that each ask again
// when an answer has come, and throws the bodies away in the kernel: with large ones a client that reads them is busier
// than the server, and measures itself. Prints the MB/s of bodies, the answers a second, and which part of its own time
// the client was busy: near 1 the figures are the client's. Every answer has to be 200 and have a Content-Length.

#include <sys/epoll.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bench/load_connection.hpp"

namespace {

using aircheck::bench::Clock;
using aircheck::bench::Connection;
using aircheck::bench::die;

double processor_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) die("usage: bench-closed-loop SECONDS CONNECTIONS URLS");
  const aircheck::bench::Target target = aircheck::bench::read_urls(argv[3], "");
  const int poll = epoll_create1(0);
  std::size_t asked = 0;
  const auto ask = [&](Connection& connection) {
    connection.ask(target.requests[asked++ % target.requests.size()], Clock::now());
  };
  for (int i = 0; i < std::atoi(argv[2]); ++i) {
    // It lives as long as the program.
    ask(*new Connection(target.address, poll, aircheck::bench::Bodies::kDiscard));
  }
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::atof(argv[1])));
  const double busy_before = processor_seconds();
  std::size_t answers = 0;
  double bytes = 0;
  while (Clock::now() < end) {
    std::array<epoll_event, 64> events;
    const int count = epoll_wait(poll, events.data(), static_cast<int>(events.size()), 100);
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!connection->receive()) continue;
      ++answers;
      bytes += static_cast<double>(connection->length());
      ask(*connection);
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (answers == 0) die("no answer came");
  std::printf("%.1f %.1f %.2f\n", bytes / seconds / 1e6, static_cast<double>(answers) / seconds,
              (processor_seconds() - busy_before) / seconds);
  return 0;
}
