#include "http/routes_health.hpp"

#include "base/log.hpp"

namespace aircheck::http {

void register_health_routes(Router& router, const HealthServices& services) {
  // 200 as long as we can answer at all: restarting the daemon does not mend a full disk.
  router.get("/health", [services](const Request&, Responder responder) {
    base::Json body = base::Json::object({{"status", "healthy"}});
    for (const auto& [name, check] : services.dependencies) {
      const auto result = check();
      if (!result) base::log_warning("health", name + ": " + result.error().message);
      if (!result) body.set("status", "degraded");
      body.set(name, result ? "ok" : "error");
    }
    body.set("version", AIRCHECK_VERSION);
    responder.header("Cache-Control", "no-store").json(200, body);
  });
  router.get("/ready", [services](const Request&, Responder responder) {
    const std::string missing = services.missing();
    if (!missing.empty()) {
      return responder.problem({503, "not_ready", "not ready yet: " + missing, {}, {{"Retry-After", "1"}}});
    }
    responder.header("Cache-Control", "no-store").json(200, base::Json::object({{"status", "ready"}}));
  });
}

}  // namespace aircheck::http
