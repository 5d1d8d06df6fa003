// GET /health and GET /ready, for supervisors and load balancers; without sign-in.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "http/router.hpp"

namespace aircheck::http {

struct HealthServices {
  // Name of the field and a cheap check of that dependency, in the order of the answer.
  std::vector<std::pair<std::string, std::function<core::Result<void>()>>> dependencies;
  // What is still missing before the station can serve; empty: it can.
  std::function<std::string()> missing;
};

void register_health_routes(Router& router, const HealthServices& services);

}  // namespace aircheck::http
