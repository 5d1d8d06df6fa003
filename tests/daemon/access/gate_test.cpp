#include "access/gate.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace aircheck::access {
namespace {

using core::Utc;

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kNow = 1'772'000'000;

Utc in(std::int64_t seconds) {
  return Utc::from_seconds(kNow + seconds);
}

class GateTest : public ::testing::Test {
 protected:
  GateTest() {
    for (channels::Channel* channel : {&one_, &two_}) {
      *channel = channels_->insert(*channel, in(0)).value();
      for (int hour = -30; hour < 2; ++hour) {
        const schedule::Entry entry{.id = channel->key + "-" + std::to_string(hour),
                                    .channel_id = channel->id,
                                    .title = "Programme",
                                    .start = in(hour * kHour),
                                    .end = in((hour + 1) * kHour),
                                    .catchup_eligible = hour != -5};
        EXPECT_TRUE(guide_.insert(entry, "manual", in(0)));
      }
    }
  }

  Account add(const std::string& email, Role role = Role::kViewer) {
    return accounts_.create({.email = email, .role = role, .password_hash = "$", .channel_ids = std::nullopt}, in(0))
        .value();
  }
  // Whose package has this channel alone.
  Account add_for(const channels::Channel& channel) {
    return accounts_
        .create({.email = "few@example.org", .password_hash = "$", .channel_ids = std::vector<std::string>{channel.id}},
                in(0))
        .value();
  }
  // A caller who signed in.
  Caller signed_in(const Account& account) {
    const Session session = sessions_.begin(account.id, in(0)).value();
    return gate_.caller(issue_access_token(secret_, account.id, account.role, session.id, in(0)), nullptr, in(0))
        .value();
  }
  // The same account through the token of a URL.
  Caller by_url(const Caller& caller, Kind kind, Protection protection = Protection::kCenc) {
    const std::string token = gate_.playback_token(caller, one_.id, kind, protection, in(0));
    return gate_.caller(std::nullopt, &token, in(0)).value();
  }
  [[nodiscard]] std::string code(const Caller& caller, std::string_view channel, Kind kind,
                                 Protection protection = Protection::kCenc) const {
    return gate_.decide(caller, channel, {.kind = kind, .protection = protection, .now = in(0)}).code;
  }

