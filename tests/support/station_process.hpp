// aircheckd as a process of its own, with everything of its own below one directory, and requests to it.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/main_context.hpp"
#include "support/http_client.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {

class StationProcess : public HttpTest {
 protected:
  static constexpr const char* kPassword = "a test password";

  void TearDown() override {
    if (daemon_ != 0) end(SIGKILL);
  }

  static std::string program() { return std::string(g_getenv("AIRCHECK_TEST_BUILD_ROOT")) + "/daemon/aircheckd"; }
  [[nodiscard]] std::string state() const { return directory_ / "state"; }

  void launch(std::vector<std::string> options = {}, const std::map<std::string, std::string>& environment = {}) {
    std::vector<std::string> words = {program(), "--state", state(), "--port", "0"};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    char** envp = g_get_environ();
    envp = g_environ_setenv(envp, "AIRCHECK_RUN_DIR", (directory_ / "run").c_str(), TRUE);
    for (const auto& [name, value] : environment) envp = g_environ_setenv(envp, name.c_str(), value.c_str(), TRUE);
    std::filesystem::remove(directory_ / "log");
    const int log = open((directory_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    g_autoptr(GError) error = nullptr;
    const gboolean spawned = g_spawn_async_with_fds(nullptr, argv.data(), envp, G_SPAWN_DO_NOT_REAP_CHILD, nullptr,
                                                    nullptr, &daemon_, -1, log, log, &error);
    close(log);
    g_strfreev(envp);
    ASSERT_NE(spawned, FALSE) << error->message;
    url_.clear();
  }
  [[nodiscard]] std::string log() const { return directory_.read("log"); }
  // Until it says that it listens, and answers that it is ready.
  [[nodiscard]] bool reaches_ready() {
    const base::Timer tick = base::Timer::every(20, [] {});
    return run_until([&] {
             if (waitpid(daemon_, nullptr, WNOHANG) == daemon_) {
               ADD_FAILURE() << "aircheckd ended: " << log();
               daemon_ = 0;
               return true;
             }
             const std::string text = log();
             const std::size_t at = text.find("listening on http");
             if (at == std::string::npos) return false;
             url_ = text.substr(at + 13, text.find('\n', at) - at - 13);
             return get(url_ + "/ready").status == 200;
           }) &&
           daemon_ != 0;
  }
  void start(std::vector<std::string> options = {}, const std::map<std::string, std::string>& environment = {}) {
    launch(std::move(options), environment);
    ASSERT_TRUE(reaches_ready()) << log();
  }
  // The exit code, 128 + signal where one ended it.
  int end(int signal = SIGTERM) {
    kill(daemon_, signal);
    return wait_for_end();
  }
  int wait_for_end() {
    int status = 0;
    waitpid(std::exchange(daemon_, 0), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  // The program with the same state, as an operator runs it; both of its outputs.
  Finished command(const std::string& words) const {
    return run("AIRCHECK_RUN_DIR=" + (directory_ / "run") + " " + program() + " " + words + " --state " + state() +
               " 2>&1");
  }
  [[nodiscard]] std::string url(const std::string& path) const { return url_ + path; }

  std::string sign_in(const std::string& password = kPassword) {
    const auto answer =
        fetch({.method = "POST",
               .url = url("/api/v1/auth/login"),
               .body = base::Json::object({{"email", "admin@localhost"}, {"password", password}}).dump()});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.status == 200 ? *answer.json().find("access_token")->as_string() : std::string();
  }
  void create_channel(const std::string& token, const std::string& key = "ch1", int number = 1) {
    const auto created = send("POST", url("/api/v1/admin/channels"), token,
                              base::Json::object({{"cdn_channel_key", key}, {"number", number}, {"name", "One"}}));
    ASSERT_EQ(created.status, 201) << created.body;
  }

  TemporaryDirectory directory_;
  std::string url_;
  pid_t daemon_ = 0;
};

}  // namespace aircheck::test
