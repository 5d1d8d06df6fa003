// A small ext4 of its own on a loop device, seen by this process and its children alone.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/process.hpp"

namespace aircheck::test {

class DiskImage {
 public:
  DiskImage() = default;
  DiskImage(const DiskImage&) = delete;
  DiskImage& operator=(const DiskImage&) = delete;
  ~DiskImage() { take_out(); }

  // Before any thread: what is mounted from then on is gone with this process. False: it may not be done here.
  [[nodiscard]] static bool enter_own_namespace() {
    return geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
           mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  }

  // The reason where it cannot be done; else nothing.
  [[nodiscard]] std::string make(const std::string& image, const std::string& folder, int mib) {
    image_ = image;
    folder_ = folder;
    std::filesystem::create_directories(folder);
    const auto made =
        run("truncate -s " + std::to_string(mib) + "M " + image + " && mkfs.ext4 -q -F -m 0 " + image + " 2>&1");
    return made.exit != 0 ? "mkfs.ext4: " + made.output : put_in();
  }
  [[nodiscard]] std::string put_in() {
    const auto mounted =
        run("mount -o loop,errors=remount-ro " + image_ + " " + folder_ + " 2>&1 && findmnt -no SOURCE " + folder_);
    if (mounted.exit != 0) return "mount: " + mounted.output;
    device_ = mounted.output.substr(mounted.output.rfind('/') + 1);
    while (device_.ends_with('\n')) device_.pop_back();
    return {};
  }
  // Whoever has files open goes on with them.
  void take_out() {
    if (!device_.empty()) umount2(folder_.c_str(), MNT_DETACH);
    device_.clear();
  }
  // After take_out(), when nobody has it open any more.
  [[nodiscard]] bool repair() const {
    const int exit = run("e2fsck -fy " + image_ + " 2>&1").exit;
    return exit == 0 || exit == 1;
  }
  // What ext4 does by itself on an error of the disk. There is no way back but to mount it anew.
  void fail() const { std::ofstream("/sys/fs/ext4/" + device_ + "/trigger_fs_error") << "a test"; }

  // In place, as an operator does; false while somebody has a file open to write (EBUSY).
  [[nodiscard]] bool set_read_only(bool read_only) const {
    const unsigned long flags = read_only ? MS_REMOUNT | MS_RDONLY : MS_REMOUNT;
    return mount(nullptr, folder_.c_str(), nullptr, flags, "errors=remount-ro") == 0;
  }

  [[nodiscard]] std::uint64_t free_bytes() const {
    struct statvfs status = {};
    return statvfs(folder_.c_str(), &status) == 0 ? std::uint64_t{status.f_bavail} * status.f_frsize : 0;
  }
  // Until not a block is left.
  void fill() const {
    const int fd = open(ballast().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    off_t size = lseek(fd, 0, SEEK_END);
    for (off_t piece = off_t{64} << 20; piece >= 512;) {
      if (posix_fallocate(fd, size, piece) == 0) {
        size += piece;
      } else {
        piece /= 2;
      }
    }
    close(fd);
  }
  void make_room() const { std::filesystem::remove(ballast()); }

 private:
  [[nodiscard]] std::string ballast() const { return folder_ + "/ballast"; }

  std::string image_;
  std::string folder_;
  std::string device_;  // "loop0"; empty: not mounted
};

}  // namespace aircheck::test
