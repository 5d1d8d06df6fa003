// Texts with %{...} in them, and what stands there in a given picture.
#pragma once

#include <glib.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.hpp"

namespace aircheck::drawtext {

// What is known of one picture: nothing of it depends on when it is drawn.
struct Moment {
  std::optional<core::Utc> utc;
  std::optional<std::uint64_t> pts;  // ns
  std::uint64_t frame = 0;           // pictures before it
  GTimeZone* zone = nullptr;         // of %{localtime}; null: UTC
  std::string channel;
  std::function<std::string(const std::string& key)> metadata;
};

class Expansion {
 public:
  // Never fails: what is no expansion stands as it is, and complaint() says so.
  //   %{utc:FMT} %{localtime:FMT}  strftime(3) fields; %3N: ms, as in date(1), 1 to 9 digits; without :FMT %F %T
  //   %{pts} %{frame} %{channel} %{metadata:KEY}
  //   %%{                          a plain %{
  static Expansion parse(std::string_view text);

  [[nodiscard]] bool is_constant() const { return constant_; }
  // Empty when the text is good.
  [[nodiscard]] const std::string& complaint() const { return complaint_; }

  // What is not known (no UTC, no such key) is empty. `escape`: values are escaped for Pango markup.
  [[nodiscard]] std::string expand(const Moment& moment, bool escape) const;

 private:
  enum class Kind { kLiteral, kUtc, kLocalTime, kPts, kFrame, kChannel, kMetadata };
  struct Part {
    Kind kind = Kind::kLiteral;
    std::string argument;  // the literal, the format or the key
  };

  static std::optional<Part> part_of(std::string_view inside);
  static std::string value_of(const Part& part, const Moment& moment);

  std::vector<Part> parts_;
  bool constant_ = true;
  std::string complaint_;
};

}  // namespace aircheck::drawtext
