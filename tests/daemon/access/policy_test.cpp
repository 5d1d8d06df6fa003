#include "access/policy.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::access {
namespace {

using core::Utc;

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kNow = 1'772'000'000;

// Seconds from now.
Utc in(std::int64_t seconds) {
  return Utc::from_seconds(kNow + seconds);
}

// A channel with everything, 24 hours of window, one-hour programmes from 48
// hours ago to 2 hours ahead; the running one began half an hour ago.
struct Setting {
  AccessRequest request{.now = in(0)};
  AccessView view{.account = {.signed_in = true},
                  .channel = {.exists = true,
                              .tstv_enabled = true,
                              .startover_enabled = true,
                              .catchup_enabled = true,
                              .cutv_window_hours = 24,
                              .encrypted = true,
                              .allow_aes128 = true}};

  Setting() {
    for (int hour = -48; hour < 2; ++hour) {
      view.programmes.push_back({in(hour * kHour - 1800), in((hour + 1) * kHour - 1800), true});
    }
  }

  // The programme that began `hours` whole hours before the running one.
  ProgrammeView& ago(int hours) { return view.programmes.at(static_cast<std::size_t>(48 - hours)); }

  void window(Kind kind, std::optional<Utc> start, std::optional<Utc> end) {
    request.kind = kind;
    request.start = start;
    request.end = end;
  }
  void watch(Kind kind, const ProgrammeView& programme) { window(kind, programme.start, programme.end); }
  void key(Kind kind, std::int64_t from, std::int64_t to) {
    window(kind, in(from), in(to));
    request.subject = Subject::kKey;
  }
};

struct Case {
  std::string_view name;
  std::function<void(Setting&)> change;
  std::string_view code;  // "" = allowed
};

void run(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    Setting setting;
    c.change(setting);
    const Decision decision = decide(setting.request, setting.view);
    EXPECT_EQ(decision.code, c.code) << c.name;
    EXPECT_EQ(decision.allowed, c.code.empty()) << c.name;
    EXPECT_EQ(decision.message.empty(), c.code.empty()) << c.name;
  }
}

TEST(Policy, AccountAndChannel) {
  run({
      {"live", [](Setting&) {}, ""},
      {"nobody", [](Setting& s) { s.view.account.signed_in = false; }, "unauthorized"},
      {"switched off", [](Setting& s) { s.view.account.enabled = false; }, "account_disabled"},
      {"an alert account", [](Setting& s) { s.view.account.role = Role::kAlert; }, "role_not_allowed"},
      {"an operator", [](Setting& s) { s.view.account.role = Role::kOperator; }, ""},
      {"no subscription", [](Setting& s) { s.view.account.subscription_active = false; }, "no_subscription"},
      {"no such channel", [](Setting& s) { s.view.channel.exists = false; }, "not_found"},
      {"another package", [](Setting& s) { s.view.account.channel_allowed = false; }, "channel_not_allowed"},
      {"nobody learns of a channel",
       [](Setting& s) {
         s.view.account.signed_in = false;
         s.view.channel.exists = false;
       },
       "unauthorized"},
  });
}

TEST(Policy, Protection) {
  const auto with = [](
                        Protection protection, std::function<void(ChannelView&)> change = [](ChannelView&) {}) {
    return [=](Setting& s) {
      s.request.protection = protection;
      change(s.view.channel);
    };
  };
  run({
      {"cenc", with(Protection::kCenc), ""},
      {"aes-128", with(Protection::kAes128), ""},
      {"aes-128 not given", with(Protection::kAes128, [](ChannelView& c) { c.allow_aes128 = false; }),
       "protection_not_allowed"},
      {"aes-128 of a clear archive", with(Protection::kAes128, [](ChannelView& c) { c.encrypted = false; }),
       "protection_not_allowed"},
      {"clear not given", with(Protection::kClear), "protection_not_allowed"},
      {"clear given", with(Protection::kClear, [](ChannelView& c) { c.allow_clear = true; }), ""},
      {"clear archive", with(Protection::kClear, [](ChannelView& c) { c.encrypted = false; }), ""},
  });
}

