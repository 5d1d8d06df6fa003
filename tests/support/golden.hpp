// Golden texts: what a function wrote, compared with a file under tests/golden. Run the test with
// AIRCHECK_UPDATE_GOLDEN=1 to write the files anew, then read the diff.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace aircheck::test {

// `path` is relative to tests/golden.
inline void expect_golden(const std::string& path, const std::string& text) {
  const char* root = std::getenv("AIRCHECK_TEST_SOURCE_ROOT");
  ASSERT_NE(root, nullptr) << "run the test through meson";
  const std::string file = std::string(root) + "/tests/golden/" + path;
  const char* update = std::getenv("AIRCHECK_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") {
    std::ofstream(file, std::ios::binary | std::ios::trunc) << text;
    return;
  }
  std::ifstream in(file, std::ios::binary);
  ASSERT_TRUE(in) << file << " is missing: run with AIRCHECK_UPDATE_GOLDEN=1";
  std::ostringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str()) << "differs from " << file;
}

}  // namespace aircheck::test