  std::unique_ptr<store::Database> database_ =
      std::move(store::Database::open(":memory:", store::station_schema()).value());
  channels::Channel one_{.key = "ch1", .number = 1, .name = "One", .cutv_window_hours = 24};
  channels::Channel two_{.key = "ch2", .number = 2, .name = "Two", .cutv_window_hours = 24};
  std::unique_ptr<channels::ChannelStore> channels_ = std::move(channels::ChannelStore::open(*database_).value());
  Accounts accounts_{*database_};
  Sessions sessions_{*database_};
  Devices devices_{*database_};
  schedule::Guide guide_ = std::move(schedule::Guide::open(*database_).value());
  HmacSecret secret_ = HmacSecret::from_bytes(core::Bytes(32, 1)).value();
  JwtVerifier verifier_{{own_profile(secret_), shared_secret_profile(secret_, {Role::kViewer, Role::kOperator})}};
  PlaybackTokens tokens_{HmacSecret::from_bytes(core::Bytes(32, 2)).value()};
  Gate gate_{{.access_tokens = verifier_,
              .playback_tokens = tokens_,
              .accounts = accounts_,
              .sessions = sessions_,
              .devices = devices_,
              .guide = guide_,
              .channels = *channels_}};
};

TEST_F(GateTest, NobodyIsNobody) {
  EXPECT_FALSE(gate_.caller(std::nullopt, nullptr, in(0)));
  EXPECT_FALSE(gate_.caller("", nullptr, in(0)));
  const std::string empty;
  EXPECT_FALSE(gate_.caller(std::nullopt, &empty, in(0)));
  // A wrong token in the URL is not mended by a right header.
  const Caller mia = signed_in(add("mia@example.org"));
  const std::string bearer = issue_access_token(secret_, mia.account_id, Role::kViewer, mia.session_id, in(0));
  EXPECT_TRUE(gate_.caller(bearer, nullptr, in(0)));
  EXPECT_FALSE(gate_.caller(bearer, &empty, in(0)));
  // An access token is no playback token, nor the other way round.
  EXPECT_FALSE(gate_.caller(std::nullopt, &bearer, in(0)));
  EXPECT_FALSE(gate_.caller(gate_.playback_token(mia, one_.id, Kind::kLive, Protection::kCenc, in(0)), nullptr, in(0)));
}

TEST_F(GateTest, AViewerHasTheChannels) {
  const Caller mia = signed_in(add("mia@example.org"));
  EXPECT_EQ(code(mia, "ch1", Kind::kLive), "");
  EXPECT_EQ(code(mia, two_.id, Kind::kCatchup, Protection::kAes128), "");
  EXPECT_EQ(code(mia, "ch1", Kind::kLive, Protection::kClear), "protection_not_allowed");
  EXPECT_EQ(code(mia, "ch9", Kind::kLive), "not_found");
}

TEST_F(GateTest, AUrlGivesWhatItWasMadeFor) {
  const Caller url = by_url(signed_in(add("mia@example.org")), Kind::kStartover);
  EXPECT_EQ(code(url, "ch1", Kind::kStartover), "");
  EXPECT_EQ(code(url, one_.id, Kind::kStartover), "");
  EXPECT_EQ(code(url, "ch2", Kind::kStartover), "token_not_for_this");
  EXPECT_EQ(code(url, "ch1", Kind::kLive), "token_not_for_this");
  EXPECT_EQ(code(url, "ch1", Kind::kStartover, Protection::kAes128), "token_not_for_this");
  EXPECT_EQ(gate_.require(url, Role::kViewer).code, "role_not_allowed");
}

TEST_F(GateTest, WhatIsStoredOfAChannelThatIsNotEncryptedIsClear) {
  const Caller url = by_url(signed_in(add("mia@example.org")), Kind::kLive, Protection::kClear);
  const auto change = [&](bool encrypted) {
    channels::Channel changed = *channels_->find("ch1");
    changed.encrypted = encrypted;
    changed.allow_clear = true;
    ASSERT_TRUE(channels_->update(changed, in(0)));
  };
  change(true);
  EXPECT_EQ(code(url, "ch1", Kind::kLive, Protection::kClear), "");
  EXPECT_EQ(code(url, "ch1", Kind::kLive, Protection::kCenc), "token_not_for_this");
  change(false);
  EXPECT_EQ(code(url, "ch1", Kind::kLive, Protection::kClear), "");
  EXPECT_EQ(code(url, "ch1", Kind::kLive, Protection::kCenc), "");
  EXPECT_EQ(code(url, "ch1", Kind::kLive, Protection::kAes128), "token_not_for_this");
  EXPECT_EQ(code(url, "ch1", Kind::kCatchup, Protection::kCenc), "token_not_for_this");
  EXPECT_EQ(code(url, "ch2", Kind::kLive, Protection::kCenc), "token_not_for_this");
  const KeyPeriod key{one_.id, in(-2 * kHour), in(22 * kHour)};
  EXPECT_EQ(gate_.decide_key(url, key, Protection::kCenc, in(0)).code, "token_not_for_this") << "of its encrypted past";
}

TEST_F(GateTest, ThePolicyIsAskedAgainAtEachUse) {
  const Account account = add("mia@example.org");
  const Caller mia = signed_in(account);
  const Caller url = by_url(mia, Kind::kLive);
  ASSERT_TRUE(accounts_.set_enabled(account.id, false, in(0)));
  EXPECT_EQ(code(mia, "ch1", Kind::kLive), "account_disabled");
  EXPECT_EQ(code(url, "ch1", Kind::kLive), "account_disabled");
  ASSERT_TRUE(database_->execute("DELETE FROM users"));
  EXPECT_EQ(code(url, "ch1", Kind::kLive), "unauthorized");
}

// What was read for the request before is good for the next one only while nobody has changed it.
TEST_F(GateTest, WhoWasAllowedJustNowIsNotAfterAChange) {
  const Account account = add_for(one_);
  const Caller few = signed_in(account);
  const Caller device = gate_.device_caller(devices_.add(account.id, "box", in(kHour), in(0))->token, in(0)).value();
  const std::string by_session = gate_.playback_token(few, one_.id, Kind::kLive, Protection::kCenc, in(0));
  const std::string by_device = gate_.playback_token(device, one_.id, Kind::kLive, Protection::kCenc, in(0));
  const auto knows = [&](const std::string& token, std::int64_t at = 0) {
    return gate_.caller(std::nullopt, &token, in(at)).has_value();
  };
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(code(few, "ch1", Kind::kLive), "");
    EXPECT_EQ(code(few, "ch2", Kind::kLive), "channel_not_allowed");
    EXPECT_TRUE(knows(by_session) && knows(by_device));
  }
  EXPECT_FALSE(knows(by_device, kHour));
  ASSERT_TRUE(database_->execute("UPDATE user_channels SET channel_id = '" + two_.id + "'"));
  EXPECT_EQ(code(few, "ch1", Kind::kLive), "channel_not_allowed");
  EXPECT_EQ(code(few, "ch2", Kind::kLive), "");
  ASSERT_TRUE(accounts_.set_enabled(account.id, false, in(0)));
  EXPECT_EQ(code(few, "ch2", Kind::kLive), "account_disabled");
  ASSERT_TRUE(devices_.revoke(device.device->id, account.id));
  EXPECT_TRUE(knows(by_session));
  EXPECT_FALSE(knows(by_device));
  ASSERT_TRUE(sessions_.end_all_of(account.id, in(0)));
  EXPECT_FALSE(knows(by_session));
}

