#include "http/programmes.hpp"

#include <algorithm>

namespace aircheck::http {

using access::Kind;

base::Json programme_json(const schedule::Entry& entry) {
  const auto null_or = [](const std::string& text) { return text.empty() ? base::Json() : base::Json(text); };
  base::Json categories = base::Json::array();
  for (const std::string& category : entry.categories) categories.push(category);
  base::Json json = base::Json::object({{"id", entry.id},
                                        {"title", entry.title},
                                        {"description", entry.description},
                                        {"start", core::to_rfc3339(entry.start)},
                                        {"end", core::to_rfc3339(entry.end)}});
  json.set("sub_title", null_or(entry.sub_title));
  json.set("episode_num", null_or(entry.episode_num));
  json.set("icon_url", null_or(entry.icon_url));
  json.set("categories", std::move(categories));
  return json;
}

ProgrammeViews::ProgrammeViews(const StreamServices& services, const access::Caller& caller,
                               const channels::Channel& channel, access::Protection protection)
    : services_(services),
      channel_(channel),
      protection_(protection),
      view_(services.gate.view(caller, channel.id)),
      now_(services.now()) {}

access::Decision ProgrammeViews::decide(const schedule::Entry& entry, Kind kind) const {
  access::AccessView view = view_;
  view.programmes = {{entry.start, entry.end, entry.catchup_eligible}};
  const core::Utc end = kind == Kind::kStartover ? std::min(entry.end, std::max(now_, entry.start + 1)) : entry.end;
  return access::decide({.kind = kind, .protection = protection_, .start = entry.start, .end = end, .now = now_}, view);
}

access::Decision ProgrammeViews::available(const schedule::Entry& entry, Kind kind) const {
  access::Decision decision = decide(entry, kind);
  if (!decision.allowed) return decision;
  const bool in_time = kind == Kind::kStartover ? entry.start <= now_ && now_ < entry.end : entry.end <= now_;
  if (!in_time) {
    decision.code = kind == Kind::kStartover ? "not_on_air" : "not_complete";
  } else if (!is_archived(entry)) {
    decision.code = "not_archived";
  }
  decision.allowed = decision.code.empty();
  return decision;
}

core::Utc ProgrammeViews::expires_at(const schedule::Entry& entry) const {
  return entry.end + std::int64_t{channel_.cutv_window_hours} * 3600 * core::kNsPerSecond;
}

bool ProgrammeViews::is_archived(const schedule::Entry& entry) const {
  const timeshift::SegmentIndex* index = services_.archive.index(channel_.id);
  return index != nullptr && timeshift::is_archived(*index, entry.start, entry.end);
}

StreamQuery programme_stream(const schedule::Entry& entry, Kind kind, access::Protection protection) {
  return {.kind = kind, .protection = protection, .start = entry.start, .end = entry.end};
}

base::Json ProgrammeViews::to_json(const schedule::Entry& entry) const {
  const bool over = entry.end <= now_;
  const bool on_air = entry.start <= now_ && !over;
  const access::Decision catchup = available(entry, Kind::kCatchup);
  const access::Decision startover = available(entry, Kind::kStartover);
  base::Json json = programme_json(entry);
  json.set("channel_id", channel_.id);
  json.set("cdn_channel_key", channel_.key);
  json.set("catchup_eligible", entry.catchup_eligible);
  json.set("catchup_available", catchup.allowed);
  json.set("startover_available", startover.allowed);
  json.set("expires_at", core::to_rfc3339(expires_at(entry)));
  // Of what makes sense at this moment: nothing keeps a viewer from what has not begun.
  const std::string why_not = over ? catchup.code : on_air ? startover.code : "";
  json.set("why_not", why_not.empty() ? base::Json() : base::Json(why_not));
  return json;
}

}  // namespace aircheck::http