TEST(Policy, Kind) {
  const auto flags = [](Kind kind, bool tstv, bool startover, bool catchup) {
    return [=](Setting& s) {
      s.request.kind = kind;
      s.view.channel.tstv_enabled = tstv;
      s.view.channel.startover_enabled = startover;
      s.view.channel.catchup_enabled = catchup;
    };
  };
  run({
      {"live needs no flag", flags(Kind::kLive, false, false, false), ""},
      {"startover", flags(Kind::kStartover, true, true, false), ""},
      {"startover off", flags(Kind::kStartover, true, false, true), "kind_not_allowed"},
      {"startover, tstv off", flags(Kind::kStartover, false, true, true), "kind_not_allowed"},
      {"catchup", flags(Kind::kCatchup, true, false, true), ""},
      {"catchup off", flags(Kind::kCatchup, true, true, false), "kind_not_allowed"},
      {"catchup, tstv off", flags(Kind::kCatchup, false, true, true), "kind_not_allowed"},
  });
}

TEST(Policy, CatchupWindow) {
  run({
      {"the last programme", [](Setting& s) { s.watch(Kind::kCatchup, s.ago(1)); }, ""},
      {"the oldest inside", [](Setting& s) { s.watch(Kind::kCatchup, s.ago(24)); }, ""},
      {"one that has gone", [](Setting& s) { s.watch(Kind::kCatchup, s.ago(25)); }, "window_expired"},
      {"two, the first has gone", [](Setting& s) { s.window(Kind::kCatchup, s.ago(25).start, s.ago(24).end); },
       "window_expired"},
      {"a window that begins in one that has gone",
       [](Setting& s) { s.window(Kind::kCatchup, s.ago(25).end - 1, s.ago(24).end); }, "window_expired"},
      {"the gone one is not touched", [](Setting& s) { s.window(Kind::kCatchup, s.ago(25).end, s.ago(24).end); }, ""},
      {"not eligible",
       [](Setting& s) {
         s.ago(3).catchup_eligible = false;
         s.watch(Kind::kCatchup, s.ago(3));
       },
       "not_eligible"},
      {"reaches into one that is not eligible",
       [](Setting& s) {
         s.ago(3).catchup_eligible = false;
         s.window(Kind::kCatchup, s.ago(4).start, s.ago(4).end + 1);
       },
       "not_eligible"},
      {"beside one that is not eligible",
       [](Setting& s) {
         s.ago(3).catchup_eligible = false;
         s.watch(Kind::kCatchup, s.ago(4));
       },
       ""},
      {"the future", [](Setting& s) { s.window(Kind::kCatchup, in(1), in(60)); }, "window_future"},
      {"ends before it starts", [](Setting& s) { s.window(Kind::kCatchup, in(-60), in(-120)); }, "window_invalid"},
      {"empty", [](Setting& s) { s.window(Kind::kCatchup, in(-60), in(-60)); }, "window_invalid"},
      {"time without a programme",
       [](Setting& s) {
         s.view.programmes.clear();
         s.window(Kind::kCatchup, in(-23 * kHour), in(-22 * kHour));
       },
       ""},
      {"time without a programme that has gone",
       [](Setting& s) {
         s.view.programmes.clear();
         s.window(Kind::kCatchup, in(-25 * kHour), in(-22 * kHour));
       },
       "window_expired"},
      {"no window asked", [](Setting& s) { s.window(Kind::kCatchup, std::nullopt, std::nullopt); }, ""},
      {"reaches into a later one that is not eligible",
       [](Setting& s) {
         s.view.programmes.back().catchup_eligible = false;
         s.window(Kind::kCatchup, s.ago(0).start, s.view.programmes.back().end);
       },
       "not_eligible"},
  });
}

