// Viewing sessions through the end of the daemon, an orderly one and a crash.
#include "support/station_process.hpp"

namespace aircheck {
namespace {

using base::Json;

class ViewingTest : public test::StationProcess {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(start({}, {{"AIRCHECK_ADMIN_PASSWORD", kPassword}}));
    token_ = sign_in();
    ASSERT_NO_FATAL_FAILURE(create_channel(token_));
  }
  void restart_after(int signal) {
    EXPECT_EQ(end(signal), signal == SIGTERM ? 0 : 128 + signal) << log();
    ASSERT_NO_FATAL_FAILURE(start());
  }
  std::string start_session() {
    const auto answer = send("POST", url("/api/v1/tstv/sessions"), token_,
                             Json::object({{"channel_id", "ch1"}, {"kind", "startover"}}));
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer.status == 201 ? *answer.json().find("id")->as_string() : "";
  }
  test::HttpResponse heartbeat(const std::string& id, int position) {
    return send("PUT", url("/api/v1/tstv/sessions/" + id), token_, Json::object({{"position_seconds", position}}));
  }
  Json stop(const std::string& id) {
    const auto answer = send("DELETE", url("/api/v1/tstv/sessions/" + id), token_, std::nullopt);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  Json listed() {
    const Json page = get(url("/api/v1/admin/sessions"), token_).json();
    const Json::Array* items = page.find("items") != nullptr ? page.find("items")->as_array() : nullptr;
    EXPECT_TRUE(items != nullptr && items->size() == 1U) << page.dump();
    return items != nullptr && items->size() == 1 ? items->front() : Json();
  }

  std::string token_;
};

TEST_F(ViewingTest, ACrashLosesNoSessionAndAnOrderlyEndNoHeartbeat) {
  const std::string id = start_session();
  ASSERT_EQ(heartbeat(id, 11).status, 200);
  ASSERT_NO_FATAL_FAILURE(restart_after(SIGKILL));
  EXPECT_TRUE(listed().find("ended_at")->is_null());
  ASSERT_EQ(heartbeat(id, 22).status, 200);
  ASSERT_NO_FATAL_FAILURE(restart_after(SIGTERM));
  EXPECT_EQ(*listed().find("position_seconds"), Json(22));
  EXPECT_TRUE(listed().find("ended_at")->is_null()) << "its player goes on";
  const Json stopped = stop(id);
  ASSERT_NO_FATAL_FAILURE(restart_after(SIGKILL));
  EXPECT_EQ(stop(id), stopped);
  EXPECT_EQ(heartbeat(id, 33).code(), "session_ended");
}

}  // namespace
}  // namespace aircheck
