// schemas/openapi.yaml lists the daemon's routes, all of them and no others.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>

#include "daemon/http/whole_station.hpp"
#include "http/routes_health.hpp"

namespace aircheck::http {
namespace {

std::string source(const std::string& path) {
  std::ifstream file(std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/" + path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::set<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> found;
  for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end; ++match) {
    found.insert((*match)[1]);
  }
  return found;
}

// "GET /path" of every operation: paths stand two spaces deep, methods four.
std::set<std::string> documented() {
  std::set<std::string> routes;
  std::istringstream lines(source("schemas/openapi.yaml"));
  std::string path;
  bool in_paths = false;
  static const std::regex kPath("^  (/[^:]*):$");
  static const std::regex kMethod("^    (get|post|put|patch|delete):$");
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != ' ') in_paths = line == "paths:";
    std::smatch match;
    if (in_paths && std::regex_match(line, match, kPath)) path = match[1];
    if (!in_paths || !std::regex_match(line, match, kMethod)) continue;
    std::string method = match[1];
    std::transform(method.begin(), method.end(), method.begin(), [](unsigned char c) { return std::toupper(c); });
    routes.insert(method + " " + path);
  }
  return routes;
}

class OpenApiTest : public test::WholeStation {
 protected:
  OpenApiTest() : WholeStation(false) { http::register_health_routes(router_, {}); }
};

TEST_F(OpenApiTest, ListsExactlyTheRoutesOfTheDaemon) {
  std::set<std::string> routes;
  for (const Router::Route& route : router_.routes()) {
    // OpenAPI has no name for "all segments that follow".
    routes.insert(route.method + " " + std::regex_replace(route.path, std::regex("\\.\\.\\.\\}"), "}"));
  }
  EXPECT_EQ(documented(), routes);
}

TEST(OpenApi, TheTestRegistersWhatTheDaemonRegisters) {
  std::string headers;
  const std::filesystem::path folder = std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/daemon/http";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".hpp") headers += source("daemon/http/" + entry.path().filename().string());
  }
  const std::set<std::string> declared = matches(headers, std::regex("void (register_\\w+_routes)\\("));
  const std::regex called("http::(register_\\w+_routes)\\(");
  EXPECT_FALSE(declared.empty());
  EXPECT_EQ(matches(source("daemon/main.cpp"), called), declared);
  EXPECT_EQ(matches(source("tests/daemon/http/openapi_test.cpp") + source("tests/daemon/http/whole_station.hpp") +
                        source("tests/daemon/http/station_with_archive.hpp") +
                        source("tests/daemon/http/station_with_accounts.hpp"),
                    called),
            declared);
}

TEST(OpenApi, EveryReferenceHasItsTarget) {
  const std::string text = source("schemas/openapi.yaml");
  std::set<std::string> defined;
  std::istringstream lines(text);
  std::string group;
  bool in_components = false;
  static const std::regex kGroup("^  (\\w+):$");
  static const std::regex kName("^    ([\\w-]+):.*$");
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != ' ') in_components = line == "components:";
    std::smatch match;
    if (in_components && std::regex_match(line, match, kGroup)) group = match[1];
    if (in_components && std::regex_match(line, match, kName)) defined.insert(group + "/" + match[1].str());
  }
  for (const std::string& reference : matches(text, std::regex("'#/components/([^']+)'"))) {
    EXPECT_TRUE(defined.contains(reference)) << reference;
  }
}

}  // namespace
}  // namespace aircheck::http
