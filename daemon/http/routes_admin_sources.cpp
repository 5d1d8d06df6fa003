#include "http/routes_admin_sources.hpp"

#include <glib.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/if_match.hpp"
#include "http/paging.hpp"

namespace aircheck::http {

namespace {

using core::Code;
using core::fail;
using schedule::Source;

constexpr std::string_view kHidden = "***";

// Without the password, which may be given but not read.
std::string shown_url(const std::string& url) {
  g_autoptr(GUri) uri = g_uri_parse(url.c_str(), G_URI_FLAGS_ENCODED, nullptr);
  if (uri == nullptr || g_uri_get_userinfo(uri) == nullptr) return url;
  g_autofree char* hidden = g_uri_join(G_URI_FLAGS_ENCODED, g_uri_get_scheme(uri), kHidden.data(), g_uri_get_host(uri),
                                       g_uri_get_port(uri), g_uri_get_path(uri), g_uri_get_query(uri), nullptr);
  return hidden;
}

class AdminSources {
 public:
  static constexpr access::Role kRole = access::Role::kAdmin;

  explicit AdminSources(AdminSourcesServices services) : services_(std::move(services)) {}

  void list(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {"limit", "cursor"})) return;
    const auto page = read_page(request);
    if (!page) return responder.error(page.error());
    std::vector<std::pair<std::string, const Source*>> found;
    for (const Source& source : services_.sources.all()) found.emplace_back(source.name + "/" + source.id, &source);
    responder.json(200, page_of(found, *page, [&](const Source* source) { return to_json(*source); }));
  }

  void get(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    if (const Source* source = find(request, responder)) answer(200, *source, responder);
  }

  void create(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    const auto body = request.json();
    if (!body) return responder.error(body.error());
    base::JsonReader in(*body);
    Source source;
    if (const auto merged = merge(in, source); !merged) return responder.error(merged.error());
    const auto stored = services_.sources.insert(source, services_.now());
    if (!stored) return responder.error(stored.error());
    responder.header("Location", "/api/v1/admin/schedule/sources/" + stored->id);
    answer(201, *stored, responder);
  }

  void change(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    const Source* stored = find(request, responder);
    if (stored == nullptr || !matches(request, *stored, responder)) return;
    const auto body = request.json();
    if (!body) return responder.error(body.error());
    base::JsonReader in(*body);
    Source source = *stored;
    if (const auto merged = merge(in, source); !merged) return responder.error(merged.error());
    // What a client read and sends back stands for what it could not read.
    if (source.url == shown_url(stored->url)) source.url = stored->url;
    const auto updated = services_.sources.update(source, services_.now());
    if (!updated) return responder.error(updated.error());
    answer(200, *updated, responder);
  }

  void remove(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    const Source* stored = find(request, responder);
    if (stored == nullptr || !matches(request, *stored, responder)) return;
    const std::string id = stored->id;
    if (const auto removed = services_.sources.remove(id); !removed) return responder.error(removed.error());
    responder.empty(204);
  }

  void import(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    const Source* source = find(request, responder);
    if (source == nullptr) return;
    const auto begun = services_.importer.run(
        source->id, [responder](const base::Json& report) mutable { responder.json(200, report); });
    if (begun) return;
    if (begun.error().code != Code::kConflict) return responder.error(begun.error());
    responder.problem(base::conflict("import_running", begun.error().message));
  }

 private:
  [[nodiscard]] bool admitted(const Request& request, Responder& responder,
                              std::initializer_list<std::string_view> query) const {
    return services_.authenticator.admits(request, responder, kRole, query).has_value();
  }

  const Source* find(const Request& request, Responder& responder) const {
    const Source* source = services_.sources.find(request.param("source_id"));
    if (source == nullptr) responder.problem(base::not_found("there is no such schedule source"));
    return source;
  }
  static bool matches(const Request& request, const Source& source, Responder& responder) {
    return if_match(request, version_etag(source.version), "schedule source", responder);
  }

  // {"id in the file": "id or cdn_channel_key"}, merged (RFC 7396): null takes one away.
  core::Result<void> merge_channels(const base::Json& json, std::map<std::string, std::string>& mapped) const {
    if (json.as_object() == nullptr) return fail(Code::kInvalidArgument, "\"channels\" has to be an object");
    for (const auto& [name, value] : *json.as_object()) {
      if (value.is_null()) {
        mapped.erase(name);
        continue;
      }
      const auto* channel = value.as_string() != nullptr ? services_.channels.find(*value.as_string()) : nullptr;
      if (channel == nullptr) return fail(Code::kInvalidArgument, "\"channels." + name + "\" is no channel of ours");
      mapped[name] = channel->id;
    }
    return {};
  }

  core::Result<void> merge(base::JsonReader& in, Source& source) const {
    in.merge("name", source.name);
    in.merge("url", source.url);
    in.merge("file", source.file);
    in.merge("zone", source.zone);
    source.interval_minutes = in.optional<int>("interval_minutes").value_or(source.interval_minutes);
    if (const auto channels = in.optional<base::Json>("channels")) {
      AIRCHECK_TRY_VOID(merge_channels(*channels, source.channels));
    }
    return in.finish();
  }

  [[nodiscard]] base::Json to_json(const Source& source) const {
    const auto null_or = [](const std::string& text) { return text.empty() ? base::Json() : base::Json(text); };
    base::Json channels = base::Json::object();
    for (const auto& [name, id] : source.channels) channels.set(name, id);
    base::Json json = base::Json::object({{"id", source.id}, {"name", source.name}, {"zone", source.zone}});
    json.set("url", null_or(shown_url(source.url)));
    json.set("file", null_or(source.file));
    json.set("channels", std::move(channels));
    json.set("interval_minutes", source.interval_minutes);
    json.set("etag", version_etag(source.version));
    json.set("last_import", source.last_import ? base::Json(core::to_rfc3339(*source.last_import)) : base::Json());
    json.set("last_report", base::Json::parse(source.report).value_or(base::Json()));
    return json;
  }
  void answer(int status, const Source& source, Responder& responder) const {
    responder.header("ETag", version_etag(source.version));
    responder.json(status, to_json(source));
  }

  AdminSourcesServices services_;
};

}  // namespace

void register_admin_source_routes(Router& router, AdminSourcesServices services) {
  const auto bind = handlers_of(std::make_shared<const AdminSources>(services));
  const std::string one = "/api/v1/admin/schedule/sources/{source_id}";
  router.get("/api/v1/admin/schedule/sources", bind(&AdminSources::list));
  router.post("/api/v1/admin/schedule/sources",
              services.idempotency.wrap(services.authenticator, bind(&AdminSources::create), AdminSources::kRole));
  router.get(one, bind(&AdminSources::get));
  router.patch(one, bind(&AdminSources::change));
  router.remove(one, bind(&AdminSources::remove));
  router.post(one + "/import", bind(&AdminSources::import));
}

}  // namespace aircheck::http