TEST(Policy, StartoverWindow) {
  run({
      {"the running programme", [](Setting& s) { s.window(Kind::kStartover, s.ago(0).start, std::nullopt); }, ""},
      {"with its end", [](Setting& s) { s.watch(Kind::kStartover, s.ago(0)); }, ""},
      {"the running one needs no catch-up right",
       [](Setting& s) {
         s.ago(0).catchup_eligible = false;
         s.watch(Kind::kStartover, s.ago(0));
       },
       ""},
      {"who began it may see it to its end",
       [](Setting& s) {
         s.ago(1).catchup_eligible = false;
         s.watch(Kind::kStartover, s.ago(1));
       },
       ""},
      {"but no longer than that",
       [](Setting& s) {
         s.ago(2).catchup_eligible = false;
         s.watch(Kind::kStartover, s.ago(2));
       },
       "not_eligible"},
      {"one that has gone", [](Setting& s) { s.window(Kind::kStartover, s.ago(25).start, std::nullopt); },
       "window_expired"},
      {"without catch-up, the running programme",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.window(Kind::kStartover, s.ago(0).start, std::nullopt);
       },
       ""},
      {"without catch-up, one of the past is no start-over",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.window(Kind::kStartover, s.ago(2).start, std::nullopt);
       },
       "not_eligible"},
      {"without catch-up, an hour without a programme",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.view.programmes.clear();
         s.window(Kind::kStartover, in(-1800), std::nullopt);
       },
       ""},
      {"without catch-up, a morning without a programme",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.view.programmes.clear();
         s.window(Kind::kStartover, in(-4 * kHour), std::nullopt);
       },
       "not_eligible"},
      {"without catch-up, from a hole into the running programme",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.view.programmes.erase(s.view.programmes.begin(), s.view.programmes.begin() + 48);
         s.window(Kind::kStartover, in(-4 * kHour), std::nullopt);
       },
       "not_eligible"},
      {"without catch-up, half a second before a long programme is no hole",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.ago(0).start = in(-4 * kHour);
         s.view.programmes.erase(s.view.programmes.begin(), s.view.programmes.begin() + 48);
         s.window(Kind::kStartover, in(-4 * kHour) - core::kNsPerSecond / 2, std::nullopt);
       },
       ""},
      {"the future", [](Setting& s) { s.window(Kind::kStartover, in(1), std::nullopt); }, "window_future"},
      {"live ignores a window", [](Setting& s) { s.window(Kind::kLive, s.ago(40).start, s.ago(40).end); }, ""},
  });
}

TEST(Policy, LiveKeys) {
  run({
      {"live, the key in use", [](Setting& s) { s.key(Kind::kLive, -12 * kHour, 12 * kHour); }, ""},
      {"live, the next key, early", [](Setting& s) { s.key(Kind::kLive, 300, 24 * kHour); }, ""},
      {"live, a later key", [](Setting& s) { s.key(Kind::kLive, kHour, 24 * kHour); }, "key_not_current"},
      {"live, the key still listed", [](Setting& s) { s.key(Kind::kLive, -24 * kHour, -60); }, ""},
      {"live, a key of the archive", [](Setting& s) { s.key(Kind::kLive, -25 * kHour, -kHour); }, "key_not_current"},
      {"live, the period has a programme that is over and may not be watched later",
       [](Setting& s) {
         s.ago(5).catchup_eligible = false;
         s.key(Kind::kLive, -12 * kHour, 12 * kHour);
       },
       "not_eligible"},
      {"live, the programme on air needs no right",
       [](Setting& s) {
         s.ago(0).catchup_eligible = false;
         s.key(Kind::kLive, -1800, 1800);
       },
       ""},
      {"live, nor does one that players still show",
       [](Setting& s) {
         s.ago(1).catchup_eligible = false;
         s.request.now = in(-1200);
         s.key(Kind::kLive, -5400, -1800);
       },
       ""},
      {"live without catch-up, programmes of this morning",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.key(Kind::kLive, -12 * kHour, 12 * kHour);
       },
       "not_eligible"},
      {"live without catch-up, the programme on air",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.key(Kind::kLive, -1800, 1800);
       },
       ""},
      {"live without catch-up nor guide, hours of this morning",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.view.programmes.clear();
         s.key(Kind::kLive, -12 * kHour, 12 * kHour);
       },
       "not_eligible"},
      {"live without catch-up nor guide, this hour",
       [](Setting& s) {
         s.view.channel.catchup_enabled = false;
         s.view.programmes.clear();
         const Utc hour =
             core::slot_start(core::slot_of(in(0), kHour * core::kNsPerSecond), kHour * core::kNsPerSecond);
         s.window(Kind::kLive, hour, hour + kHour * core::kNsPerSecond);
         s.request.subject = Subject::kKey;
       },
       ""},
  });
}

