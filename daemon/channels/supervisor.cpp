#include "channels/supervisor.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace aircheck::channels {

using core::Code;
using core::fail;

namespace {

constexpr std::int64_t kCheckMs = 20;
constexpr int kKillAfterChecks = 12'000 / kCheckMs;
constexpr int kGiveUpAfterChecks = 14'000 / kCheckMs;

}  // namespace

Supervisor::Supervisor(SupervisorOptions options, ChannelStore& channels, KeyStore& keys, ArchiveHooks hooks)
    : options_(std::move(options)),
      channels_(channels),
      keys_(keys),
      hooks_(std::move(hooks)),
      alive_(std::make_shared<Supervisor*>(this)) {
  channels_.observe([alive = alive_](const std::string& id) {
    if (*alive != nullptr) (*alive)->channel_changed(id);
  });
}

Supervisor::~Supervisor() {
  *alive_ = nullptr;
}

Runner* Supervisor::runner_for(const Channel& channel) {
  auto& runner = runners_[channel.id];
  if (!runner) {
    runner =
        std::make_unique<Runner>(options_, channels_, keys_, hooks_, channel.id, channel.key, channel.on_air_wanted);
    runner->dispatch(Event::kBoot);
  }
  return runner.get();
}

void Supervisor::boot() {
  booted_ = true;
  for (const Channel& channel : channels_.all()) runner_for(channel);
}

void Supervisor::channel_changed(const std::string& id) {
  if (!booted_) return;
  std::erase_if(runners_, [&](const auto& entry) {
    return channels_.find(entry.first) == nullptr && entry.first != id && entry.second->at_rest();
  });
  if (const Channel* channel = channels_.find(id)) {
    runner_for(*channel)->rights_changed();
    return;
  }
  // The channel is gone; its worker goes too, and the runner once that has happened.
  const auto found = runners_.find(id);
  if (found == runners_.end()) return;
  found->second->dispatch(Event::kStop);
}

core::Result<Runner*> Supervisor::wish(std::string_view id_or_key, bool on_air) {
  const Channel* channel = channels_.find(id_or_key);
  if (channel == nullptr) return fail(Code::kNotFound, "no channel '" + std::string(id_or_key) + "'");
  const std::string id = channel->id;
  if (channel->on_air_wanted != on_air) AIRCHECK_TRY_VOID(channels_.set_on_air_wanted(id, on_air));
  return runner_for(*channels_.find(id));
}

core::Result<void> Supervisor::start(std::string_view id_or_key) {
  AIRCHECK_TRY(Runner * runner, wish(id_or_key, true));
  runner->dispatch(Event::kStart);
  return {};
}

core::Result<void> Supervisor::stop(std::string_view id_or_key) {
  AIRCHECK_TRY(Runner * runner, wish(id_or_key, false));
  runner->dispatch(Event::kStop);
  return {};
}

core::Result<void> Supervisor::restart(std::string_view id_or_key) {
  AIRCHECK_TRY(Runner * runner, wish(id_or_key, true));
  runner->dispatch(Event::kRestart);
  return {};
}

void Supervisor::rights_changed(const std::string& channel_id) {
  const auto found = runners_.find(channel_id);
  if (found != runners_.end()) found->second->rights_changed();
}

ChannelStatus Supervisor::status(const Channel& channel) const {
  const auto found = runners_.find(channel.id);
  if (found != runners_.end()) return found->second->status();
  ChannelStatus status;
  status.state = "stopped";
  status.since = options_.now();
  return status;
}

std::optional<core::Utc> Supervisor::on_air(const std::string& channel_id) const {
  const auto found = runners_.find(channel_id);
  return found == runners_.end() ? std::nullopt : found->second->on_air();
}

void Supervisor::shut_down(std::function<void()> done) {
  shut_down_ = std::move(done);
  for (auto& [id, runner] : runners_) runner->dispatch(Event::kStop);
  shut_down_check_ = base::Timer::every(kCheckMs, [this] { check_shut_down(); });
}

void Supervisor::check_shut_down() {
  const bool rest =
      std::all_of(runners_.begin(), runners_.end(), [](const auto& entry) { return entry.second->at_rest(); });
  ++shut_down_checks_;
  if (!rest && shut_down_checks_ == kKillAfterChecks) {
    for (auto& [id, runner] : runners_) runner->kill();
  }
  if (!rest && shut_down_checks_ < kGiveUpAfterChecks) return;
  if (!rest) base::log_warning("channels", "some workers did not end");
  shut_down_check_.cancel();
  if (const auto done = std::exchange(shut_down_, nullptr)) done();
}

}  // namespace aircheck::channels
