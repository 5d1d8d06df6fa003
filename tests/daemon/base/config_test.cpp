#include "base/config.hpp"

#include <gtest/gtest.h>

#include <glib.h>

#include <fstream>
#include <vector>

#include "support/temporary_directory.hpp"

namespace aircheck::base {
namespace {

class ConfigTest : public ::testing::Test {
 protected:
  core::Result<Config> load() {
    return load_config({.file = file_,
                        .getenv = [this](const char* name) -> const char* {
                          const auto found = environment_.find(name);
                          return found == environment_.end() ? nullptr : found->second.c_str();
                        },
                        .command_line = options_});
  }
  std::string error() {
    const auto config = load();
    return config ? std::string() : config.error().message;
  }
  void use_file(const std::string& text) {
    directory_.write("aircheck.conf", text);
    file_ = directory_ / "aircheck.conf";
  }

  test::TemporaryDirectory directory_;
  std::string file_;
  std::map<std::string, std::string> environment_;
  std::map<std::string, std::string> options_;
};

TEST_F(ConfigTest, DefaultsAreTheDocumentedOnes) {
  const auto config = load();
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->listen, "127.0.0.1");
  EXPECT_EQ(config->port, 8000);
  EXPECT_EQ(config->segment_duration_s, 6);
  EXPECT_TRUE(config->drm_enabled);
  EXPECT_EQ(config->state_directory, "/var/lib/aircheck");
  EXPECT_EQ(config->segment_directory, "/var/lib/aircheck/segments");
  EXPECT_EQ(config->sources_directory, "/var/lib/aircheck/sources");
  EXPECT_EQ(config->workers_on_exit, "keep");
  EXPECT_FALSE(config->demo);
}

TEST_F(ConfigTest, CommandLineWinsOverEnvironmentOverFile) {
  use_file("[server]\nport=1\nlisten=10.0.0.1\n[streaming]\nsegment-duration=2\n");
  environment_ = {{"AIRCHECK_PORT", "2"}, {"HLS_SEGMENT_DURATION", "4"}};
  options_ = {{"server.port", "3"}};
  const auto config = load();
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->port, 3);
  EXPECT_EQ(config->segment_duration_s, 4);
  EXPECT_EQ(config->listen, "10.0.0.1");
}

TEST_F(ConfigTest, UnknownKeysAreRefusedByName) {
  use_file("[server]\nprot=1\n");
  EXPECT_NE(error().find("unknown key [server] prot"), std::string::npos) << error();
  use_file("[sever]\nport=1\n");
  EXPECT_NE(error().find("unknown key [sever] port"), std::string::npos) << error();
  use_file("port=1\n");
  EXPECT_NE(error().find(file_), std::string::npos) << error();
  use_file("");
  options_ = {{"server.nothing", "1"}};
  EXPECT_EQ(error(), "unknown option server.nothing");
}

TEST_F(ConfigTest, AMissingFileIsAnError) {
  file_ = directory_ / "absent.conf";
  EXPECT_NE(error().find("absent.conf"), std::string::npos);
}

TEST_F(ConfigTest, WrongValuesNameTheirKey) {
  struct Case {
    const char* variable;
    const char* value;
  };
  for (const Case& wrong : {Case{"AIRCHECK_PORT", "65536"}, Case{"AIRCHECK_PORT", "-1"}, Case{"AIRCHECK_PORT", "80x"},
                            Case{"AIRCHECK_PORT", ""}, Case{"HLS_SEGMENT_DURATION", "0"}, Case{"DRM_ENABLED", "maybe"},
                            Case{"AIRCHECK_WORKERS_ON_EXIT", "kill"}, Case{"CDN_BASE_URL", "ftp://x"},
                            Case{"AIRCHECK_PUBLIC_URL", "example.org"}, Case{"AIRCHECK_LOG_LEVEL", "loud"}}) {
    environment_ = {{wrong.variable, wrong.value}};
    EXPECT_NE(error().find(wrong.variable), std::string::npos) << wrong.variable << ": " << error();
  }
}

