// JSON Web Signature, compact serialization (RFC 7515 section 3.1), with HS256 and EdDSA over Ed25519 (RFC 8037).
//
// The verifying key decides the algorithm, never the token: each key has a type of its own, so that a public key can
// never serve as an HMAC secret (RFC 8725 sections 2.1 and 3.1).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/json.hpp"
#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::access {

// A secret for HMAC-SHA256, at least 32 bytes (RFC 7518 section 3.2). Clears itself.
class HmacSecret {
 public:
  static constexpr std::size_t kMinSize = 32;

  static core::Result<HmacSecret> from_bytes(core::ByteView bytes);
  HmacSecret(const HmacSecret&) = default;
  HmacSecret& operator=(const HmacSecret&) = default;
  HmacSecret(HmacSecret&&) = default;
  HmacSecret& operator=(HmacSecret&&) = default;
  ~HmacSecret();

  using Tag = std::array<std::uint8_t, 32>;
  [[nodiscard]] Tag authenticate(core::ByteView message) const;
  [[nodiscard]] bool verify(core::ByteView message,
                            core::ByteView tag) const;  // in constant time

 private:
  explicit HmacSecret(core::Bytes bytes) : bytes_(std::move(bytes)) {}
  core::Bytes bytes_;
};

struct Ed25519PublicKey {
  std::array<std::uint8_t, 32> bytes{};

  // The `x` of a JSON Web Key (RFC 8037 section 2): 43 characters of base64url.
  static core::Result<Ed25519PublicKey> from_base64url(std::string_view text);
};

using JwsKey = std::variant<HmacSecret, Ed25519PublicKey>;

// A token taken apart, its signature not yet checked. The views live as long as the token's text.
struct Jws {
  base::Json header;
  std::string key_id;  // `kid`, empty where there is none
  std::string type;    // `typ`, empty where there is none
  core::Bytes payload;
  std::string_view signing_input;
  core::Bytes signature;
};

inline constexpr std::size_t kMaxTokenSize = 4096;

// Exactly three parts of canonical base64url, a strict header, and no header parameter that would bring a key, a
// compression, an encoding or a nested token along.
core::Result<Jws> parse_jws(std::string_view token);

// kPermission unless the header's algorithm is the key's and the signature is right.
core::Result<void> verify_jws(const Jws& jws, const JwsKey& key);

// A token over the two JSON texts; the header has to say "alg":"HS256".
[[nodiscard]] std::string sign_hs256(std::string_view header, std::string_view payload, const HmacSecret& secret);

}  // namespace aircheck::access
