#include "core/cenc_ivs.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace aircheck::core {

void IvHistory::set_first(const std::optional<TrackIvs>& first) {
  if (first) entries_.clear();
  first_ = first;
}

Result<TrackIvs*> IvHistory::use(const ContentKey& key) {
  Digest digest{};
  if (EVP_Digest(key.reveal().data(), key.reveal().size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1) {
    return fail(Code::kInternal, "libcrypto refuses SHA-256");
  }
  const auto found = std::ranges::find(entries_, digest, &Entry::key);
  if (found != entries_.end()) {
    std::rotate(entries_.begin(), found, found + 1);
    return &entries_.front().ivs;
  }
  if (first_) {
    entries_.push_front({digest, *first_});
  } else {
    AIRCHECK_TRY(const auto sequence, CencIvSequence::random());
    AIRCHECK_TRY(const auto constant, random_constant_iv());
    entries_.push_front({digest, {sequence, constant}});
  }
  if (entries_.size() > kCapacity) entries_.pop_back();
  return &entries_.front().ivs;
}

}  // namespace aircheck::core
