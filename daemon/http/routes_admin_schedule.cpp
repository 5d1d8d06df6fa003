#include "http/routes_admin_schedule.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "http/guide_query.hpp"
#include "http/if_match.hpp"
#include "http/programmes.hpp"

namespace aircheck::http {

namespace {

using channels::Channel;
using core::Code;
using core::fail;
using schedule::Entry;

core::Result<core::Utc> instant_field(const char* name, const std::string& text) {
  const auto instant = core::from_rfc3339(text);
  if (instant) return *instant;
  return fail(Code::kInvalidArgument,
              "\"" + std::string(name) + "\" has to be an RFC 3339 instant, as 2026-02-25T14:30:00Z");
}

core::Result<std::vector<std::string>> text_list(const char* name, const base::Json& json) {
  const auto wrong = [&] {
    return fail(Code::kInvalidArgument, "\"" + std::string(name) + "\" has to be an array of strings");
  };
  if (json.as_array() == nullptr) return wrong();
  std::vector<std::string> texts;
  for (const base::Json& item : *json.as_array()) {
    if (item.as_string() == nullptr) return wrong();
    texts.push_back(*item.as_string());
  }
  return texts;
}

// Members that are absent keep what `entry` has, null clears (RFC 7396).
core::Result<void> merge(base::JsonReader& in, Entry& entry) {
  in.merge("title", entry.title);
  in.merge("description", entry.description);
  in.merge("sub_title", entry.sub_title);
  in.merge("episode_num", entry.episode_num);
  in.merge("icon_url", entry.icon_url);
  for (auto [name, field] : {std::pair{"start", &entry.start}, std::pair{"end", &entry.end}}) {
    if (in.is_null(name)) return fail(Code::kInvalidArgument, "\"" + std::string(name) + "\" cannot be null");
    const auto given = in.optional<std::string>(name);
    if (!given) continue;
    AIRCHECK_TRY(*field, instant_field(name, *given));
  }
  if (in.is_null("categories")) entry.categories.clear();
  if (const auto categories = in.optional<base::Json>("categories")) {
    AIRCHECK_TRY(entry.categories, text_list("categories", *categories));
  }
  entry.catchup_eligible = in.optional<bool>("catchup_eligible").value_or(entry.catchup_eligible);
  return in.finish();
}

// Eligibility is a right, which no source of a schedule knows: an operator sets it on anybody's entries.
bool changes_only_eligibility(const base::Json& body) {
  const auto* members = body.as_object();
  return members != nullptr && !members->empty() &&
         std::ranges::all_of(*members, [](const auto& member) { return member.first == "catchup_eligible"; });
}

class AdminSchedule {
 public:
  static constexpr access::Role kRole = access::Role::kOperator;

  explicit AdminSchedule(AdminScheduleServices services) : services_(std::move(services)) {}

  void list(const Request& request, Responder responder) const {
    if (!services_.authenticator.with_role(request, responder, kRole)) return;
    responder.header("Cache-Control", "no-store");
    const auto query = read_guide_query(services_.channels, services_.now(), request);
    if (!query) return responder.error(query.error());
    std::vector<std::pair<std::string, std::pair<const Channel*, Entry>>> found;
    for (const Channel& channel : services_.channels.all()) {
      if (!query->wants(channel)) continue;
      for (Entry& entry : services_.guide.entries(channel.id, query->from, query->to)) {
        std::string key = sort_key(entry.start.ns, channel.number);
        found.emplace_back(std::move(key), std::pair(&channel, std::move(entry)));
      }
    }
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    responder.json(200,
                   page_of(found, query->page, [](const auto& item) { return to_json(*item.first, item.second); }));
  }

  void get(const Request& request, Responder responder) const {
    if (!admitted(request, responder)) return;
    if (const auto entry = find(request, responder)) answer(200, *entry, responder);
  }

  void create(const Request& request, Responder responder) const {
    if (!admitted(request, responder)) return;
    const auto body = request.json();
    if (!body) return responder.error(body.error());
    base::JsonReader in(*body);
    Entry entry{.id = base::random_uuid()};
    const auto channel_id = in.required<std::string>("channel_id");
    // Named as missing, not as empty.
    for (const char* name : {"title", "start", "end"}) static_cast<void>(in.required<std::string>(name));
    if (const auto merged = merge(in, entry); !merged) return responder.error(merged.error());
    const Channel* channel = services_.channels.find(channel_id);
    if (channel == nullptr) return responder.problem(base::not_found("there is no such channel"));
    if (!is_manual(*channel, responder)) return;
    entry.channel_id = channel->id;
    if (const auto stored = services_.guide.insert(entry, "manual", services_.now()); !stored) {
      return refuse(stored.error(), responder);
    }
    responder.header("Location", "/api/v1/admin/schedule/" + entry.id);
    answer(201, *services_.guide.entry(entry.id), responder);
  }

