// The daemon's side of org.aircheck.Channel1: asynchronous on the main context that was the thread's default when
// connect() was called.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/values.hpp"

namespace aircheck::control {

class Client {
 public:
  struct Events {
    std::function<void(const SegmentRow& row)> segment_closed;
    // A segment could not be written; nothing that begins before `until` will come any more.
    std::function<void(core::Utc until)> segment_lost;
    std::function<void(WorkerState state, const std::string& reason)> state_changed;
    std::function<void(const std::string& code, const std::string& message)> warning;
    // The worker went away or broke the protocol; nothing comes after it. Not called for a client that was destroyed.
    std::function<void(const core::Error& why)> closed;
  };
  using Done = std::function<void(core::Result<void>)>;
  // `silent`, with kTimeout: the process that holds the socket and does not answer.
  using Connected = std::function<void(core::Result<std::unique_ptr<Client>>, std::optional<pid_t> silent)>;

  // Connects to a worker's socket within 5 s. Refused: nobody listens (kNotFound, kUnavailable), another user's process
  // listens (kPermission), another version of the protocol (kUnsupported, with the worker's version in the text).
  // Returns a function that abandons the attempt: `connected` is then not called.
  static std::function<void()> connect(const std::string& path, Events events, Connected connected);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  // No callback of any kind runs after it; what was asked and not answered is forgotten.
  ~Client();

  // Each is bounded: kTimeout if the worker does not answer (5 s; Start and Stop 30 s; SegmentsSince 15 s).
  void configure(const Configuration& configuration, Done done);
  void rotate(const Encryption& next, core::Utc from, Done done);
  void start(Done done);
  void stop(Done done);
  void status(std::function<void(core::Result<Status>)> done);
  void segments_since(std::uint64_t sequence, std::uint32_t limit,
                      std::function<void(core::Result<std::vector<SegmentRow>>)> done);

  // What SO_PEERCRED said about the process on the other end.
  [[nodiscard]] pid_t peer_pid() const;

 private:
  friend class Connection;
  struct Private;
  explicit Client(std::shared_ptr<Private> d);
  std::shared_ptr<Private> d_;
};

}  // namespace aircheck::control
