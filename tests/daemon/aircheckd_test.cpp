// aircheckd as a program: what it refuses to start with, and that it says so in one line.
#include <fcntl.h>
#include <glib.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck {
namespace {

struct Outcome {
  int exit_code = -1;
  std::string out;
  std::string err;
};

class AircheckdTest : public ::testing::Test {
 protected:
  Outcome run(std::vector<std::string> arguments, const std::map<std::string, std::string>& environment = {}) {
    arguments.insert(arguments.begin(), std::string(g_getenv("AIRCHECK_TEST_BUILD_ROOT")) + "/daemon/aircheckd");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    char** envp = g_get_environ();
    envp = g_environ_setenv(envp, "AIRCHECK_RUN_DIR", (directory_ / "run").c_str(), TRUE);
    for (const auto& [name, value] : environment) envp = g_environ_setenv(envp, name.c_str(), value.c_str(), TRUE);
    g_autofree char* out = nullptr;
    g_autofree char* err = nullptr;
    int status = 0;
    g_autoptr(GError) error = nullptr;
    if (g_spawn_sync(nullptr, argv.data(), envp, G_SPAWN_DEFAULT, nullptr, nullptr, &out, &err, &status, &error) ==
        FALSE) {
      ADD_FAILURE() << error->message;
    }
    g_strfreev(envp);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, out == nullptr ? "" : out, err == nullptr ? "" : err};
  }
  // Runs until it refuses; the last line of the log is the one error line.
  void expect_refusal(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
                      const std::vector<std::string>& names) {
    const Outcome outcome = run(arguments, environment);
    EXPECT_GT(outcome.exit_code, 0) << outcome.err;
    const std::size_t at = outcome.err.find("error: ");
    ASSERT_NE(at, std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find('\n', at), outcome.err.size() - 1) << "one line: " << outcome.err;
    EXPECT_EQ(outcome.err.find("error: ", at + 1), std::string::npos) << outcome.err;
    for (const std::string& name : names) EXPECT_NE(outcome.err.find(name, at), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.out, "");
  }

  test::TemporaryDirectory directory_;
  std::string state_ = directory_ / "state";
};

TEST_F(AircheckdTest, HelpVersionAndCheck) {
  EXPECT_NE(run({"--help"}).out.find("--demo-source FILE"), std::string::npos);
  EXPECT_EQ(run({"--version"}).out, "aircheckd " AIRCHECK_VERSION "\n");
  const Outcome checked = run({"--check", "--state", state_});
  EXPECT_EQ(checked.exit_code, 0) << checked.err;
  EXPECT_FALSE(std::filesystem::exists(state_)) << "checking makes nothing";
}

TEST_F(AircheckdTest, WrongSettingsAreNamed) {
  directory_.write("aircheck.conf", "[server]\nprot=80\n");
  expect_refusal({"--bogus"}, {}, {"--bogus", "--help"});
  expect_refusal({"--port"}, {}, {"--port"});
  expect_refusal({"--port", "99999"}, {}, {"--port", "65535"});
  expect_refusal({"--config", directory_ / "aircheck.conf"}, {}, {"aircheck.conf", "[server] prot", "remove it"});
  expect_refusal({"--config", directory_ / "absent.conf"}, {}, {"absent.conf"});
  expect_refusal({"--state", state_}, {{"HLS_SEGMENT_DURATION", "0"}}, {"HLS_SEGMENT_DURATION", "1 to 60"});
  expect_refusal({"--state", state_}, {{"JWT_SECRET", "short"}}, {"JWT_SECRET", "32 bytes"});
  expect_refusal({"--state", state_, "--demo", "--listen", "0.0.0.0"}, {}, {"--listen", "AIRCHECK_ADMIN_PASSWORD"});
  expect_refusal({"--state", state_, "--tls-certificate", "/c.pem"}, {}, {"AIRCHECK_TLS_KEY"});
  EXPECT_FALSE(std::filesystem::exists(state_));
}

TEST_F(AircheckdTest, WhatCannotWorkIsNamed) {
  directory_.write("file", "");
  expect_refusal({"--state", directory_ / "file/state"}, {}, {"--state", "file/state", "give a directory"});
  for (const char* name : {"HLS_SEGMENT_DIR", "HLS_SOURCES_DIR", "AIRCHECK_RUN_DIR"}) {
    expect_refusal({"--state", state_, "--port", "0"}, {{name, directory_ / "file"}}, {name, "file", "give "});
    expect_refusal({"--state", state_, "--port", "0"}, {{name, "/proc/nowhere"}}, {name, "/proc/nowhere", "give "});
  }
  expect_refusal({"--state", state_, "--port", "0", "--listen", "203.0.113.1"}, {}, {"--listen", "203.0.113.1"});
  expect_refusal({"--state", state_, "--port", "0", "--listen", "here"}, {}, {"--listen", "here"});
  expect_refusal({"--state", state_, "--demo", "--demo-source", directory_ / "absent.mp4"}, {}, {"absent.mp4"});
  expect_refusal({"--state", state_, "--port", "0"}, {{"AIRCHECK_WEB_DIR", directory_.path()}}, {"AIRCHECK_WEB_DIR"});
  expect_refusal(
      {"--state", state_, "--port", "0", "--tls-certificate", directory_ / "file", "--tls-key", directory_ / "file"},
      {}, {"TLS certificate", "file"});
}

TEST_F(AircheckdTest, ACertificateAndTheKeyOfAnotherAreNamed) {
  const std::string in = "cd " + directory_.path() + " && openssl ";
  const std::string pair = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=tv -out ";
  for (const char* files : {"tv.crt -keyout tv.key", "other.crt -keyout other.key"}) {
    const auto made = test::run(in + pair + files + " 2>&1");
    ASSERT_EQ(made.exit, 0) << made.output;
  }
  const std::vector<std::string> options = {"--state", state_, "--tls-certificate", directory_ / "tv.crt", "--tls-key"};
  const auto with_key = [&](std::vector<std::string> words, const std::string& key) {
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(directory_ / key);
    return words;
  };
  EXPECT_EQ(run(with_key({"--check"}, "tv.key"), {}).exit_code, 0);
  const std::vector<std::string> names = {directory_ / "tv.crt", directory_ / "other.key", "are no pair",
                                          "give the key that the certificate was made for"};
  expect_refusal(with_key({"--check"}, "other.key"), {}, names);
  expect_refusal(with_key({"--port", "0"}, "other.key"), {}, names);
}

TEST_F(AircheckdTest, APortInUseIsNamed) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(listener, 1), 0);
  socklen_t length = sizeof address;
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  expect_refusal({"--state", state_, "--port", port}, {}, {"--port", port, "in use"});
  close(listener);
}

TEST_F(AircheckdTest, OneDaemonPerStateDirectory) {
  std::filesystem::create_directories(state_);
  const int lock = open((state_ + "/aircheckd.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  ASSERT_EQ(flock(lock, LOCK_EX | LOCK_NB), 0);
  expect_refusal({"--state", state_, "--port", "0"}, {}, {"another aircheckd", state_});
  close(lock);
}

TEST_F(AircheckdTest, DatabasesAndKeysThatDoNotBelongAreRefusedAndKept) {
  std::filesystem::create_directories(state_);
  directory_.write("state/station.db", std::string(8192, 'x'));
  expect_refusal({"--state", state_, "--port", "0"}, {}, {"station.db"});
  EXPECT_EQ(directory_.read("state/station.db"), std::string(8192, 'x'));
}

}  // namespace
}  // namespace aircheck
