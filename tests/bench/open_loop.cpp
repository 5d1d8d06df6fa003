// Open-loop load: bench-open-loop RATE SECONDS CONNECTIONS URLS [HEADER]
// Asks for the URLs of a file (all of one host, http only) one after the other over keep-alive connections, RATE times
// a second whatever the answers take. A latency counts from when its request was due, not from when a connection was
// free for it: what waits behind a slow answer is slow too (no coordinated omission). Prints `p50 p99 max` in ms, the
// rate reached, and the bytes of a mean answer. Every answer has to be 200.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "error: %s\n", what.c_str());
  std::exit(1);
}

struct Target {
  sockaddr_in address{};
  std::vector<std::string> requests;
};

Target read_urls(const std::string& path, const std::string& header) {
  std::ifstream file(path);
  Target target;
  std::string url;
  std::string host;
  while (std::getline(file, url)) {
    constexpr std::string_view kScheme = "http://";
    if (!url.starts_with(kScheme)) die("no http URL: " + url);
    const std::size_t slash = url.find('/', kScheme.size());
    if (slash == std::string::npos) die("a URL without a path: " + url);
    host = url.substr(kScheme.size(), slash - kScheme.size());
    target.requests.push_back("GET " + url.substr(slash) + " HTTP/1.1\r\nHost: " + host + "\r\n" +
                              (header.empty() ? "" : header + "\r\n") + "\r\n");
  }
  if (target.requests.empty()) die(path + " has no URLs");
  const std::size_t colon = host.rfind(':');
  target.address.sin_family = AF_INET;
  target.address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(host.substr(colon + 1).c_str())));
  if (inet_pton(AF_INET, host.substr(0, colon).c_str(), &target.address.sin_addr) != 1) die("no IPv4 address: " + host);
  return target;
}

// One keep-alive connection with one request under way at most.
class Connection {
 public:
  Connection(const sockaddr_in& address, int poll) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) die("cannot connect");
    epoll_event event{.events = EPOLLIN, .data = {.ptr = this}};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd_, &event);
  }

  void ask(const std::string& request, Clock::time_point due) {
    due_ = due;
    head_.clear();
    body_ = 0;
    length_ = -1;
    tail_.clear();
    if (send(fd_, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
      die("cannot send");
  }

  // True when the answer is complete.
  bool receive() {
    static std::array<char, 1 << 20> buffer;
    const ssize_t got = recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) die("the server closed a connection");
    std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    if (length_ < 0) {
      head_ += bytes;
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      read_head(std::string_view(head_).substr(0, end));
      body_ = static_cast<long>(head_.size() - end - 4);
    } else {
      body_ += static_cast<long>(bytes.size());
    }
    tail_ += bytes.substr(bytes.size() - std::min(bytes.size(), kLastChunk.size()));
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kLastChunk.size()));
    if (chunked_ && tail_ == kLastChunk) length_ = body_;
    if (body_ > length_) die("an answer is longer than its Content-Length");
    return body_ == length_;
  }

  [[nodiscard]] Clock::time_point due() const { return due_; }
  [[nodiscard]] long length() const { return length_; }

 private:
  void read_head(std::string_view head) {
    if (!head.starts_with("HTTP/1.1 200")) die("no 200: " + std::string(head.substr(0, head.find('\r'))));
    std::string lower(head);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::size_t at = lower.find("\ncontent-length:");
    chunked_ = at == std::string::npos;
    if (chunked_ && lower.find("\ntransfer-encoding: chunked") == std::string::npos) die("an answer of no length");
    length_ = chunked_ ? std::numeric_limits<long>::max() : std::atol(lower.c_str() + at + 16);
  }

  static constexpr std::string_view kLastChunk = "\r\n0\r\n\r\n";

  int fd_ = -1;
  bool chunked_ = false;  // as nginx sends what it compresses
  std::string tail_;
  Clock::time_point due_;
  std::string head_;
  long body_ = 0;
  long length_ = -1;
};

class Load {
 public:
  Load(Target target, double rate, double seconds, int connections)
      : target_(std::move(target)), rate_(rate), total_(static_cast<std::size_t>(rate * seconds)) {
    poll_ = epoll_create1(0);
    for (int i = 0; i < connections; ++i) idle_.push_back(new Connection(target_.address, poll_));
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
  Load load(read_urls(argv[4], argc > 5 ? argv[5] : ""), std::atof(argv[1]), std::atof(argv[2]), std::atoi(argv[3]));
  load.run();
  load.report();
  return 0;
}
