// decide(): the one place that says whether an account may have something. Pure: all that it knows stands in its
// arguments, so that every answer of the daemon, and one day a diagnosis, comes from the same table of rules.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/role.hpp"
#include "base/problem.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::access {

// What a playlist is; part of its URL and of its token, and it never changes.
enum class Kind { kLive, kStartover, kCatchup };
[[nodiscard]] std::string_view to_string(Kind kind);
[[nodiscard]] std::optional<Kind> kind_from_string(std::string_view text);

class KindSet {
 public:
  KindSet() = default;
  KindSet(std::initializer_list<Kind> kinds) {
    for (const Kind kind : kinds) bits_ |= bit(kind);
  }
  static KindSet all() { return {Kind::kLive, Kind::kStartover, Kind::kCatchup}; }
  // The byte of a playback token; fails on a kind that this version does not know.
  static core::Result<KindSet> from_bits(std::uint8_t bits);

  [[nodiscard]] bool contains(Kind kind) const { return (bits_ & bit(kind)) != 0; }
  [[nodiscard]] bool empty() const { return bits_ == 0; }
  [[nodiscard]] std::uint8_t bits() const { return bits_; }
  friend bool operator==(const KindSet&, const KindSet&) = default;

 private:
  static constexpr std::uint8_t bit(Kind kind) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind)); }
  std::uint8_t bits_ = 0;
};

// How the media bytes are protected on their way out.
enum class Protection { kCenc, kAes128, kClear };
[[nodiscard]] std::string_view to_string(Protection protection);
[[nodiscard]] std::optional<Protection> protection_from_string(std::string_view text);

enum class Subject {
  kWindow,  // the programmes between start and end; without a start: this kind
            // of viewing at all
  kKey,     // a content key that is in use between start and end (its crypto
            // period)
};

struct AccessRequest {
  Kind kind = Kind::kLive;
  Protection protection = Protection::kCenc;
  Subject subject = Subject::kWindow;
  std::optional<core::Utc> start;  // live takes no window
  std::optional<core::Utc> end;    // none: open, up to now
  core::Utc now;
};

struct ProgrammeView {
  core::Utc start;
  core::Utc end;
  bool catchup_eligible = true;
};

struct AccountView {
  bool signed_in = false;
  bool enabled = true;
  Role role = Role::kViewer;
  bool subscription_active = true;
  bool channel_allowed = true;
};

struct ChannelView {
  bool exists = false;
  bool tstv_enabled = false;  // gates start-over and catch-up both
  bool startover_enabled = false;
  bool catchup_enabled = false;
  int cutv_window_hours = 0;
  bool encrypted = true;  // false: the archive itself is clear
  bool allow_aes128 = false;
  bool allow_clear = false;
};

// What decide() looks at. `programmes` has every programme that the request's window touches, in order of start.
struct AccessView {
  AccountView account;
  ChannelView channel;
  std::vector<ProgrammeView> programmes;
  // How far the media of a channel on air have come. That is its own time: a clock that is set while it plays changes
  // nothing on air, and not what is live.
  std::optional<core::Utc> on_air;

  [[nodiscard]] core::Utc live_time(core::Utc now) const { return on_air.value_or(now); }
  // Nothing later has been on air.
  [[nodiscard]] core::Utc reached(core::Utc now) const { return std::max(now, live_time(now)); }
};

struct Decision {
  bool allowed = false;
  std::string code;     // why not; stable, what an API client switches on
  std::string message;  // why not, for the viewer
  // Allowed: when the first of the programmes asked for goes out of its window. Expired: when it went.
  std::optional<core::Utc> expires_at;
};

[[nodiscard]] Decision decide(const AccessRequest& request, const AccessView& view);

// A refusal as an answer: 401, 403, 404 or 400, with X-Expires-At and the `upsell` member where they belong.
[[nodiscard]] base::Problem to_problem(const Decision& refusal);

}  // namespace aircheck::access
