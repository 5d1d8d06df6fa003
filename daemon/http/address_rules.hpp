// Which addresses the station itself may connect to.
#pragma once

#include <gio/gio.h>

#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace aircheck::http {

// Public unicast addresses, and what an operator lists. Loopback, link-local, private, shared (RFC 6598), multicast and
// reserved blocks are not public, nor is an IPv6 address that embeds such an IPv4 address.
class AddressRules {
 public:
  // allowed: addresses or CIDR blocks; the error names the one that is neither.
  static core::Result<AddressRules> make(const std::vector<std::string>& allowed);

  [[nodiscard]] bool allows(GInetAddress* address) const;
  [[nodiscard]] bool allows(const std::string& address) const;

 private:
  struct Unref {
    void operator()(GInetAddressMask* mask) const { g_object_unref(mask); }
  };
  using Masks = std::vector<std::shared_ptr<GInetAddressMask>>;

  static core::Result<Masks> parse(const std::vector<std::string>& blocks);
  [[nodiscard]] static bool matches(const Masks& masks, GInetAddress* address);

  Masks allowed_;
  Masks refused_;
};

}  // namespace aircheck::http