TEST_F(GateTest, OnlyTheChannelsOfThePackage) {
  const Account account = add_for(two_);
  const Caller few = signed_in(account);
  EXPECT_EQ(code(few, "ch1", Kind::kLive), "channel_not_allowed");
  EXPECT_EQ(code(few, "ch2", Kind::kLive), "");
}

TEST_F(GateTest, WindowsAreCheckedAgainstTheGuide) {
  const Caller mia = signed_in(add("mia@example.org"));
  const auto window = [&](std::int64_t from, std::int64_t to) {
    return gate_.decide(mia, "ch1", {.kind = Kind::kCatchup, .start = in(from), .end = in(to), .now = in(0)});
  };
  const Decision good = window(-2 * kHour, -kHour);
  EXPECT_TRUE(good.allowed);
  EXPECT_EQ(good.expires_at, in(23 * kHour));
  EXPECT_EQ(window(-26 * kHour, -25 * kHour).code, "window_expired");
  EXPECT_EQ(window(-5 * kHour, -4 * kHour).code, "not_eligible");
  EXPECT_EQ(window(-4 * kHour, -3 * kHour).code, "");
  EXPECT_EQ(window(-6 * kHour, -5 * kHour + 1).code, "not_eligible");
}

TEST_F(GateTest, KeysFollowTheKindsOfTheToken) {
  const Caller mia = signed_in(add("mia@example.org"));
  const KeyPeriod present{one_.id, in(-2 * kHour), in(22 * kHour)};
  const KeyPeriod past{one_.id, in(-4 * kHour), in(-2 * kHour)};
  const KeyPeriod elsewhere{two_.id, in(-2 * kHour), in(22 * kHour)};
  const auto key = [&](const Caller& caller, const KeyPeriod& period, Protection protection = Protection::kCenc) {
    return gate_.decide_key(caller, period, protection, in(0)).code;
  };
  EXPECT_EQ(key(mia, present), "");
  EXPECT_EQ(key(mia, past), "");
  EXPECT_EQ(key(by_url(mia, Kind::kLive), present), "");
  EXPECT_EQ(key(by_url(mia, Kind::kLive), past), "key_not_current");
  EXPECT_EQ(key(by_url(mia, Kind::kCatchup), past), "");
  EXPECT_EQ(key(by_url(mia, Kind::kLive), elsewhere), "token_not_for_this");
  EXPECT_EQ(key(by_url(mia, Kind::kLive), present, Protection::kAes128), "token_not_for_this");
  EXPECT_EQ(key(by_url(mia, Kind::kLive, Protection::kAes128), present, Protection::kAes128), "");
}