TEST_F(ConfigTest, AShortSecretIsRefusedWithoutRepeatingIt) {
  environment_ = {{"JWT_SECRET", "hunter2hunter2hunter2hunter2abc"}};  // 31 bytes
  EXPECT_NE(error().find("JWT_SECRET"), std::string::npos);
  EXPECT_EQ(error().find("hunter2"), std::string::npos);
  environment_["JWT_SECRET"] += "d";
  EXPECT_EQ(error(), "");
}

TEST_F(ConfigTest, ADemoBeyondLoopbackNeedsPasswordAndTls) {
  options_ = {{"demo", "true"}, {"server.listen", "0.0.0.0"}};
  EXPECT_NE(error().find("--listen"), std::string::npos);
  environment_ = {{"AIRCHECK_ADMIN_PASSWORD", "correct horse"}};
  EXPECT_NE(error().find("--listen"), std::string::npos);
  environment_.insert({{"AIRCHECK_TLS_CERTIFICATE", "/c.pem"}, {"AIRCHECK_TLS_KEY", "/k.pem"}});
  EXPECT_EQ(error(), "");
  environment_.erase("AIRCHECK_TLS_KEY");
  EXPECT_NE(error().find("AIRCHECK_TLS_KEY"), std::string::npos);
}

TEST_F(ConfigTest, StationsWithDifferentStateDoNotShareSockets) {
  environment_ = {{"XDG_RUNTIME_DIR", "/run/user/7"}, {"AIRCHECK_STATE_DIR", "/a"}};
  const auto first = load();
  environment_["AIRCHECK_STATE_DIR"] = "/b/";
  const auto second = load();
  environment_["AIRCHECK_STATE_DIR"] = "/var/lib/aircheck";
  const auto normal = load();
  EXPECT_EQ(normal->run_directory, "/run/user/7/aircheck");
  EXPECT_EQ(first->run_directory.rfind("/run/user/7/aircheck-", 0), 0U);
  EXPECT_NE(first->run_directory, second->run_directory);
  environment_["AIRCHECK_RUN_DIR"] = std::string(80, 'x');
  EXPECT_NE(error().find("AIRCHECK_RUN_DIR"), std::string::npos);
}

TEST_F(ConfigTest, TheMetricsListenerIsAnAddressAndAPort) {
  environment_["AIRCHECK_METRICS_LISTEN"] = "127.0.0.1:9100";
  EXPECT_EQ(load()->metrics_address, "127.0.0.1");
  EXPECT_EQ(load()->metrics_port, 9100);
  environment_["AIRCHECK_METRICS_LISTEN"] = "[::1]:0";
  EXPECT_EQ(load()->metrics_address, "::1");
  EXPECT_EQ(load()->metrics_port, 0);
  for (const char* wrong :
       {"9100", ":9100", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "::1:9100", "[::1]", "a:70000"}) {
    environment_["AIRCHECK_METRICS_LISTEN"] = wrong;
    EXPECT_NE(error().find("AIRCHECK_METRICS_LISTEN"), std::string::npos) << wrong;
  }
}

// The reference file documents exactly the keys that exist, with their defaults.
TEST(ConfigReference, HoldsEveryKeyWithItsDefault) {
  std::ifstream file(std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/schemas/aircheck.conf.reference");
  ASSERT_TRUE(file.good());
  std::vector<std::string> documented;
  std::string group;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("[")) group = line.substr(1, line.size() - 2);
    const bool key = line.starts_with("#") && !line.starts_with("# ") && line.find('=') != std::string::npos;
    if (key) documented.push_back(group + "." + line.substr(1));
  }
  std::vector<std::string> known;
  for (const ConfigKey& key : config_keys()) {
    known.push_back(std::string(key.group) + "." + std::string(key.name) + "=" + std::string(key.default_text));
  }
  EXPECT_EQ(documented, known);
}

}  // namespace
}  // namespace aircheck::base
