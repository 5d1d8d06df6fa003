#include "channels/channel_store.hpp"

#include <algorithm>

#include "base/files.hpp"

namespace aircheck::channels {

using core::Code;
using core::fail;

namespace {

constexpr const char* kSelect =
    "SELECT id, cdn_channel_key, number, name, logo_url, zone, tstv_enabled, startover_enabled, catchup_enabled, "
    "cutv_window_hours, pipeline, variables, target_duration, max_duration, encrypted, allow_aes128, allow_clear, "
    "schedule_source, on_air_wanted, version FROM channels ORDER BY number";
constexpr const char* kUpsert =
    "INSERT INTO channels (id, cdn_channel_key, number, name, logo_url, zone, tstv_enabled, startover_enabled, "
    "catchup_enabled, cutv_window_hours, pipeline, variables, target_duration, max_duration, encrypted, allow_aes128, "
    "allow_clear, schedule_source, on_air_wanted, version, created_at, updated_at) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?21) "
    "ON CONFLICT (id) DO UPDATE SET number = ?3, name = ?4, logo_url = ?5, zone = ?6, tstv_enabled = ?7, "
    "startover_enabled = ?8, catchup_enabled = ?9, cutv_window_hours = ?10, pipeline = ?11, variables = ?12, "
    "encrypted = ?15, allow_aes128 = ?16, allow_clear = ?17, schedule_source = ?18, version = ?20, updated_at = ?21";

core::Result<Channel> read_row(const store::Statement& row) {
  Channel channel;
  channel.id = row.text(0);
  channel.key = row.text(1);
  channel.number = static_cast<int>(row.integer(2));
  channel.name = row.text(3);
  channel.logo_url = row.text(4);
  channel.zone = row.text(5);
  channel.tstv_enabled = row.boolean(6);
  channel.startover_enabled = row.boolean(7);
  channel.catchup_enabled = row.boolean(8);
  channel.cutv_window_hours = static_cast<int>(row.integer(9));
  channel.pipeline = row.text(10);
  AIRCHECK_TRY(const base::Json variables, base::Json::parse(row.text(11)).with_context("channel " + channel.key));
  AIRCHECK_TRY(channel.variables, variables_from_json(variables).with_context("channel " + channel.key));
  channel.target_duration_s = static_cast<int>(row.integer(12));
  channel.max_duration_s = static_cast<int>(row.integer(13));
  channel.encrypted = row.boolean(14);
  channel.allow_aes128 = row.boolean(15);
  channel.allow_clear = row.boolean(16);
  channel.schedule_source = row.text(17);
  channel.on_air_wanted = row.boolean(18);
  channel.version = row.integer(19);
  return channel;
}

core::Result<void> write_row(store::Database& database, const Channel& channel, core::Utc now) {
  AIRCHECK_TRY(store::Statement statement, database.prepare(kUpsert));
  statement.bind(1, channel.id).bind(2, channel.key).bind(3, channel.number).bind(4, channel.name);
  statement.bind(5, channel.logo_url).bind(6, channel.zone).bind(7, channel.tstv_enabled);
  statement.bind(8, channel.startover_enabled).bind(9, channel.catchup_enabled).bind(10, channel.cutv_window_hours);
  statement.bind(11, channel.pipeline).bind(12, variables_to_json(channel.variables).dump());
  statement.bind(13, channel.target_duration_s).bind(14, channel.max_duration_s).bind(15, channel.encrypted);
  statement.bind(16, channel.allow_aes128).bind(17, channel.allow_clear).bind(18, channel.schedule_source);
  statement.bind(19, channel.on_air_wanted).bind(20, channel.version).bind(21, now.ns);
  return statement.run();
}

}  // namespace

core::Result<std::unique_ptr<ChannelStore>> ChannelStore::open(store::Database& database) {
  std::unique_ptr<ChannelStore> store(new ChannelStore(database));
  AIRCHECK_TRY_VOID(store->load());
  return store;
}

core::Result<void> ChannelStore::load() {
  AIRCHECK_TRY(store::Statement statement, database_->prepare(kSelect));
  channels_.clear();
  while (true) {
    AIRCHECK_TRY(const bool row, statement.step());
    if (!row) return {};
    AIRCHECK_TRY(Channel channel, read_row(statement));
    channels_.push_back(std::move(channel));
  }
}

const Channel* ChannelStore::find(std::string_view id_or_key) const {
  const auto found = std::find_if(channels_.begin(), channels_.end(), [&](const Channel& channel) {
    return channel.id == id_or_key || channel.key == id_or_key;
  });
  return found == channels_.end() ? nullptr : &*found;
}

core::Result<void> ChannelStore::check_unique(const Channel& channel) const {
  for (const Channel& other : channels_) {
    if (other.id == channel.id) continue;
    if (other.key == channel.key) return fail(Code::kExists, "\"cdn_channel_key\" " + channel.key + " is taken");
    if (other.number == channel.number) {
      return fail(Code::kExists, "\"number\" " + std::to_string(channel.number) + " is channel " + other.key + "'s");
    }
  }
  return {};
}

void ChannelStore::changed(const std::string& id) {
  std::sort(channels_.begin(), channels_.end(), [](const Channel& a, const Channel& b) { return a.number < b.number; });
  for (const auto& observer : observers_) observer(id);
}

core::Result<Channel> ChannelStore::insert(Channel channel, core::Utc now) {
  channel.id = base::random_uuid();
  channel.version = 1;
  AIRCHECK_TRY_VOID(validate(channel));
  AIRCHECK_TRY_VOID(check_unique(channel));
  AIRCHECK_TRY_VOID(write_row(*database_, channel, now));
  channels_.push_back(channel);
  changed(channel.id);
  return channel;
}

// What an update of this channel stores.
core::Result<Channel> ChannelStore::next_version(Channel channel) const {
  const auto stored =
      std::find_if(channels_.begin(), channels_.end(), [&](const Channel& c) { return c.id == channel.id; });
  if (stored == channels_.end()) return fail(Code::kNotFound, "no channel " + channel.id);
  if (stored->version != channel.version) return fail(Code::kConflict, "the channel was changed meanwhile");
  if (stored->key != channel.key) return fail(Code::kInvalidArgument, "\"cdn_channel_key\" never changes");
  if (stored->target_duration_s != channel.target_duration_s || stored->max_duration_s != channel.max_duration_s) {
    return fail(Code::kInvalidArgument, "\"target_duration\" and \"max_duration\" never change: make a new channel");
  }
  channel.on_air_wanted = stored->on_air_wanted;
  ++channel.version;
  AIRCHECK_TRY_VOID(validate(channel));
  AIRCHECK_TRY_VOID(check_unique(channel));
  return channel;
}

core::Result<Channel> ChannelStore::update(const Channel& channel, core::Utc now) {
  AIRCHECK_TRY_VOID(update_all({channel}, now));
  return *find(channel.id);
}

core::Result<void> ChannelStore::update_all(const std::vector<Channel>& channels, core::Utc now) {
  std::vector<Channel> next;
  for (const Channel& channel : channels) {
    AIRCHECK_TRY(Channel changed, next_version(channel));
    next.push_back(std::move(changed));
  }
  const auto write = [&]() -> core::Result<void> {
    for (const Channel& channel : next) AIRCHECK_TRY_VOID(write_row(*database_, channel, now));
    return {};
  };
  AIRCHECK_TRY_VOID(database_->transaction(write));
  for (const Channel& channel : next) {
    *std::find_if(channels_.begin(), channels_.end(), [&](const Channel& c) { return c.id == channel.id; }) = channel;
  }
  for (const Channel& channel : next) changed(channel.id);
  return {};
}

core::Result<void> ChannelStore::remove(std::string_view id) {
  const auto stored = std::find_if(channels_.begin(), channels_.end(), [&](const Channel& c) { return c.id == id; });
  if (stored == channels_.end()) return fail(Code::kNotFound, "no channel " + std::string(id));
  AIRCHECK_TRY(store::Statement statement, database_->prepare("DELETE FROM channels WHERE id = ?"));
  const std::string removed = stored->id;
  AIRCHECK_TRY_VOID(statement.bind(1, removed).run());
  channels_.erase(stored);
  changed(removed);
  return {};
}

core::Result<void> ChannelStore::set_on_air_wanted(std::string_view id, bool wanted) {
  const auto stored = std::find_if(channels_.begin(), channels_.end(), [&](const Channel& c) { return c.id == id; });
  if (stored == channels_.end()) return fail(Code::kNotFound, "no channel " + std::string(id));
  AIRCHECK_TRY(store::Statement statement, database_->prepare("UPDATE channels SET on_air_wanted = ? WHERE id = ?"));
  AIRCHECK_TRY_VOID(statement.bind(1, wanted).bind(2, id).run());
  stored->on_air_wanted = wanted;
  changed(stored->id);
  return {};
}

}  // namespace aircheck::channels