// The clock was set by an hour while the channel plays; what is live is what its media say.
TEST(Policy, AClockThatWasSetDoesNotMoveWhatIsLive) {
  const auto live_only = [](Setting& s, std::int64_t on_air) {
    s.view.channel.catchup_enabled = false;
    s.view.on_air = in(on_air);
  };
  run({
      {"forward, the key on air",
       [&](Setting& s) {
         live_only(s, -kHour);
         s.key(Kind::kLive, -5400, -1800);
       },
       ""},
      {"forward, a key of what the clock says",
       [&](Setting& s) {
         live_only(s, -kHour);
         s.key(Kind::kLive, 1800, 5400);
       },
       "key_not_current"},
      {"back, the key on air",
       [&](Setting& s) {
         live_only(s, kHour);
         s.key(Kind::kLive, 1800, 5400);
       },
       ""},
      {"back, a key of what the clock says is over on air",
       [&](Setting& s) {
         live_only(s, kHour);
         s.key(Kind::kLive, -5400, -1800);
       },
       "key_not_current"},
      {"forward, start-over of the programme on air",
       [&](Setting& s) {
         live_only(s, -2 * kHour);
         s.window(Kind::kStartover, in(-9000), in(-5400));
       },
       ""},
      {"back, start-over of the programme on air",
       [&](Setting& s) {
         live_only(s, kHour);
         s.window(Kind::kStartover, in(1800), std::nullopt);
       },
       ""},
      {"back, start-over of what has not been on air",
       [&](Setting& s) {
         live_only(s, kHour);
         s.window(Kind::kStartover, in(5400), std::nullopt);
       },
       "window_future"},
      {"back, catch-up of what has been on air",
       [](Setting& s) {
         s.view.on_air = in(kHour);
         s.window(Kind::kCatchup, in(600), in(1200));
       },
       ""},
      {"forward, what has expired has",
       [](Setting& s) {
         s.view.on_air = in(-48 * kHour);
         s.watch(Kind::kCatchup, s.ago(30));
       },
       "window_expired"},
  });
}

TEST(Policy, CatchupKeys) {
  run({
      {"catchup, a key of the archive", [](Setting& s) { s.key(Kind::kCatchup, -25 * kHour, -kHour); }, ""},
      {"catchup, a period that has begun to go", [](Setting& s) { s.key(Kind::kCatchup, -47 * kHour, -23 * kHour); },
       ""},
      {"catchup, a period that has gone", [](Setting& s) { s.key(Kind::kCatchup, -47 * kHour, -26 * kHour); },
       "window_expired"},
      {"catchup, a period without programmes that has begun to go",
       [](Setting& s) {
         s.view.programmes.clear();
         s.key(Kind::kCatchup, -47 * kHour, -23 * kHour);
       },
       ""},
      {"catchup, a period without programmes that has gone",
       [](Setting& s) {
         s.view.programmes.clear();
         s.key(Kind::kCatchup, -48 * kHour, -24 * kHour);
       },
       "window_expired"},
      {"catchup, a later key", [](Setting& s) { s.key(Kind::kCatchup, kHour, 24 * kHour); }, "window_future"},
      {"catchup, the period has a programme without rights",
       [](Setting& s) {
         s.ago(5).catchup_eligible = false;
         s.key(Kind::kCatchup, -12 * kHour, 12 * kHour);
       },
       "not_eligible"},
      {"catchup, a later programme without rights changes nothing yet",
       [](Setting& s) {
         s.view.programmes.back().catchup_eligible = false;
         s.key(Kind::kCatchup, -12 * kHour, 12 * kHour);
       },
       ""},
      {"catchup, its last programme is not over for long enough",
       [](Setting& s) { s.key(Kind::kCatchup, -26 * kHour, -24 * kHour - 60); }, ""},
      {"catchup, the next key, early", [](Setting& s) { s.key(Kind::kCatchup, 300, 24 * kHour); }, ""},
      {"catchup, the next key, of a programme without rights that has not begun",
       [](Setting& s) {
         s.request.now = in(1500);
         s.view.programmes.back().catchup_eligible = false;
         s.key(Kind::kCatchup, 1800, 5400);
       },
       "not_eligible"},
      {"a key without a period",
       [](Setting& s) {
         s.request.kind = Kind::kCatchup;
         s.request.subject = Subject::kKey;
       },
       "window_invalid"},
  });
}

