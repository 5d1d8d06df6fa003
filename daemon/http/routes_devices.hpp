// /api/v1/devices: the devices of the account that is signed in.
#pragma once

#include <functional>

#include "access/devices.hpp"
#include "core/time.hpp"
#include "http/authenticate.hpp"
#include "http/idempotency.hpp"
#include "http/router.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct DeviceServices {
  access::Devices& devices;
  const Authenticator& authenticator;
  Idempotency& idempotency;
  std::function<core::Utc()> now;
};

void register_device_routes(Router& router, DeviceServices services);

}  // namespace aircheck::http
