#include "access/service.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "support/temporary_directory.hpp"

namespace aircheck::access {
namespace {

using core::Utc;

class ServiceTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory_;
  std::unique_ptr<store::Database> database_ =
      std::move(store::Database::open(":memory:", store::station_schema()).value());
  std::unique_ptr<channels::ChannelStore> channels_ = std::move(channels::ChannelStore::open(*database_).value());
  schedule::Guide guide_ = std::move(schedule::Guide::open(*database_).value());
  Utc now_ = Utc::from_seconds(1'772'000'000);

  core::Result<std::unique_ptr<Service>> open(ServiceOptions options = {}) {
    options.secrets_directory = directory_.path();
    options.admin_password = "from the operator";
    return Service::open(options, *database_, *channels_, guide_, [this] { return now_; });
  }
  [[nodiscard]] std::string token_of(const Service& service) const {
    return service.gate().playback_token({.account_id = "shared:1"}, "c", Kind::kLive, Protection::kCenc, now_);
  }
};

TEST_F(ServiceTest, ARestartKeepsWhatWasSigned) {
  std::string playback_token;
  {
    const auto service = std::move(open().value());
    playback_token = token_of(*service);
  }
  const std::string jwt_text = directory_.read("jwt-secret");
  const HmacSecret secret = HmacSecret::from_bytes(core::as_bytes(jwt_text)).value();
  const auto service = std::move(open().value());
  EXPECT_TRUE(service->gate().caller(std::nullopt, &playback_token, now_));
  EXPECT_TRUE(service->gate().caller(sign_hs256(R"({"alg":"HS256"})", R"({"sub":"42","exp":1772003600})", secret),
                                     nullptr, now_));
  EXPECT_EQ(directory_.read("jwt-secret"), jwt_text);
}

TEST_F(ServiceTest, AConfiguredSecretIsNotWrittenDown) {
  const std::string text = "a secret that another service knows too";
  const auto service = std::move(open({.jwt_secret = text}).value());
  const HmacSecret secret = HmacSecret::from_bytes(core::as_bytes(text)).value();
  EXPECT_TRUE(service->gate().caller(sign_hs256(R"({"alg":"HS256"})", R"({"sub":"42","exp":1772003600})", secret),
                                     nullptr, now_));
  EXPECT_EQ(directory_.read("jwt-secret"), "");
}

TEST_F(ServiceTest, MistakesNameTheirPlace) {
  const auto short_secret = open({.jwt_secret = "short"});
  ASSERT_FALSE(short_secret);
  EXPECT_NE(short_secret.error().message.find("JWT_SECRET"), std::string::npos);
  EXPECT_NE(short_secret.error().message.find("32"), std::string::npos);
  EXPECT_EQ(short_secret.error().message.find("short"), std::string::npos) << "the secret itself is not repeated";

  directory_.write("issuers.json", "{}");
  const auto issuers = open({.issuers_file = directory_ / "issuers.json"});
  ASSERT_FALSE(issuers);
  EXPECT_NE(issuers.error().message.find("issuers.json"), std::string::npos);
}

}  // namespace
}  // namespace aircheck::access
