// Large folders, which several threads read: each name comes once, and the playlists are those of a small folder.
#include "catchup/folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <random>

#include "catchup/archive_writer.hpp"
#include "catchup/tasks.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::catchup {
namespace {

using core::kNsPerSecond;
using core::Utc;
using test::kNoon;
using test::kTarget;
using test::TemporaryDirectory;
using test::Writer;

// Empty files with names that no pattern of these tests takes.
void crowd(const TemporaryDirectory& folder, int count) {
  for (int i = 0; i < count; ++i) {
    const core::FileDescriptor file(
        open((folder / ("other-" + std::to_string(i) + ".bin")).c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    ASSERT_TRUE(file.valid());
  }
}

std::vector<std::string> names_of(const std::string& path) {
  const auto folder = Folder::open(path);
  EXPECT_TRUE(folder && folder->has_value());
  std::vector<std::vector<std::string>> parts((*folder)->parts());
  Tasks tasks;
  for (std::size_t part = 0; part < parts.size(); ++part) {
    tasks.add([&folder, &parts, part] {
      EXPECT_TRUE((*folder)->for_each_name(part, [&](std::string_view name) { parts[part].emplace_back(name); }));
    });
  }
  tasks.run();
  std::vector<std::string> names;
  for (const auto& part : parts) names.insert(names.end(), part.begin(), part.end());
  std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
  std::sort(names.begin(), names.end());
  return names;
}

TEST(CatchupFolder, HasEachNameOnce) {
  const TemporaryDirectory folder;
  for (const int count : {0, 1, 24'000}) {
    crowd(folder, count);
    const std::vector<std::string> names = names_of(folder.path());
    ASSERT_EQ(names.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(names, folder.files()) << count;
  }
  struct statfs filesystem {};
  ASSERT_EQ(statfs(folder.path().c_str(), &filesystem), 0);
  if (filesystem.f_type == EXT4_SUPER_MAGIC) {
    EXPECT_GT((*Folder::open(folder.path()))->parts(), 3U);
  }
  // A folder of ext4 stays large when its files are gone.
  for (const std::string& name : folder.files()) std::filesystem::remove(folder / name);
  EXPECT_TRUE(names_of(folder.path()).empty());
}

TEST(CatchupFolder, MayNotBeThere) {
  const TemporaryDirectory folder;
  const auto gone = Folder::open(folder / "no");
  ASSERT_TRUE(gone);
  EXPECT_FALSE(*gone);
  folder.write("file", "");
  const auto file = Folder::open(folder / "file");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().message.substr(0, 36), "location: cannot read the folder '" + folder.path().substr(0, 2));
}

// Epochs, holes, names of one second, lost files, a second file of a number: the same archive for every seed.
std::string write_archive(const TemporaryDirectory& folder, unsigned seed, const std::string& name) {
  std::mt19937 random(seed);
  const auto one_of = [&](unsigned count) { return random() % count; };
  Writer writer(folder / name);
  for (int i = 0; i < 400; ++i) {
    writer.next().duration_ns = one_of(8) == 0 ? kNsPerSecond * (1 + one_of(6)) / 3 : kTarget;
    const bool taken = std::filesystem::exists(
        core::NamePattern::parse(writer.location())->format({writer.next().start, writer.next().epoch, 0, ""}));
    const std::string path = writer.write(1, taken ? 1 + one_of(3) : 0);
    if (one_of(25) == 0) std::filesystem::remove(path);
    if (one_of(40) == 0) writer.hole(static_cast<std::int64_t>(1 + one_of(60)) * kNsPerSecond);
    if (one_of(40) == 0) writer.restart();
    if (one_of(60) == 0) writer.next().init_name = "ch1-init-" + std::to_string(i) + ".mp4";
    if (one_of(100) == 0) {  // the clock is set back
      writer.next().start = writer.next().start - static_cast<std::int64_t>(one_of(600)) * kNsPerSecond;
      ++writer.next().epoch;
      writer.restart();
    }
    if (one_of(200) == 0) folder.write(path.substr(path.rfind('/') + 1), one_of(2) == 0 ? "" : "damaged");
  }
  return writer.location();
}

TEST(CatchupFolder, GivesThePlaylistsOfASmallOne) {
  const TemporaryDirectory large;
  crowd(large, 5'000);
  int playlists = 0;
  int failures = 0;
  for (unsigned seed = 0; seed < 5; ++seed) {
    for (const char* name : {"ch1-%Y%m%d%H%M%S.m4s", "%d%m%Y-%H%M%S-ch2.m4s", "ch3-%s-%3N.m4s"}) {
      const TemporaryDirectory small;
      const std::string few = write_archive(small, seed, std::to_string(seed) + name);
      const std::string many = write_archive(large, seed, std::to_string(seed) + name);
      for (int i = 0; i < 12; ++i) {
        const Utc start = kNoon + (i * 211 - 60) * kNsPerSecond;
        const WindowRequest request{
            .kind = i % 3 == 2 ? Kind::kLive : Kind::kVod, .start = start, .end = start + (1 + i * 97) * kNsPerSecond};
        const auto expected = test::text(few, request);
        const auto actual = test::text(many, request);
        ASSERT_EQ(actual.has_value(), expected.has_value()) << name << " " << seed << " " << i;
        (expected ? playlists : failures) += 1;
        if (expected) {
          ASSERT_EQ(*actual, *expected) << name << " " << seed << " " << i;
        } else {
          ASSERT_EQ(actual.error().code, expected.error().code) << name << " " << seed << " " << i;
        }
      }
    }
  }
  EXPECT_GT(playlists, 80);
  EXPECT_GT(failures, 10);
}

}  // namespace
}  // namespace aircheck::catchup
