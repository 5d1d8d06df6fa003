// One host's requests, and a keep-alive connection that has one of them under way: what the load generators share.
#pragma once

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
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::bench {

using Clock = std::chrono::steady_clock;

[[noreturn]] inline void die(const std::string& what) {
  std::fprintf(stderr, "error: %s\n", what.c_str());
  std::exit(1);
}

struct Target {
  sockaddr_in address{};
  std::vector<std::string> requests;
};

inline Target read_urls(const std::string& path, const std::string& header) {
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

// What becomes of the bodies that come.
enum class Bodies {
  kRead,
  // The kernel takes them and throws them away (MSG_TRUNC): clients are other machines, and what their reading costs is
  // not to be taken for the server's slowness. Not for what is sent in chunks.
  kDiscard,
};

// One keep-alive connection with one request under way at most.
class Connection {
 public:
  Connection(const sockaddr_in& address, int poll, Bodies bodies) : bodies_(bodies) {
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
    const bool in_head = length_ < 0;
    const bool discards = bodies_ == Bodies::kDiscard;
    const std::size_t most = !discards ? buffer.size()
                             : in_head ? kMostHead
                                       : static_cast<std::size_t>(length_ - body_);
    const ssize_t got = recv(fd_, buffer.data(), most, MSG_DONTWAIT | (discards && !in_head ? MSG_TRUNC : 0));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) die("the server closed a connection");
    if (in_head) {
      head_.append(buffer.data(), static_cast<std::size_t>(got));
      const std::size_t end = head_.find("\r\n\r\n");
      if (end == std::string::npos) return false;
      read_head(std::string_view(head_).substr(0, end));
      if (chunked_ && discards) die("an answer in chunks has to be read");
      body_ = static_cast<long>(head_.size() - end - 4);
    } else {
      body_ += static_cast<long>(got);
    }
    if (chunked_) look_for_the_end(std::string_view(buffer.data(), static_cast<std::size_t>(got)));
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

  void look_for_the_end(std::string_view bytes) {
    tail_ += bytes.substr(bytes.size() - std::min(bytes.size(), kLastChunk.size()));
    tail_.erase(0, tail_.size() - std::min(tail_.size(), kLastChunk.size()));
    if (tail_ == kLastChunk) length_ = body_;
  }

  static constexpr std::string_view kLastChunk = "\r\n0\r\n\r\n";
  static constexpr std::size_t kMostHead = 4096;  // read at once

  Bodies bodies_;
  int fd_ = -1;
  bool chunked_ = false;  // as nginx sends what it compresses
  std::string tail_;
  Clock::time_point due_;
  std::string head_;
  long body_ = 0;
  long length_ = -1;
};

}  // namespace aircheck::bench