TEST(Policy, StartoverKeys) {
  run({
      {"startover, the key in use opens a programme without rights",
       [](Setting& s) {
         s.ago(5).catchup_eligible = false;
         s.key(Kind::kStartover, -12 * kHour, 12 * kHour);
       },
       "not_eligible"},
      {"startover, the running programme has a key of its own",
       [](Setting& s) {
         s.ago(0).catchup_eligible = false;
         s.key(Kind::kStartover, -1800, 1800);
       },
       ""},
      {"startover, a key of the archive with a programme without rights",
       [](Setting& s) {
         s.ago(5).catchup_eligible = false;
         s.key(Kind::kStartover, -12 * kHour, -kHour);
       },
       "not_eligible"},
      {"startover switched off",
       [](Setting& s) {
         s.view.channel.startover_enabled = false;
         s.key(Kind::kStartover, -12 * kHour, 12 * kHour);
       },
       "kind_not_allowed"},
  });
}

TEST(Policy, SaysWhenItExpires) {
  Setting setting;
  setting.window(Kind::kCatchup, setting.ago(5).start, setting.ago(4).end);
  EXPECT_EQ(decide(setting.request, setting.view).expires_at, setting.ago(5).end + 24 * kHour * core::kNsPerSecond);

  setting.watch(Kind::kCatchup, setting.ago(30));
  const Decision expired = decide(setting.request, setting.view);
  EXPECT_EQ(expired.expires_at, setting.ago(30).end + 24 * kHour * core::kNsPerSecond);
  EXPECT_LE(*expired.expires_at, setting.request.now);
}

TEST(Policy, ExpiryIsExactToTheNanosecond) {
  Setting setting;
  setting.watch(Kind::kCatchup, setting.ago(3));
  const Utc expiry = setting.ago(3).end + 24 * kHour * core::kNsPerSecond;
  setting.request.now = expiry - 1;
  EXPECT_TRUE(decide(setting.request, setting.view).allowed);
  setting.request.now = expiry;
  EXPECT_EQ(decide(setting.request, setting.view).code, "window_expired");
}

TEST(Policy, RefusalsBecomeProblems) {
  const auto problem = [](std::string_view code) { return to_problem({.code = std::string(code), .message = "why"}); };
  EXPECT_EQ(problem("unauthorized").status, 401);
  EXPECT_EQ(problem("not_found").status, 404);
  EXPECT_EQ(problem("window_invalid").status, 400);
  EXPECT_EQ(problem("not_eligible").status, 403);
  EXPECT_EQ(problem("not_eligible").code, "not_eligible");
  EXPECT_EQ(problem("channel_not_allowed").members.at(0).first, "upsell");

  const base::Problem expired = to_problem({.code = "window_expired", .message = "why", .expires_at = in(0)});
  EXPECT_EQ(expired.status, 403);
  EXPECT_EQ(expired.headers.at(0), (std::pair<std::string, std::string>{"X-Expires-At", "2026-02-25T06:13:20Z"}));
}

TEST(Policy, NamesRoundTrip) {
  for (const Kind kind : {Kind::kLive, Kind::kStartover, Kind::kCatchup}) {
    EXPECT_EQ(kind_from_string(to_string(kind)), kind);
  }
  for (const Protection protection : {Protection::kCenc, Protection::kAes128, Protection::kClear}) {
    EXPECT_EQ(protection_from_string(to_string(protection)), protection);
  }
  EXPECT_EQ(kind_from_string("Live"), std::nullopt);
  EXPECT_EQ(protection_from_string(""), std::nullopt);
}

}  // namespace
}  // namespace aircheck::access