TEST_F(GateTest, WhatIsLiveGoesByTheMediaAndNotByTheClock) {
  const Caller mia = by_url(signed_in(add("mia@example.org")), Kind::kLive);
  const KeyPeriod later{one_.id, in(kHour), in(2 * kHour)};
  EXPECT_EQ(gate_.decide_key(mia, later, Protection::kCenc, in(0)).code, "key_not_current");
  gate_.follow_media([this](const std::string& id) { return id == one_.id ? std::optional(in(kHour)) : std::nullopt; });
  EXPECT_EQ(gate_.decide_key(mia, later, Protection::kCenc, in(0)).code, "") << "the clock was set back by an hour";
}

TEST_F(GateTest, RolesAreReadAnew) {
  const Account account = add("ops@example.org", Role::kAdmin);
  const Caller ops = signed_in(account);
  EXPECT_TRUE(gate_.require(ops, Role::kAdmin).allowed);
  EXPECT_TRUE(gate_.require(ops, Role::kOperator).allowed);
  ASSERT_TRUE(database_->execute("UPDATE users SET role = 'operator'"));
  EXPECT_EQ(gate_.require(ops, Role::kAdmin).code, "role_not_allowed");
  EXPECT_TRUE(gate_.require(ops, Role::kOperator).allowed);
  EXPECT_TRUE(gate_.require(ops, Role::kViewer).allowed);
  ASSERT_TRUE(database_->execute("UPDATE users SET role = 'viewer'"));
  EXPECT_EQ(gate_.require(ops, Role::kOperator).code, "role_not_allowed");
  EXPECT_TRUE(gate_.require(ops, Role::kViewer).allowed);
  ASSERT_TRUE(sessions_.end_all_of(account.id, in(0)));
  EXPECT_EQ(gate_.require(ops, Role::kViewer).code, "unauthorized");
}

// Who holds the shared secret can write any token, but no session of this station.
TEST_F(GateTest, AForgedOwnTokenIsNoAdministrator) {
  const Account account = add("ops@example.org", Role::kAdmin);
  const std::string forged = issue_access_token(secret_, account.id, Role::kAdmin, "made up", in(0));
  EXPECT_FALSE(gate_.caller(forged, nullptr, in(0)));
}

TEST_F(GateTest, SigningOutEndsTheAccessTokenAtOnce) {
  const Account mia = add("mia@example.org");
  const Session session = sessions_.begin(mia.id, in(0)).value();
  const std::string bearer = issue_access_token(secret_, mia.id, mia.role, session.id, in(0));
  ASSERT_TRUE(gate_.caller(bearer, nullptr, in(0)));
  ASSERT_TRUE(sessions_.end(session.refresh_token, in(1)));
  EXPECT_FALSE(gate_.caller(bearer, nullptr, in(2)));
}

