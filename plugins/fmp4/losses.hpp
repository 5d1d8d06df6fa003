// Which segments could not be kept, so that the beginning and the end of it are told once each. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace aircheck::fmp4 {

struct Loss {
  std::uint64_t segments = 0;
  std::int64_t duration_ns = 0;

  friend bool operator==(const Loss&, const Loss&) = default;
};

class Losses {
 public:
  // Something failed. True when all was well before: the trouble begins.
  bool trouble() { return !std::exchange(in_trouble_, true); }

  void lose(std::int64_t duration_ns) {
    ++loss_.segments;
    loss_.duration_ns += duration_ns;
  }

  // All went well: what was lost in the trouble that is now over, nothing where there was none.
  std::optional<Loss> well() {
    if (!std::exchange(in_trouble_, false)) return std::nullopt;
    return std::exchange(loss_, {});
  }

 private:
  bool in_trouble_ = false;
  Loss loss_;
};

}  // namespace aircheck::fmp4
