#include "channels/sources.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "core/file_descriptor.hpp"

namespace aircheck::channels {

using core::Code;
using core::fail;
using core::fail_errno;
using core::FileDescriptor;

namespace {

core::Result<std::string> resolve_beneath(const std::string& directory, const std::string& name) {
  const FileDescriptor root(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root.get() < 0) return fail_errno(errno, "HLS_SOURCES_DIR " + directory);
  struct open_how how = {};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a FIFO must not hold us
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const FileDescriptor file(static_cast<int>(syscall(SYS_openat2, root.get(), name.c_str(), &how, sizeof how)));
  if (file.get() < 0 && (errno == EXDEV || errno == ELOOP)) {
    return fail(Code::kPermission, "source '" + name + "' leads out of " + directory + ": put the film itself there");
  }
  if (file.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return fail(Code::kNotFound, "source '" + name + "': no such file in " + directory +
                                     "; put it there or change the channel's source");
  }
  if (file.get() < 0) {
    return fail_errno(errno, "source '" + name + "' in " + directory + " cannot be opened; check its permissions");
  }
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return fail_errno(errno, "source '" + name + "'");
  if (!S_ISREG(status.st_mode))
    return fail(Code::kInvalidArgument, "source '" + name + "' is not a file; give a media file");
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(file.get()), error);
  if (error) return fail_errno(error.value(), "source '" + name + "'");
  return path.string();
}

}  // namespace

core::Result<std::string> resolve_source(const SourceOptions& options, const Channel& channel) {
  const auto variable = channel.variables.find("source");
  const std::string* text = variable == channel.variables.end() ? nullptr : std::get_if<std::string>(&variable->second);
  if (text == nullptr || text->empty()) {
    if (channel.key == kFirstDemoKey && !options.demo_source.empty()) return options.demo_source;
    auto own = resolve_beneath(options.directory, channel.key + ".mp4");
    if (!own && own.error().code == Code::kNotFound) return std::string();
    return own;
  }
  std::string name = *text;
  if (name.starts_with(options.directory + "/")) name.erase(0, options.directory.size() + 1);
  return resolve_beneath(options.directory, name);
}

}  // namespace aircheck::channels