TEST_F(GateTest, SigningOutEndsTheUrlsToo) {
  const Account viewer = add("a@example");
  const Caller caller = signed_in(viewer);
  const Caller elsewhere = signed_in(viewer);
  const std::string token = gate_.playback_token(caller, one_.id, Kind::kLive, Protection::kCenc, in(0));
  const std::string other = gate_.playback_token(elsewhere, one_.id, Kind::kLive, Protection::kCenc, in(0));
  ASSERT_TRUE(gate_.caller(std::nullopt, &token, in(0)));
  ASSERT_TRUE(database_->execute("UPDATE sessions SET revoked_at = 1 WHERE id = '" + caller.session_id + "'"));
  EXPECT_FALSE(gate_.caller(std::nullopt, &token, in(0)));
  EXPECT_TRUE(gate_.caller(std::nullopt, &other, in(0))) << "of another session";
  ASSERT_TRUE(sessions_.end_all_of(viewer.id, in(0)));
  EXPECT_FALSE(gate_.caller(std::nullopt, &other, in(0)));
}

TEST_F(GateTest, ARevokedDeviceAndADeletedAccountHaveNothingMore) {
  const Account viewer = add("a@example");
  const NewDevice made = devices_.add(viewer.id, "box", in(365 * 24 * kHour), in(0)).value();
  const Caller device = gate_.device_caller(made.token, in(0)).value();
  EXPECT_EQ(gate_.require(device, Role::kViewer).code, "role_not_allowed") << "a device watches, and that is all";
  const std::string token = gate_.playback_token(device, one_.id, Kind::kLive, Protection::kCenc, in(0));
  const Caller by_token = gate_.caller(std::nullopt, &token, in(0)).value();
  const std::string of_session =
      gate_.playback_token(signed_in(viewer), one_.id, Kind::kLive, Protection::kCenc, in(0));
  ASSERT_TRUE(devices_.revoke(made.device.id, viewer.id));
  EXPECT_FALSE(gate_.caller(std::nullopt, &token, in(0)));
  ASSERT_TRUE(gate_.caller(std::nullopt, &of_session, in(0)));
  ASSERT_TRUE(database_->execute("DELETE FROM users WHERE id = '" + viewer.id + "'"));
  EXPECT_FALSE(gate_.caller(std::nullopt, &of_session, in(0)));
  EXPECT_EQ(code(by_token, one_.id, Kind::kLive), "unauthorized") << "also to who was let in a moment ago";
}

TEST_F(GateTest, AccountsOfAnotherServiceWatch) {
  const auto caller = [&](std::string_view claims) {
    return gate_.caller(sign_hs256(R"({"alg":"HS256"})", claims, secret_), nullptr, in(0)).value();
  };
  const Caller foreign = caller(R"({"sub":"42","role":"operator","exp":1772003600})");
  EXPECT_EQ(code(foreign, "ch1", Kind::kLive), "");
  EXPECT_EQ(code(by_url(foreign, Kind::kLive), "ch1", Kind::kLive), "");
  EXPECT_TRUE(gate_.require(foreign, Role::kOperator).allowed) << "as its profile is configured here";
  EXPECT_FALSE(gate_.require(foreign, Role::kAdmin).allowed);
  const Caller lapsed = caller(R"({"sub":"42","exp":1772003600,"subscription":"expired"})");
  EXPECT_EQ(code(lapsed, "ch1", Kind::kLive), "no_subscription");
}

TEST_F(GateTest, WhoeverIsLetInGetsUrlsThatWorkHoweverLongTheName) {
  const std::size_t longest = 255 - std::string("shared:").size();
  const auto caller = [&](std::size_t length) {
    const std::string claims = R"({"sub":")" + std::string(length, 'x') + R"(","exp":1772003600})";
    return gate_.caller(sign_hs256(R"({"alg":"HS256"})", claims, secret_), nullptr, in(0));
  };
  EXPECT_EQ(code(by_url(caller(longest).value(), Kind::kLive), "ch1", Kind::kLive), "");
  EXPECT_EQ(caller(longest + 1).error().code, core::Code::kParse);
}

}  // namespace
}  // namespace aircheck::access
