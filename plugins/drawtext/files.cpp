#include "drawtext/files.hpp"

#include <cairo.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "core/file_descriptor.hpp"

namespace aircheck::drawtext {

namespace {

using core::Code;
using core::Result;

constexpr std::size_t kLargestImageFile = 32 * 1024 * 1024;
constexpr auto kRound = std::chrono::milliseconds(200);
constexpr int kIdleRounds = 50;  // after which a file is watched no longer

using Surface =
    std::unique_ptr<cairo_surface_t, decltype([](cairo_surface_t* surface) { cairo_surface_destroy(surface); })>;

Result<std::string> read_bytes(const std::string& path, std::size_t most) {
  // Without O_NONBLOCK a pipe without a writer would hold the caller for ever.
  const core::FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return core::fail_errno(errno, path);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) return core::fail_errno(errno, path);
  if (!S_ISREG(status.st_mode)) return core::fail(Code::kInvalidArgument, path + ": is no regular file");
  std::string bytes(most + 1, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t count = read(file.get(), bytes.data() + size, bytes.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return core::fail_errno(errno, path);
    if (count == 0) break;
    size += static_cast<std::size_t>(count);
  }
  if (size > most) {
    return core::fail(Code::kUnsupported, path + ": is larger than " + std::to_string(most / 1024) + " KiB");
  }
  bytes.resize(size);
  return bytes;
}

// Width and height as the IHDR chunk says, PNG (ISO/IEC 15948) section 11.2.2: before anything is sized by them.
Result<void> check_png(const std::string& bytes) {
  constexpr char kBegin[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
  constexpr std::size_t kBeginSize = sizeof kBegin - 1;
  if (bytes.size() < kBeginSize + 8 || std::memcmp(bytes.data(), kBegin, kBeginSize) != 0) {
    return core::fail(Code::kParse, "is no PNG file");
  }
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return value;
  };
  const std::uint32_t width = number(kBeginSize), height = number(kBeginSize + 4);
  if (width == 0 || height == 0 || width > kLargestImage || height > kLargestImage) {
    return core::fail(Code::kUnsupported, "has " + std::to_string(width) + "x" + std::to_string(height) +
                                              " pixels: give it 1x1 to 4096x4096");
  }
  return {};
}

struct Reader {
  const std::string& bytes;
  std::size_t at = 0;

  static cairo_status_t read(void* closure, unsigned char* out, unsigned length) noexcept {
    auto& reader = *static_cast<Reader*>(closure);
    if (length > reader.bytes.size() - reader.at) return CAIRO_STATUS_READ_ERROR;
    std::memcpy(out, reader.bytes.data() + reader.at, length);
    reader.at += length;
    return CAIRO_STATUS_SUCCESS;
  }
};

Result<std::shared_ptr<const Picture>> decode_png(const std::string& bytes) {
  AIRCHECK_TRY_VOID(check_png(bytes));
  Reader reader{bytes};
  const Surface surface(cairo_image_surface_create_from_png_stream(Reader::read, &reader));
  if (const auto status = cairo_surface_status(surface.get()); status != CAIRO_STATUS_SUCCESS) {
    return core::fail(Code::kParse, std::string("is damaged: ") + cairo_status_to_string(status));
  }
  const auto format = cairo_image_surface_get_format(surface.get());
  if (format != CAIRO_FORMAT_ARGB32 && format != CAIRO_FORMAT_RGB24) {
    return core::fail(Code::kUnsupported, "is no PNG with 8 bits per colour");
  }
  auto picture = std::make_shared<Picture>(Picture::transparent(cairo_image_surface_get_width(surface.get()),
                                                                cairo_image_surface_get_height(surface.get())));
  const std::uint8_t* const data = cairo_image_surface_get_data(surface.get());
  const auto stride = static_cast<std::size_t>(cairo_image_surface_get_stride(surface.get()));
  for (int y = 0; y < picture->height; ++y) {
    const auto row = static_cast<std::size_t>(y);
    std::memcpy(picture->pixels.data() + row * picture->stride(), data + row * stride, picture->stride());
  }
  if (format == CAIRO_FORMAT_RGB24) {
    for (std::size_t i = 3; i < picture->pixels.size(); i += Picture::kBytesPerPixel) picture->pixels[i] = 255;
  }
  return std::shared_ptr<const Picture>(std::move(picture));
}

}  // namespace

std::shared_ptr<const FileContent> read_file(const std::string& path, FileKind kind) {
  auto content = std::make_shared<FileContent>();
  auto bytes = read_bytes(path, kind == FileKind::kText ? kLongestText : kLargestImageFile);
  if (!bytes) {
    content->error = bytes.error();
  } else if (kind == FileKind::kText) {
    content->text = std::move(*bytes);
    if (content->text.ends_with('\n')) content->text.pop_back();
  } else if (auto image = decode_png(*bytes); image) {
    content->image = std::move(*image);
  } else {
    content->error = Result<void>(image.unexpected()).error().with_context(path);
  }
  return content;
}

Files::~Files() {
  stop();
}

Files::Version Files::version_of(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size),
          status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
}

Files::Content Files::get(const std::string& path, FileKind kind) {
  const std::lock_guard lock(mutex_);
  const auto [found, added] = entries_.try_emplace({path, kind});
  found->second.idle = 0;
  if (added) {
    hurry_ = true;
    changed_.notify_one();
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  return found->second.content;
}

Files::Content Files::get_now(const std::string& path, FileKind kind) {
  const Version version = version_of(path);
  Content content = read_file(path, kind);
  {
    const std::lock_guard lock(mutex_);
    entries_[{path, kind}] = {content, version, 0};
  }
  return content;
}

void Files::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  const std::lock_guard lock(mutex_);
  stopping_ = false;
  entries_.clear();
}

void Files::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    hurry_ = false;
    std::vector<Key> keys;
    for (auto& [key, entry] : entries_) {
      if (++entry.idle <= kIdleRounds) keys.push_back(key);
    }
    std::erase_if(entries_, [](const auto& entry) { return entry.second.idle > kIdleRounds; });
    lock.unlock();
    for (const Key& key : keys) look_at(key);
    lock.lock();
    changed_.wait_for(lock, kRound, [this] { return stopping_ || hurry_; });
  }
}

void Files::look_at(const Key& key) {
  const Version version = version_of(key.path);
  {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    if (found->second.content && found->second.version == version) return;
  }
  Content content = read_file(key.path, key.kind);
  const std::lock_guard lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) {
    found->second.content = std::move(content);
    found->second.version = version;
  }
}

}  // namespace aircheck::drawtext
