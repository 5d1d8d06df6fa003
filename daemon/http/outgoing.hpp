// The one client with which the station fetches what others publish.
#pragma once

#include <memory>
#include <set>

#include "base/fetch.hpp"
#include "http/address_rules.hpp"

namespace aircheck::http {

// http and https. Every address that a host resolves to, of the first URL and of each redirect (at most five), has to
// be allowed, and the connection goes to the address that was looked at. User info of a URL is sent to its own origin
// only; a redirect from https to http is refused, and so is a certificate that the system does not trust. No proxy.
class Outgoing final : public base::Fetcher {
 public:
  explicit Outgoing(AddressRules rules);
  // Calls in flight end without an answer.
  ~Outgoing() override;
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  void fetch(base::FetchRequest request, Done done) override;

 private:
  class Call;

  AddressRules rules_;
  std::set<std::shared_ptr<Call>> calls_;
};

}  // namespace aircheck::http
