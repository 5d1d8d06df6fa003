#include "http/address_rules.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace aircheck::http {

namespace {

// IANA's special-purpose registries (RFC 6890) and multicast.
const std::vector<std::string>& special_blocks() {
  static const std::vector<std::string> kBlocks = {
      "0.0.0.0/8",      "10.0.0.0/8",   "100.64.0.0/10",  "127.0.0.0/8",    "169.254.0.0/16", "172.16.0.0/12",
      "192.0.0.0/24",   "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",  "198.51.100.0/24",
      "203.0.113.0/24", "224.0.0.0/4",  "240.0.0.0/4",    "::/96",          "100::/64",       "2001::/23",
      "2001:db8::/32",  "3fff::/20",    "fc00::/7",       "fe80::/10",      "fec0::/10",      "ff00::/8",
  };
  return kBlocks;
}

// IPv4 inside of IPv6: mapped (::ffff:0:0/96), NAT64 (64:ff9b::/96) and 6to4 (2002::/16). Null: nothing inside.
GInetAddress* embedded(GInetAddress* address) {
  if (g_inet_address_get_family(address) != G_SOCKET_FAMILY_IPV6) return nullptr;
  const auto* bytes = g_inet_address_to_bytes(address);
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static constexpr std::uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b};
  const bool tail = std::memcmp(bytes, kMapped, 12) == 0 || std::memcmp(bytes, kNat64, 12) == 0;
  if (tail) return g_inet_address_new_from_bytes(bytes + 12, G_SOCKET_FAMILY_IPV4);
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return g_inet_address_new_from_bytes(bytes + 2, G_SOCKET_FAMILY_IPV4);
  return nullptr;
}

}  // namespace

core::Result<AddressRules::Masks> AddressRules::parse(const std::vector<std::string>& blocks) {
  Masks masks;
  for (const std::string& block : blocks) {
    GInetAddressMask* mask = g_inet_address_mask_new_from_string(block.c_str(), nullptr);
    if (mask == nullptr) {
      return core::fail(core::Code::kInvalidArgument, "'" + block + "' is no address and no CIDR block");
    }
    masks.emplace_back(mask, Unref());
  }
  return masks;
}

core::Result<AddressRules> AddressRules::make(const std::vector<std::string>& allowed) {
  AddressRules rules;
  AIRCHECK_TRY(rules.allowed_, parse(allowed));
  AIRCHECK_TRY(rules.refused_, parse(special_blocks()));
  return rules;
}

bool AddressRules::matches(const Masks& masks, GInetAddress* address) {
  return std::ranges::any_of(
      masks, [&](const auto& mask) { return g_inet_address_mask_matches(mask.get(), address) != FALSE; });
}

bool AddressRules::allows(GInetAddress* address) const {
  if (matches(allowed_, address)) return true;
  if (matches(refused_, address)) return false;
  g_autoptr(GInetAddress) inside = embedded(address);
  return inside == nullptr || allows(inside);
}

bool AddressRules::allows(const std::string& address) const {
  g_autoptr(GInetAddress) parsed = g_inet_address_new_from_string(address.c_str());
  return parsed != nullptr && allows(parsed);
}

}  // namespace aircheck::http
