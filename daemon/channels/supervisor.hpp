// Keeps the workers as the operators wish: starts, restarts, re-adopts and stops them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "channels/runner.hpp"

namespace aircheck::channels {

// Main context only. The stores have to live longer.
class Supervisor {
 public:
  Supervisor(SupervisorOptions options, ChannelStore& channels, KeyStore& keys, ArchiveHooks hooks);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Looks for workers of an earlier daemon and launches what is wanted and missing. Once.
  void boot();

  // Idempotent; the wish is stored first. kNotFound for an unknown channel.
  core::Result<void> start(std::string_view id_or_key);
  core::Result<void> stop(std::string_view id_or_key);
  core::Result<void> restart(std::string_view id_or_key);

  // The guide of a channel changed, by its id; channels themselves are watched.
  void rights_changed(const std::string& channel_id);

  [[nodiscard]] ChannelStatus status(const Channel& channel) const;
  // How far the channel's media have come, by their own time; nothing where it is not on air.
  [[nodiscard]] std::optional<core::Utc> on_air(const std::string& channel_id) const;

  // Ends every worker without changing the wishes, then calls `done` (also when there is none); workers that do not go
  // are killed after 12 s. For workers-on-exit=stop; otherwise just destroy the supervisor.
  void shut_down(std::function<void()> done);

 private:
  Runner* runner_for(const Channel& channel);
  core::Result<Runner*> wish(std::string_view id_or_key, bool on_air);
  void channel_changed(const std::string& id);
  void check_shut_down();

  const SupervisorOptions options_;
  ChannelStore& channels_;
  KeyStore& keys_;
  const ArchiveHooks hooks_;
  std::map<std::string, std::unique_ptr<Runner>> runners_;  // by channel id
  std::shared_ptr<Supervisor*> alive_;
  bool booted_ = false;
  std::function<void()> shut_down_;
  base::Timer shut_down_check_;
  int shut_down_checks_ = 0;
};

}  // namespace aircheck::channels
