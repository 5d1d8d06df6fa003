#include "operations/requests.hpp"

#include <memory>
#include <utility>

#include "operations/commands.hpp"

namespace aircheck::operations {

namespace {

// One channel after the other, so that the disk serves viewers meanwhile; answered when all are done.
void rescan(const Requests& requests, const base::Json& request, const ControlSocket::Reply& reply) {
  std::vector<std::string> keys;
  const base::Json* wanted = request.find("channels");
  if (wanted != nullptr && wanted->as_array() != nullptr) {
    for (const base::Json& key : *wanted->as_array())
      keys.push_back(key.as_string() != nullptr ? *key.as_string() : "");
  }
  if (keys.empty()) {
    for (const channels::Channel& channel : requests.channels.all()) keys.push_back(channel.key);
  }
  for (const std::string& key : keys) {
    if (requests.channels.find(key) != nullptr) continue;
    return reply(base::Json::object({{"ok", false}, {"error", "there is no channel '" + key + "'"}}));
  }
  auto rest = std::make_shared<std::vector<std::string>>(keys.rbegin(), keys.rend());
  auto done = std::make_shared<base::Json>(base::Json::array());
  auto next = std::make_shared<std::function<void()>>();
  *next = [&known = requests.channels, &archive = requests.archive, rest, done, reply, self = std::weak_ptr(next)] {
    const auto again = self.lock();
    if (rest->empty()) return reply(base::Json::object({{"ok", true}, {"channels", *done}}));
    const std::string key = std::move(rest->back());
    rest->pop_back();
    const channels::Channel* const channel = known.find(key);
    if (channel == nullptr) return (*again)();
    archive.rebuild(channel->id, [key, done, reply, again](const core::Result<timeshift::Archive::Rebuilt>& rebuilt) {
      if (!rebuilt) {
        return reply(base::Json::object({{"ok", false}, {"error", key + ": " + rebuilt.error().message}}));
      }
      base::Json item = to_json(*rebuilt);
      item.set("cdn_channel_key", key);
      done->push(std::move(item));
      (*again)();
    });
  };
  (*next)();
}

void answer(const Requests& requests, const base::Json& request, const ControlSocket::Reply& reply) {
  const auto text = [&](const char* name) {
    const base::Json* value = request.find(name);
    return value != nullptr && value->as_string() != nullptr ? *value->as_string() : std::string();
  };
  const auto refuse = [&](const std::string& why) { reply(base::Json::object({{"ok", false}, {"error", why}})); };
  const std::string name = text("command");
  if (name == "rescan") return rescan(requests, request, reply);
  if (name == "stop") {
    const std::string workers = text("workers");
    if (!workers.empty() && workers != "keep" && workers != "stop") return refuse("workers: keep or stop");
    reply(base::Json::object({{"ok", true}}));
    return requests.stop(workers);
  }
  if (name != "reload") return refuse("unknown command '" + name + "'");
  const auto changes = requests.reload();
  if (!changes) return refuse(changes.error().message);
  base::Json changed = base::Json::array();
  base::Json later = base::Json::array();
  for (const base::ConfigChange& change : *changes) (change.live ? changed : later).push(change.name);
  reply(base::Json::object({{"ok", true}, {"changed", std::move(changed)}, {"needs_restart", std::move(later)}}));
}

}  // namespace

ControlSocket::Handler answer_with(Requests requests) {
  return [requests = std::move(requests)](const base::Json& request, const ControlSocket::Reply& reply) {
    answer(requests, request, reply);
  };
}

}  // namespace aircheck::operations
