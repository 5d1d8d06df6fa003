// Programmes as the viewer's lists show them.
#pragma once

#include <optional>
#include <string>

#include "access/gate.hpp"
#include "base/json.hpp"
#include "channels/channel.hpp"
#include "http/streams.hpp"
#include "schedule/guide.hpp"

namespace aircheck::http {

// What a caller can do with programmes of one channel: account and channel are read once for a whole list.
class ProgrammeViews {
 public:
  ProgrammeViews(const StreamServices& services, const access::Caller& caller, const channels::Channel& channel,
                 access::Protection protection = access::Protection::kCenc);

  // The policy's answer for the programme as start-over (of its part until now) or catch-up.
  [[nodiscard]] access::Decision decide(const schedule::Entry& entry, access::Kind kind) const;
  // As decide(), and the archive has something of it. Start-over: it is on air; catch-up: it is over.
  [[nodiscard]] access::Decision available(const schedule::Entry& entry, access::Kind kind) const;

  // When catch-up of it ends.
  [[nodiscard]] core::Utc expires_at(const schedule::Entry& entry) const;
  [[nodiscard]] bool is_archived(const schedule::Entry& entry) const;
  // An entry of the guide: what it is, when, and what can be done with it.
  [[nodiscard]] base::Json to_json(const schedule::Entry& entry) const;

 private:
  const StreamServices& services_;
  const channels::Channel& channel_;
  access::Protection protection_;
  access::AccessView view_;
  core::Utc now_;
};

// The stream of the whole programme.
[[nodiscard]] StreamQuery programme_stream(const schedule::Entry& entry, access::Kind kind,
                                           access::Protection protection);

// id, title, description, start, end, sub_title, episode_num, icon_url, categories.
[[nodiscard]] base::Json programme_json(const schedule::Entry& entry);

}  // namespace aircheck::http
