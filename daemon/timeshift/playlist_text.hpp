// A playlist as it is for everybody, with places for the token of whoever asks: many viewers of one window share one
// text, and one compression of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/shared_bytes.hpp"
#include "timeshift/pooled_cache.hpp"

namespace aircheck::timeshift {

class PlaylistText {
 public:
  // `text` has `placeholder` wherever a token belongs; an empty placeholder is in no text.
  PlaylistText(std::string_view text, std::string_view placeholder);

  // Everything between the tokens, deflated: see with_token(). For pool threads.
  void compress();

  [[nodiscard]] std::size_t places() const { return pieces_.size() - 1; }
  [[nodiscard]] bool compressed() const { return !deflated_.empty(); }
  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }
  // The same for the same text, whatever the tokens are: part of an entity tag.
  [[nodiscard]] std::uint64_t hash() const { return hash_; }

  [[nodiscard]] std::string with_token(std::string_view token) const;
  // The same in pieces: where few tokens stand, everything else is what all viewers share, and nothing is copied.
  [[nodiscard]] std::vector<base::SharedBytes> pieces_with_token(std::string_view token) const;
  // The same as one gzip member (RFC 1952): pieces that were deflated each by itself, tokens as stored blocks between
  // them. Needs compress(). A token has less than 65,536 bytes.
  [[nodiscard]] std::string gzip_with_token(std::string_view token) const;
  // Pieces that are short compress badly each by itself; then the whole text is better compressed for each token.
  [[nodiscard]] bool compresses_in_pieces() const { return size_bytes_ >= kShortPiece * pieces_.size(); }

 private:
  static constexpr std::size_t kShortPiece = 1536;

  struct Deflated {
    std::string bytes;  // whole blocks, none of them the last one
    std::uint32_t crc;  // of what it inflates to
    std::size_t size;
  };

  std::vector<base::SharedBytes> pieces_;
  std::vector<Deflated> deflated_;
  std::size_t size_bytes_ = 0;
  std::uint64_t hash_ = 0;
};

using SharedPlaylist = std::shared_ptr<const PlaylistText>;
[[nodiscard]] std::size_t size_of(const SharedPlaylist& playlist);
using PlaylistCache = PooledCache<SharedPlaylist>;

}  // namespace aircheck::timeshift
