#include "base/log.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/json.hpp"
#include "base/problem.hpp"
#include "base/worker_pool.hpp"
#include "core/time.hpp"
#include "support/main_loop.hpp"

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

TEST(Log, SignaturesAndPassphrasesAreHiddenToo) {
  EXPECT_EQ(redact("GET /s.m4s?md5=abc&expires=5 srt://h?passphrase=top&mode=x"),
            "GET /s.m4s?md5=***&expires=5 srt://h?passphrase=***&mode=x");
  EXPECT_EQ(redact("Authorization: Basic dXNlcg=="), "Authorization: Basic ***");
}

class LogLines : public test::MainLoopTest {
 protected:
  void TearDown() override { install_log_writer(LogLevel::kInfo); }
  static std::string written(const std::function<void()>& body) {
    ::testing::internal::CaptureStderr();
    body();
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(LogLines, JsonLinesHaveTheFieldsAndNoSecrets) {
  install_log_writer(LogLevel::kInfo, LogFormat::kJson);
  const RequestScope scope(std::make_shared<const std::string>("req-1"));
  const std::string line = written([] {
    log_warning("http", "GET /x?token=abc \"quoted\"\nnext", "ch1");
    log_debug("http", "not wanted");
  });
  ASSERT_EQ(line.find('\n'), line.size() - 1) << line;
  const auto json = Json::parse(line);
  ASSERT_TRUE(json.has_value()) << line;
  const auto text = [&](const char* name) {
    return json->find(name) != nullptr ? *json->find(name)->as_string() : "-";
  };
  EXPECT_EQ(text("level"), "warning");
  EXPECT_EQ(text("area"), "http");
  EXPECT_EQ(text("channel"), "ch1");
  EXPECT_EQ(text("request_id"), "req-1");
  EXPECT_EQ(text("message"), "GET /x?token=*** \"quoted\" next");
  EXPECT_TRUE(core::from_rfc3339(text("time")).has_value()) << text("time");
}

TEST_F(LogLines, TheRequestFollowsTheWorkThatIsDoneForIt) {
  install_log_writer(LogLevel::kInfo);
  WorkerPool pool(1);
  bool done = false;
  const std::string lines = written([&] {
    {
      const RequestScope scope(std::make_shared<const std::string>("req-2"));
      pool.run([] { log_info("test", "on a thread"); },
               [&] {
                 log_info("test", "back again");
                 done = true;
               });
    }
    EXPECT_TRUE(run_until([&] { return done; }));
    log_info("test", "for nobody");
  });
  EXPECT_NE(lines.find(" info test: on a thread (request req-2)\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find(" info test: back again (request req-2)\n"), std::string::npos) << lines;
  EXPECT_NE(lines.find(" info test: for nobody\n"), std::string::npos) << lines;
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
