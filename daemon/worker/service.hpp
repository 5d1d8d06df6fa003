// One channel's worker: answers the daemon, and drives probe, encoder and feeder along the life cycle.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/main_context.hpp"
#include "base/worker_pool.hpp"
#include "control/server.hpp"
#include "worker/clock.hpp"
#include "worker/description.hpp"
#include "worker/encoder.hpp"
#include "worker/feeder.hpp"
#include "worker/life_cycle.hpp"
#include "worker/segment_log.hpp"
#include "worker/settings.hpp"
#include "worker/source.hpp"

namespace aircheck::worker {

// Main context only.
class Service : public control::Handler {
 public:
  Service(std::string channel, std::shared_ptr<Clock> clock);
  ~Service() override;

  // Before anything else is asked. The caller holds the channel's lock.
  core::Result<void> listen(const std::string& run_dir);

  void configure(control::Configuration configuration, Done done) override;
  void rotate(control::Encryption next, core::Utc from, Done done) override;
  void start(Done done) override;
  void stop(Done done) override;
  control::Status status() override;
  void segments_since(std::uint64_t sequence, std::uint32_t limit, Rows rows) override;

 private:
  // What Configure brought.
  struct Programme {
    Description description;
    control::Variables variables;
    ChannelSettings settings;
    std::optional<control::Encryption> encryption;
    std::string segment_pattern;
  };
  // What the probe found before the encoder is built.
  struct Found {
    SourceInfo source;
    core::Utc end_of_store{0};
  };

  void apply(Event event, const core::Error& why = {});
  void probe();
  static core::Result<Found> find(const Programme& programme);
  core::Result<void> launch();
  [[nodiscard]] core::Utc start_at(core::Utc now) const;
  [[nodiscard]] bool is_behind(core::Utc now) const;
  void wait_for_clock(core::Utc now, core::Utc start);
  void drain();
  void tear_down();
  static void answer(std::vector<Done>& waiting, const core::Error& why, bool good);
  void warn(const std::string& code, const std::string& message);
  std::unique_ptr<Sequencer> make_sequencer(core::Utc start);
  // apply() and warn() for other threads, unless what it is about has been torn down by then.
  std::function<void(Event, const core::Error&)> later_event();
  std::function<void(const std::string&, const std::string&)> later_warning();

  const std::string channel_;
  const std::shared_ptr<Clock> clock_;
  std::unique_ptr<control::Server> server_;
  base::WorkerPool pool_{2};  // a file system that hangs blocks one

  std::optional<Programme> programme_;
  State state_ = State::kIdle;
  std::string reason_;
  std::string storage_reason_;  // why it runs and writes no segments
  core::Utc since_{0};
  std::string last_error_;
  std::optional<Found> found_;
  SegmentLog log_;
  std::vector<Done> waiting_starts_;
  std::vector<Done> waiting_stops_;

  // In the order in which they depend on each other: the feeder pushes into the encoder.
  std::shared_ptr<Interruption> decoding_;  // of the passes that the feeder plays
  std::unique_ptr<Encoder> encoder_;
  std::unique_ptr<Feeder> feeder_;
  base::Timer drain_timeout_;
  base::Timer waiting_for_clock_;
  // Set anew by every tear-down: late news of something that is over finds it expired.
  std::shared_ptr<int> generation_ = std::make_shared<int>(0);
};

}  // namespace aircheck::worker
