// The channels, held in memory and written through to station.db. Main context only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "channels/channel.hpp"
#include "core/time.hpp"
#include "store/database.hpp"

namespace aircheck::channels {

class ChannelStore {
 public:
  // The database has to live longer.
  static core::Result<std::unique_ptr<ChannelStore>> open(store::Database& database);

  // By number. References and pointers are good until the next change.
  [[nodiscard]] const std::vector<Channel>& all() const { return channels_; }
  // By UUID or cdn_channel_key; null when there is none.
  [[nodiscard]] const Channel* find(std::string_view id_or_key) const;

  // Gives id and version. kInvalidArgument names a field; kExists: the key or number is taken.
  core::Result<Channel> insert(Channel channel, core::Utc now);
  // Replaces the channel of that id. kConflict: `channel.version` is not the stored one. What never changes (key,
  // target and max duration) is kInvalidArgument.
  core::Result<Channel> update(const Channel& channel, core::Utc now);
  // As update() for each of them, all or none.
  core::Result<void> update_all(const std::vector<Channel>& channels, core::Utc now);
  core::Result<void> remove(std::string_view id);
  // Does not count as a change of the channel: its version stays.
  core::Result<void> set_on_air_wanted(std::string_view id, bool wanted);

  // Called after each successful change, with the channel's id (which is gone after a removal).
  void observe(std::function<void(const std::string& id)> observer) { observers_.push_back(std::move(observer)); }

 private:
  explicit ChannelStore(store::Database& database) : database_(&database) {}

  core::Result<void> load();
  core::Result<Channel> next_version(Channel channel) const;
  core::Result<void> check_unique(const Channel& channel) const;
  void changed(const std::string& id);

  store::Database* database_;
  std::vector<Channel> channels_;
  std::vector<std::function<void(const std::string& id)>> observers_;
};

}  // namespace aircheck::channels
