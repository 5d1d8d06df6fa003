// The worker's side of org.aircheck.Channel1: a Unix socket on which clients of the same user speak D-Bus.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/values.hpp"

namespace aircheck::control {

// What the worker does when it is asked. Everything runs on the main context in which the server was made; each reply
// is called exactly once, then or later, on that context.
class Handler {
 public:
  using Done = std::function<void(core::Result<void>)>;
  using Rows = std::function<void(core::Result<std::vector<SegmentRow>>)>;

  virtual ~Handler() = default;
  virtual void configure(Configuration configuration, Done done) = 0;
  // Another key from the first key frame at or after an instant.
  virtual void rotate(Encryption next, core::Utc from, Done done) = 0;
  virtual void start(Done done) = 0;
  virtual void stop(Done done) = 0;
  virtual Status status() = 0;
  // Rows with a sequence of at least `sequence`; limit <= kMaxRowsPerAnswer.
  virtual void segments_since(std::uint64_t sequence, std::uint32_t limit, Rows rows) = 0;
};

class Server {
 public:
  // Listens on socket_path(run_dir, channel_key), mode 0600. The caller holds the channel's lock: a socket that a dead
  // worker left there is replaced. run_dir must be the user's own and mode 0700. `handler` outlives the server.
  static core::Result<std::unique_ptr<Server>> listen(const std::string& run_dir, const std::string& channel_key,
                                                      Handler& handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  // closes every connection and removes the socket

  void segment_closed(const SegmentRow& row);
  void segment_lost(core::Utc until);
  void state_changed(WorkerState state, const std::string& reason);
  void warning(const std::string& code, const std::string& message);

 private:
  struct Private;
  explicit Server(std::unique_ptr<Private> d);
  std::unique_ptr<Private> d_;
};

}  // namespace aircheck::control
