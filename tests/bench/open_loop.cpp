// Open-loop load: bench-open-loop RATE SECONDS CONNECTIONS URLS [HEADER]
// Asks for the URLs of a file (all of one host, http only) one after the other over keep-alive connections, RATE times
// a second whatever the answers take. A latency counts from when its request was due, not from when a connection was
// free for it: what waits behind a slow answer is slow too (no coordinated omission). Prints `p50 p99 max` in ms, the
// rate reached, and the bytes of a mean answer. Every answer has to be 200.

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <vector>

#include "bench/load_connection.hpp"

namespace {

using aircheck::bench::Clock;
using aircheck::bench::Connection;
using aircheck::bench::die;
using aircheck::bench::Target;

class Load {
 public:
  Load(Target target, double rate, double seconds, int connections)
      : target_(std::move(target)), rate_(rate), total_(static_cast<std::size_t>(rate * seconds)) {
    poll_ = epoll_create1(0);
    for (int i = 0; i < connections; ++i)
      idle_.push_back(new Connection(target_.address, poll_, aircheck::bench::Bodies::kRead));
    latencies_ms_.reserve(total_);
  }

  void run() {
    begin_ = Clock::now();
    while (latencies_ms_.size() < total_) {
      send_due();
      wait();
    }
    end_ = Clock::now();
  }

  void report() {
    std::sort(latencies_ms_.begin(), latencies_ms_.end());
    const auto percentile = [&](double part) {
      return latencies_ms_[static_cast<std::size_t>(std::ceil(part * static_cast<double>(total_))) - 1];
    };
    const double seconds = std::chrono::duration<double>(end_ - begin_).count();
    std::printf("%.3f %.3f %.3f %.1f %ld\n", percentile(0.5), percentile(0.99), percentile(1),
                static_cast<double>(total_) / seconds, bytes_ / static_cast<long>(total_));
  }

 private:
  [[nodiscard]] Clock::time_point due(std::size_t request) const {
    return begin_ + std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(request) * 1e9 / rate_));
  }

  void send_due() {
    while (sent_ < total_ && !idle_.empty() && due(sent_) <= Clock::now()) {
      Connection* connection = idle_.front();
      idle_.pop_front();
      connection->ask(target_.requests[sent_ % target_.requests.size()], due(sent_));
      ++sent_;
    }
  }

  void wait() {
    std::array<epoll_event, 64> events;
    // Polling up to the next request: a sleep of the kernel's granularity would be late by as much.
    const int timeout_ms = sent_ < total_ && !idle_.empty() ? 0 : 100;
    const int count = epoll_wait(poll_, events.data(), static_cast<int>(events.size()), timeout_ms);
    for (int i = 0; i < count; ++i) {
      auto* connection = static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr);
      if (!connection->receive()) continue;
      latencies_ms_.push_back(std::chrono::duration<double, std::milli>(Clock::now() - connection->due()).count());
      bytes_ += connection->length();
      idle_.push_back(connection);
    }
    if (count == 0 && timeout_ms == 0) {
      const auto rest = due(sent_) - Clock::now();
      if (rest > std::chrono::microseconds(200)) usleep(100);
    }
    if (Clock::now() - begin_ > std::chrono::seconds(120)) die("no answer for two minutes");
  }

  Target target_;
  double rate_;
  std::size_t total_;
  int poll_ = -1;
  std::deque<Connection*> idle_;  // they live as long as the program
  std::size_t sent_ = 0;
  long bytes_ = 0;
  Clock::time_point begin_;
  Clock::time_point end_;
  std::vector<double> latencies_ms_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) die("usage: bench-open-loop RATE SECONDS CONNECTIONS URLS [HEADER]");
  Load load(aircheck::bench::read_urls(argv[4], argc > 5 ? argv[5] : ""), std::atof(argv[1]), std::atof(argv[2]),
            std::atoi(argv[3]));
  load.run();
  load.report();
  return 0;
}
