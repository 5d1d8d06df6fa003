#include "base/log.hpp"

#include <gtest/gtest.h>

#include "base/problem.hpp"

namespace aircheck::base {
namespace {

TEST(Log, SecretsInTextAreHidden) {
  EXPECT_EQ(redact("GET /hls/ch1/main.m3u8?token=abc.def&kind=live"), "GET /hls/ch1/main.m3u8?token=***&kind=live");
  EXPECT_EQ(redact("Authorization: Bearer abc.def"), "Authorization: Bearer ***");
  EXPECT_EQ(redact("open rtsp://user:pass@host/x"), "open rtsp://***@host/x");
  EXPECT_EQ(redact("see http://host/a@b"), "see http://host/a@b");
  EXPECT_EQ(redact("a\nb\x7f"), "a b ");
  EXPECT_EQ(redact("token="), "token=***");
}

TEST(Problem, BodyFollowsRfc9457) {
  Problem problem = conflict("not_complete", "wait");
  problem.members.emplace_back("upsell", Json::array());
  EXPECT_EQ(problem.to_json().dump(), R"({"type":"about:blank","title":"Conflict","status":409,"detail":"wait",)"
                                      R"("code":"not_complete","upsell":[]})");
}

TEST(Problem, InternalErrorsKeepTheirMessage) {
  const Problem problem = to_problem({core::Code::kIo, "/var/lib/aircheck/secrets: I/O error"});
  EXPECT_EQ(problem.status, 500);
  EXPECT_EQ(problem.detail.find("/var/lib"), std::string::npos);
  EXPECT_EQ(to_problem({core::Code::kNotFound, "no channel ch9"}).detail, "no channel ch9");
}

}  // namespace
}  // namespace aircheck::base
