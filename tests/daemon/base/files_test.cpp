#include "base/files.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temporary_directory.hpp"

namespace aircheck::base {
namespace {

using core::Code;

TEST(Files, WritesWholeFilesWithTheirMode) {
  const test::TemporaryDirectory directory;
  const std::string path = directory / "file";
  ASSERT_TRUE(write_file_atomically(path, core::as_bytes("one"), 0640).has_value());
  ASSERT_TRUE(write_file_atomically(path, core::as_bytes("two"), 0600).has_value());
  EXPECT_EQ(directory.read("file"), "two");
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory.path()), {}), 1) << "no temporary file is left";
  EXPECT_FALSE(write_file_atomically(directory / "absent/file", {}, 0600).has_value());
}

TEST(Files, ReadingIsBounded) {
  const test::TemporaryDirectory directory;
  directory.write("file", "12345");
  EXPECT_TRUE(read_file(directory / "file", 5).has_value());
  EXPECT_EQ(read_file(directory / "file", 4).error().code, Code::kInvalidArgument);
  EXPECT_EQ(read_file(directory / "absent", 4).error().code, Code::kNotFound);
}

TEST(Files, ASecretIsMadeOnceAndKept) {
  const test::TemporaryDirectory directory;
  const auto first = load_or_create_secret(directory / "key", 32);
  const auto second = load_or_create_secret(directory / "key", 32);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->size(), 32U);
  EXPECT_EQ(*first, *second);
  EXPECT_EQ(load_or_create_secret(directory / "key", 64).error().code, Code::kInvalidArgument);
}

TEST(Files, ASecretThatOthersReadIsRefused) {
  const test::TemporaryDirectory directory;
  directory.write("key", "secret");
  chmod((directory / "key").c_str(), 0640);
  const auto read = read_secret_file(directory / "key");
  ASSERT_FALSE(read.has_value());
  EXPECT_NE(read.error().message.find("chmod 600"), std::string::npos);
}

TEST(Files, DirectoriesAreMadeWithParents) {
  const test::TemporaryDirectory directory;
  EXPECT_TRUE(ensure_directory(directory / "a/b/c", 0700).has_value());
  EXPECT_TRUE(ensure_directory(directory / "a/b/c", 0700).has_value());
  directory.write("file", "");
  EXPECT_EQ(ensure_directory(directory / "file", 0700).error().code, Code::kExists);
  EXPECT_TRUE(prepare_directory(directory.path(), 0700).has_value());
  EXPECT_TRUE(prepare_directory(directory / "new/folder", 0700).has_value());
  EXPECT_TRUE(std::filesystem::is_empty(directory / "new/folder")) << "the proof leaves nothing";
  const auto refused = prepare_directory("/proc/self/new", 0700);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message.find("/proc/self/new"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("give a directory that user"), std::string::npos) << refused.error().message;
}

TEST(Files, UuidsAreVersionFour) {
  const std::string uuid = random_uuid();
  EXPECT_TRUE(is_uuid(uuid)) << uuid;
  EXPECT_EQ(uuid[14], '4');
  EXPECT_NE(uuid, random_uuid());
  EXPECT_FALSE(is_uuid("ch1"));
  EXPECT_FALSE(is_uuid(std::string(36, '0')));
}

}  // namespace
}  // namespace aircheck::base