  void change(const Request& request, Responder responder) const {
    if (!admitted(request, responder)) return;
    auto entry = find(request, responder);
    if (!entry || !if_match(request, version_etag(entry->version), "schedule entry", responder)) return;
    const auto body = request.json();
    if (!body) return responder.error(body.error());
    if (!changes_only_eligibility(*body) && !is_by_hand(*entry, responder)) return;
    base::JsonReader in(*body);
    if (const auto merged = merge(in, *entry); !merged) return responder.error(merged.error());
    const auto stored = services_.guide.update(*entry, services_.now());
    if (!stored) return refuse(stored.error(), responder);
    answer(200, *stored, responder);
  }

  void remove(const Request& request, Responder responder) const {
    if (!admitted(request, responder)) return;
    const auto entry = find(request, responder);
    if (!entry || !if_match(request, version_etag(entry->version), "schedule entry", responder)) return;
    if (!is_by_hand(*entry, responder)) return;
    const auto removed = services_.guide.remove(entry->id, services_.now());
    if (!removed) return responder.error(removed.error());
    responder.empty(204);
  }

 private:
  [[nodiscard]] bool admitted(const Request& request, Responder& responder) const {
    return services_.authenticator.admits(request, responder, kRole, {}).has_value();
  }

  std::optional<Entry> find(const Request& request, Responder& responder) const {
    auto entry = services_.guide.entry(request.param("schedule_entry_id"));
    if (!entry) responder.problem(base::not_found("there is no such schedule entry"));
    return entry;
  }

  static bool is_manual(const Channel& channel, Responder& responder) {
    if (channel.schedule_source == "manual") return true;
    responder.problem(base::conflict("schedule_source", "the schedule of channel " + channel.key + " is " +
                                                            channel.schedule_source +
                                                            ": set its schedule_source to manual first"));
    return false;
  }
  // The entry and its channel: what another source wrote before is not ours to rewrite.
  bool is_by_hand(const Entry& entry, Responder& responder) const {
    const Channel* channel = services_.channels.find(entry.channel_id);
    if (channel == nullptr || !is_manual(*channel, responder)) return false;
    if (entry.source == "manual") return true;
    responder.problem(base::conflict(
        "schedule_source", "this entry is " + entry.source + ": only its catchup_eligible can be changed by hand"));
    return false;
  }

  static void refuse(const core::Error& error, Responder& responder) {
    if (error.code == Code::kConflict) return responder.problem(base::conflict("overlap", error.message));
    responder.error(error);
  }

  static base::Json to_json(const Channel& channel, const Entry& entry) {
    base::Json json = programme_json(entry);
    json.set("channel_id", channel.id);
    json.set("cdn_channel_key", channel.key);
    json.set("catchup_eligible", entry.catchup_eligible);
    json.set("source", entry.source);
    json.set("etag", version_etag(entry.version));
    return json;
  }
  void answer(int status, const Entry& entry, Responder& responder) const {
    const Channel* channel = services_.channels.find(entry.channel_id);
    if (channel == nullptr) return responder.problem(base::not_found("there is no such channel"));
    responder.header("ETag", version_etag(entry.version));
    responder.json(status, to_json(*channel, entry));
  }

  AdminScheduleServices services_;
};

}  // namespace

void register_admin_schedule_routes(Router& router, AdminScheduleServices services) {
  const auto bind = handlers_of(std::make_shared<const AdminSchedule>(services));
  router.get("/api/v1/admin/schedule", bind(&AdminSchedule::list));
  router.post("/api/v1/admin/schedule",
              services.idempotency.wrap(services.authenticator, bind(&AdminSchedule::create), AdminSchedule::kRole));
  router.get("/api/v1/admin/schedule/{schedule_entry_id}", bind(&AdminSchedule::get));
  router.patch("/api/v1/admin/schedule/{schedule_entry_id}", bind(&AdminSchedule::change));
  router.remove("/api/v1/admin/schedule/{schedule_entry_id}", bind(&AdminSchedule::remove));
}

}  // namespace aircheck::http
