#include "base/shared_bytes.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace aircheck::base {

namespace {

template <typename Container>
SharedBytes keep_container(Container bytes) {
  auto* const owned = new Container(std::move(bytes));
  const auto free = [](gpointer data) { delete static_cast<Container*>(data); };
  return {g_bytes_new_with_free_func(owned->data(), owned->size(), free, owned), g_bytes_unref};
}

// Below, a copy costs less than what a file takes.
constexpr std::size_t kFileFrom = 64U << 10;

// A file without a name in any folder, and the same bytes mapped.
class MemoryFile {
 public:
  // Null where the system has no room, or no descriptor left.
  static std::shared_ptr<const MemoryFile> make(core::ByteView bytes) {
    const int fd = memfd_create("aircheck-body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return nullptr;
    const std::shared_ptr<MemoryFile> file(new MemoryFile(fd, bytes.size()));
    while (!bytes.empty()) {
      const ssize_t written = write(fd, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return nullptr;
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    // Nobody may cut off what is mapped, through /proc for instance.
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) return nullptr;
    // Kernels before 6.7 map sealed files privately only.
    void* const mapped = mmap(nullptr, file->size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED) return nullptr;
    file->data_ = mapped;
    return file;
  }
  ~MemoryFile() {
    if (data_ != nullptr) munmap(data_, size_);
    close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] const void* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  MemoryFile(int fd, std::size_t size) : fd_(fd), size_(size) {}

  int fd_;
  std::size_t size_;
  void* data_ = nullptr;
};

// What frees bytes that lie in a file, and says so of them.
struct FileKeeper {
  std::shared_ptr<const MemoryFile> file;
  std::size_t offset = 0;

  void operator()(GBytes* bytes) const { g_bytes_unref(bytes); }
};

}  // namespace

SharedBytes copy_of(core::ByteView bytes) {
  return {g_bytes_new(bytes.data(), bytes.size()), g_bytes_unref};
}

SharedBytes copy_of(std::string_view text) {
  return {g_bytes_new(text.data(), text.size()), g_bytes_unref};
}

SharedBytes keep(core::Bytes&& bytes) {
  return keep_container(std::move(bytes));
}

SharedBytes keep(std::string&& text) {
  return keep_container(std::move(text));
}

SharedBytes keep_for_sending(core::Bytes&& bytes) {
  if (bytes.size() < kFileFrom) return keep(std::move(bytes));
  auto file = MemoryFile::make(bytes);
  if (file == nullptr) return keep(std::move(bytes));
  return {g_bytes_new_static(file->data(), file->size()), FileKeeper{file, 0}};
}

SharedBytes part_of(const SharedBytes& bytes, std::size_t first, std::size_t size) {
  GBytes* const part = g_bytes_new_from_bytes(bytes.get(), first, size);
  if (const auto* whole = std::get_deleter<FileKeeper>(bytes)) {
    return {part, FileKeeper{whole->file, whole->offset + first}};
  }
  return {part, g_bytes_unref};
}

std::optional<FilePart> file_of(const SharedBytes& bytes) {
  const auto* keeper = std::get_deleter<FileKeeper>(bytes);
  if (keeper == nullptr) return std::nullopt;
  return FilePart{keeper->file->fd(), keeper->offset};
}

std::string_view text_of(const SharedBytes& bytes) {
  gsize size = 0;
  const auto* data = static_cast<const char*>(g_bytes_get_data(bytes.get(), &size));
  return {data, size};
}

}  // namespace aircheck::base
