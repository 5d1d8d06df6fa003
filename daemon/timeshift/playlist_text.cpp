#include "timeshift/playlist_text.hpp"

#include <zlib.h>

#include <functional>

namespace aircheck::timeshift {

using base::SharedBytes;
using base::text_of;

namespace {

constexpr std::size_t kPieceBytes = 96;  // what a slice of shared bytes takes besides them

// Whoever could make two texts with one hash would only fool himself: it tells versions of one URL apart.
std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

std::uint32_t crc_of(std::string_view text) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

// Deflate blocks that refer to nothing before them and end on a byte, so that others may follow.
std::string deflate_blocks(std::string_view text) {
  constexpr int kRaw = -15;
  constexpr int kMemory = 8;
  constexpr int kLevel = 4;  // rows resemble each other: more costs twice the time for a tenth of the size
  z_stream stream{};
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kRaw, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) return {};
  std::string out(deflateBound(&stream, static_cast<uLong>(text.size())) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FULL_FLUSH);
  const bool whole = result == Z_OK && stream.avail_in == 0 && stream.avail_out > 0;
  out.resize(whole ? out.size() - stream.avail_out : 0);
  deflateEnd(&stream);
  return out;
}

void append_little_endian(std::string& out, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

// RFC 1951 section 3.2.4.
void append_stored(std::string& out, std::string_view bytes, bool last) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  out += last ? '\1' : '\0';
  append_little_endian(out, length, 2);
  append_little_endian(out, ~length, 2);
  out += bytes;
}

}  // namespace

PlaylistText::PlaylistText(std::string_view text, std::string_view placeholder) {
  const SharedBytes whole = base::copy_of(text);
  std::size_t from = 0;
  const auto add = [&](std::size_t to) { pieces_.push_back(base::part_of(whole, from, to - from)); };
  while (!placeholder.empty()) {
    const std::size_t at = text.find(placeholder, from);
    if (at == std::string_view::npos) break;
    add(at);
    from = at + placeholder.size();
  }
  add(text.size());
  // A placeholder is another one in each run of the daemon, and is not what a client sees.
  for (const SharedBytes& piece : pieces_) hash_ = (hash_ ^ hash_of(text_of(piece))) * 0x100000001b3;
  size_bytes_ = text.size() + pieces_.size() * kPieceBytes;
}

void PlaylistText::compress() {
  for (const SharedBytes& piece : pieces_) {
    const std::string_view text = text_of(piece);
    Deflated deflated{deflate_blocks(text), crc_of(text), text.size()};
    if (deflated.bytes.empty()) return deflated_.clear();
    size_bytes_ += deflated.bytes.size() + sizeof deflated;
    deflated_.push_back(std::move(deflated));
  }
}

std::string PlaylistText::with_token(std::string_view token) const {
  std::string text;
  text.reserve(size_bytes_ + places() * token.size());
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (i > 0) text += token;
    text += text_of(pieces_[i]);
  }
  return text;
}

std::vector<SharedBytes> PlaylistText::pieces_with_token(std::string_view token) const {
  constexpr std::size_t kFewPlaces = 16;
  if (places() > kFewPlaces) return {base::keep(with_token(token))};
  const SharedBytes shared = base::copy_of(token);
  std::vector<SharedBytes> pieces;
  pieces.reserve(2 * pieces_.size());
  for (const SharedBytes& piece : pieces_) {
    if (!pieces.empty()) pieces.push_back(shared);
    pieces.push_back(piece);
  }
  return pieces;
}

std::string PlaylistText::gzip_with_token(std::string_view token) const {
  constexpr std::string_view kHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
  std::string out(kHeader);
  std::size_t compressed = 64;
  for (const Deflated& piece : deflated_) compressed += piece.bytes.size() + token.size() + 5;
  out.reserve(compressed);
  const std::uint32_t token_crc = crc_of(token);
  std::uint32_t crc = 0;
  std::size_t size = 0;
  const auto account = [&](std::uint32_t of, std::size_t length) {
    crc = static_cast<std::uint32_t>(crc32_combine(crc, of, static_cast<z_off_t>(length)));
    size += length;
  };
  for (std::size_t i = 0; i < deflated_.size(); ++i) {
    if (i > 0) {
      append_stored(out, token, false);
      account(token_crc, token.size());
    }
    out += deflated_[i].bytes;
    account(deflated_[i].crc, deflated_[i].size);
  }
  append_stored(out, {}, true);
  append_little_endian(out, crc, 4);
  append_little_endian(out, static_cast<std::uint32_t>(size), 4);
  return out;
}

std::size_t size_of(const SharedPlaylist& playlist) {
  return playlist->size_bytes();
}

}  // namespace aircheck::timeshift
