#include "base/shared_bytes.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace aircheck::base {
namespace {

core::Bytes numbered(std::size_t size) {
  core::Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 2654435761U >> 13);
  return bytes;
}

std::string text(const core::Bytes& bytes) {
  return {bytes.begin(), bytes.end()};
}

// What sendfile(2) would send.
std::string read_from(const FilePart& part, std::size_t size) {
  std::string read(size, '\0');
  const ssize_t count = pread(part.fd, read.data(), size, static_cast<off_t>(part.offset));
  read.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return read;
}

TEST(SharedBytes, LargeOnesLieInAFile) {
  const core::Bytes bytes = numbered(300'001);
  const SharedBytes shared = keep_for_sending(core::Bytes(bytes));
  const auto file = file_of(shared);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(text_of(shared), text(bytes));
  EXPECT_EQ(read_from(*file, 400'000), text(bytes));
  EXPECT_EQ(fcntl(file->fd, F_GETFD), FD_CLOEXEC) << "workers do not inherit it";
  const std::string again = "/proc/self/fd/" + std::to_string(file->fd);
  EXPECT_NE(truncate(again.c_str(), 1), 0) << "it is mapped: whoever reads what was cut off would be killed";
}

TEST(SharedBytes, PartsOfThemSayWhere) {
  const core::Bytes bytes = numbered(100'000);
  SharedBytes shared = keep_for_sending(core::Bytes(bytes));
  const SharedBytes part = part_of(part_of(shared, 1000, 90'000), 500, 70'000);
  shared.reset();
  const auto file = file_of(part);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(text_of(part), text(bytes).substr(1500, 70'000));
  EXPECT_EQ(read_from(*file, 70'000), text_of(part));
}

TEST(SharedBytes, TheFileIsClosedWithTheLastOfThem) {
  SharedBytes shared = keep_for_sending(numbered(100'000));
  SharedBytes part = part_of(shared, 0, 10);
  const int fd = file_of(shared)->fd;
  shared.reset();
  EXPECT_GE(fcntl(fd, F_GETFD), 0);
  part.reset();
  EXPECT_EQ(fcntl(fd, F_GETFD), -1);
}

TEST(SharedBytes, OthersLieInMemoryAlone) {
  EXPECT_FALSE(file_of(keep_for_sending(numbered(1000))).has_value());
  EXPECT_FALSE(file_of(keep(numbered(100'000))).has_value());
  EXPECT_FALSE(file_of(part_of(copy_of("abc"), 1, 1)).has_value());
}

}  // namespace
}  // namespace aircheck::base
