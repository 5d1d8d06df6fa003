// What the running daemon answers on its control socket: `aircheckd stop`, `reload` and `rescan`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/config.hpp"
#include "channels/channel_store.hpp"
#include "core/result.hpp"
#include "operations/control_socket.hpp"
#include "timeshift/archive.hpp"

namespace aircheck::operations {

// Channels and archive have to live as long as requests can come.
struct Requests {
  const channels::ChannelStore& channels;
  timeshift::Archive& archive;
  // On an error nothing has changed.
  std::function<core::Result<std::vector<base::ConfigChange>>()> reload;
  // workers: keep, stop, or empty for what the configuration says.
  std::function<void(const std::string& workers)> stop;
};

[[nodiscard]] ControlSocket::Handler answer_with(Requests requests);

}  // namespace aircheck::operations
