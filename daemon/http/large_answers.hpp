// The large bodies that are being sent. What they hold in memory has an end, whatever clients do: nobody may keep a
// segment of its own in memory by not reading it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>

#include "http/transport.hpp"

namespace aircheck::http {

// Main context only.
class LargeAnswers {
 public:
  // The limit of connections bounds smaller bodies.
  static constexpr std::size_t kFrom = 64U << 10;
  // Bytes of all bodies under way; those that several clients get count once.
  static constexpr std::size_t kMostHeld = 512U << 20;
  // Who has been at one answer for as long gives way where somebody else needs the room.
  static constexpr std::int64_t kSlowMs = 10'000;

  explicit LargeAnswers(std::function<void(int socket)> disconnect) : disconnect_(std::move(disconnect)) {}

  // Before a body of kFrom bytes or more is sent, of which the larger part stands at `body`: false where there is no
  // room for it, and nobody who gives way.
  [[nodiscard]] bool begin(std::shared_ptr<const Peer> peer, const void* body, std::size_t size);
  // The body is sent, or its client gone; may come without begin().
  void end(int socket);
  // Disconnects whoever has been at its answer the longest, and for kSlowMs at least; false where nobody is.
  bool cut_slowest();
  // No more is sent or cut.
  void close() { disconnect_ = nullptr; }

  [[nodiscard]] bool empty() const { return answers_.empty(); }

 private:
  struct Body {
    std::size_t size = 0;
    int users = 0;
  };
  struct Answer {
    std::shared_ptr<const Peer> peer;
    const void* body = nullptr;
    std::int64_t since_ms = 0;
  };

  std::function<void(int socket)> disconnect_;
  std::unordered_map<int, Answer> answers_;  // by socket
  std::unordered_map<const void*, Body> bodies_;
  std::size_t held_bytes_ = 0;
};

}  // namespace aircheck::http
