#include "access/jws.hpp"

#include <sodium.h>

#include <algorithm>

#include "core/secret.hpp"

namespace aircheck::access {

using core::ByteView;
using core::Code;
using core::fail;
using core::Result;

Result<HmacSecret> HmacSecret::from_bytes(ByteView bytes) {
  if (bytes.size() < kMinSize) {
    return fail(Code::kInvalidArgument, "a signing secret needs at least 32 bytes, this one has " +
                                            std::to_string(bytes.size()) + "; make one with: openssl rand -base64 32");
  }
  return HmacSecret(core::Bytes(bytes.begin(), bytes.end()));
}

HmacSecret::~HmacSecret() {
  core::wipe(bytes_.data(), bytes_.size());
}

HmacSecret::Tag HmacSecret::authenticate(ByteView message) const {
  Tag tag{};
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, bytes_.data(), bytes_.size());
  crypto_auth_hmacsha256_update(&state, message.data(), message.size());
  crypto_auth_hmacsha256_final(&state, tag.data());
  core::wipe(&state, sizeof state);
  return tag;
}

bool HmacSecret::verify(ByteView message, ByteView tag) const {
  const Tag expected = authenticate(message);
  return tag.size() == expected.size() && sodium_memcmp(tag.data(), expected.data(), expected.size()) == 0;
}

Result<Ed25519PublicKey> Ed25519PublicKey::from_base64url(std::string_view text) {
  Ed25519PublicKey key;
  const auto bytes = core::from_base64url(text);
  if (!bytes || bytes->size() != key.bytes.size()) {
    return fail(Code::kInvalidArgument, "an Ed25519 public key is 32 bytes as 43 characters of base64url");
  }
  std::copy(bytes->begin(), bytes->end(), key.bytes.begin());
  return key;
}

namespace {

// RFC 7515 section 4.1 and RFC 7797: each of these lets the token choose its own key, its own encoding, or asks for
// something that we do not know. `cty` announces a nested token.
constexpr std::string_view kForbiddenParameters[] = {"crit", "jku", "jwk", "x5u", "x5c", "zip", "b64", "cty"};

bool is_key_id(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), allowed);
}

Result<void> read_header(Jws& jws) {
  for (const std::string_view name : kForbiddenParameters) {
    if (jws.header.find(name) != nullptr) {
      return fail(Code::kParse, "token: header parameter '" + std::string(name) + "' is refused");
    }
  }
  if (const base::Json* key_id = jws.header.find("kid")) {
    if (key_id->as_string() == nullptr || !is_key_id(*key_id->as_string())) {
      return fail(Code::kParse, "token: 'kid' is not 1 to 64 characters of A-Z a-z 0-9 _ -");
    }
    jws.key_id = *key_id->as_string();
  }
  if (const base::Json* type = jws.header.find("typ")) {
    if (type->as_string() == nullptr || type->as_string()->empty())
      return fail(Code::kParse, "token: 'typ' is no text");
    jws.type = *type->as_string();
  }
  return {};
}

std::string_view algorithm_of(const JwsKey& key) {
  return std::holds_alternative<HmacSecret>(key) ? "HS256" : "EdDSA";
}

}  // namespace

Result<Jws> parse_jws(std::string_view token) {
  if (token.size() > kMaxTokenSize) return fail(Code::kParse, "token: longer than 4096 bytes");
  const std::size_t first = token.find('.');
  const std::size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return fail(Code::kParse, "token: not exactly three parts");
  }
  const auto header = core::from_base64url(token.substr(0, first));
  auto payload = core::from_base64url(token.substr(first + 1, second - first - 1));
  auto signature = core::from_base64url(token.substr(second + 1));
  if (!header || !payload || !signature) return fail(Code::kParse, "token: a part is not canonical base64url");

  Jws jws;
  auto parsed = base::Json::parse({reinterpret_cast<const char*>(header->data()), header->size()});
  if (!parsed || parsed->as_object() == nullptr) return fail(Code::kParse, "token: its header is no JSON object");
  jws.header = std::move(*parsed);
  jws.payload = std::move(*payload);
  jws.signature = std::move(*signature);
  jws.signing_input = token.substr(0, second);
  AIRCHECK_TRY_VOID(read_header(jws));
  return jws;
}

Result<void> verify_jws(const Jws& jws, const JwsKey& key) {
  const base::Json* algorithm = jws.header.find("alg");
  if (algorithm == nullptr || algorithm->as_string() == nullptr || *algorithm->as_string() != algorithm_of(key)) {
    return fail(Code::kPermission, "token: the algorithm is not the one of its issuer's key");
  }
  const ByteView message = core::as_bytes(jws.signing_input);
  if (const auto* secret = std::get_if<HmacSecret>(&key)) {
    if (secret->verify(message, jws.signature)) return {};
  } else {
    const auto& public_key = std::get<Ed25519PublicKey>(key);
    if (jws.signature.size() == crypto_sign_BYTES &&
        crypto_sign_verify_detached(jws.signature.data(), message.data(), message.size(), public_key.bytes.data()) ==
            0) {
      return {};
    }
  }
  return fail(Code::kPermission, "token: wrong signature");
}

std::string sign_hs256(std::string_view header, std::string_view payload, const HmacSecret& secret) {
  std::string token = core::to_base64url(core::as_bytes(header)) + '.' + core::to_base64url(core::as_bytes(payload));
  const HmacSecret::Tag tag = secret.authenticate(core::as_bytes(token));
  return token + '.' + core::to_base64url(tag);
}

}  // namespace aircheck::access
