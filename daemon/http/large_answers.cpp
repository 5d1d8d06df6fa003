#include "http/large_answers.hpp"

#include <glib.h>

#include <algorithm>

#include "base/log.hpp"

namespace aircheck::http {

namespace {

std::int64_t now_ms() {
  return g_get_monotonic_time() / 1000;
}

}  // namespace

bool LargeAnswers::begin(std::shared_ptr<const Peer> peer, const void* body, std::size_t size) {
  const bool shared = bodies_.contains(body);
  while (!shared && held_bytes_ + size > kMostHeld && !bodies_.empty()) {
    if (!cut_slowest()) return false;
  }
  const int socket = peer->socket;
  end(socket);
  Body& held = bodies_[body];
  if (held.users++ == 0) {
    held.size = size;
    held_bytes_ += size;
  }
  answers_[socket] = Answer{std::move(peer), body, now_ms()};
  return true;
}

void LargeAnswers::end(int socket) {
  const auto found = answers_.find(socket);
  if (found == answers_.end()) return;
  const auto body = bodies_.find(found->second.body);
  answers_.erase(found);
  if (--body->second.users > 0) return;
  held_bytes_ -= body->second.size;
  bodies_.erase(body);
}

bool LargeAnswers::cut_slowest() {
  const auto slowest = std::min_element(answers_.begin(), answers_.end(), [](const auto& a, const auto& b) {
    return a.second.since_ms < b.second.since_ms;
  });
  if (slowest == answers_.end() || slowest->second.since_ms + kSlowMs > now_ms()) return false;
  const int socket = slowest->first;
  base::log_warning("http", slowest->second.peer->name + " takes its answer too slowly and gives way to others");
  end(socket);
  if (disconnect_) disconnect_(socket);
  return true;
}

}  // namespace aircheck::http
