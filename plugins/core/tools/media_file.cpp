#include "core/tools/media_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace aircheck::inspect {
namespace {

using core::Bytes;
using core::ByteView;
using core::Code;
using core::fail;
using core::Result;
namespace bmff = core::bmff;
using bmff::fourcc;

constexpr int kDeepest = 16;

class File {
 public:
  static Result<File> open(const std::string& path) {
    File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (file.descriptor_ < 0 || fstat(file.descriptor_, &status) != 0) return core::fail_errno(errno, "cannot open");
    if (!S_ISREG(status.st_mode)) return fail(Code::kInvalidArgument, "is not a regular file");
    file.size_ = static_cast<std::uint64_t>(status.st_size);
    return file;
  }
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File& operator=(File&&) = delete;
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  [[nodiscard]] std::uint64_t size() const { return size_; }

  // Up to `count` bytes at `offset`, fewer only at the end of the file.
  [[nodiscard]] Result<Bytes> read(std::uint64_t offset, std::uint64_t count) const {
    Bytes bytes(static_cast<std::size_t>(std::min(count, size_ - std::min(offset, size_))));
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got =
          pread(descriptor_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return core::fail_errno(errno, "cannot read");
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    bytes.resize(done);
    return bytes;
  }

 private:
  explicit File(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

// Where the children of a container begin in its payload; -1 for a box without children.
int children_offset(bmff::FourCc type) {
  switch (type) {
    case fourcc("moov"):
    case fourcc("trak"):
    case fourcc("mdia"):
    case fourcc("minf"):
    case fourcc("dinf"):
    case fourcc("stbl"):
    case fourcc("mvex"):
    case fourcc("moof"):
    case fourcc("traf"):
    case fourcc("edts"):
    case fourcc("sinf"):
    case fourcc("schi"): return 0;
    case fourcc("stsd"):
    case fourcc("dref"): return 8;
    case fourcc("avc1"):
    case fourcc("encv"): return 78;
    case fourcc("mp4a"):
    case fourcc("enca"): return 28;
    default: return -1;
  }
}

Result<std::vector<Box>> read_tree(ByteView bytes, std::uint64_t offset, int depth) {
  std::vector<Box> boxes;
  if (depth > kDeepest) return fail(Code::kUnsupported, "has boxes nested deeper than " + std::to_string(kDeepest));
  while (!bytes.empty()) {
    AIRCHECK_TRY(const bmff::BoxView view, bmff::read_box_view(bytes));
    Box box{bmff::to_text(view.header.type), offset, view.header.size, {}};
    const int skipped = children_offset(view.header.type);
    if (skipped >= 0 && view.payload().size() >= static_cast<std::size_t>(skipped)) {
      const ByteView inside = view.payload().subspan(static_cast<std::size_t>(skipped));
      const std::uint64_t inside_offset = offset + view.header.header_size + static_cast<std::uint64_t>(skipped);
      AIRCHECK_TRY(box.children, read_tree(inside, inside_offset, depth + 1));
    }
    boxes.push_back(std::move(box));
    offset += view.header.size;
    bytes = bytes.subspan(view.bytes.size());
  }
  return boxes;
}

Result<bmff::InitInfo> read_named_init(const std::string& segment_path, const std::string& init_name) {
  if (init_name.empty() || init_name.find('/') != std::string::npos) return fail(Code::kNotFound, "names no init file");
  const std::size_t slash = segment_path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : segment_path.substr(0, slash + 1);
  AIRCHECK_TRY(const File file, File::open(folder + init_name));
  AIRCHECK_TRY(const Bytes bytes, file.read(0, file.size()));
  return bmff::parse_init(bytes);
}

// The boxes of the top level whose contents are shown.
bool is_read(bmff::FourCc type) {
  switch (type) {
    case fourcc("moov"):
    case fourcc("uuid"):
    case fourcc("sidx"):
    case fourcc("prft"):
    case fourcc("moof"): return true;
    default: return false;
  }
}

// `producer_time` is what the box in front said, for the moof that follows.
Result<void> read_top_level_box(const bmff::BoxHeader& header, ByteView bytes, std::uint64_t offset, MediaFile& media,
                                std::optional<bmff::Prft>& producer_time) {
  switch (header.type) {
    case fourcc("sidx"): {
      AIRCHECK_TRY(bmff::Sidx index, bmff::read_box<bmff::Sidx>(bytes));
      media.indexes.push_back(std::move(index));
      return {};
    }
    case fourcc("prft"): {
      AIRCHECK_TRY(producer_time, bmff::read_box<bmff::Prft>(bytes));
      return {};
    }
    case fourcc("moov"): {
      AIRCHECK_TRY(media.init, bmff::parse_init(bytes));
      media.context = media.init;
      return {};
    }
    case fourcc("uuid"): {
      const auto segment = core::read_segment_info(bytes);
      if (!segment && segment.error().code != Code::kNotFound) return segment.unexpected();
      if (!segment) return {};
      media.segment = *segment;
      // Only a help for the reader: without it durations are shown in the units of the track.
      const auto init = read_named_init(media.path, segment->init_name);
      if (init && !media.context) media.context = *init;
      return {};
    }
    case fourcc("moof"): {
      AIRCHECK_TRY(bmff::FragmentInfo fragment,
                   bmff::parse_moof(bytes, offset, media.context ? &*media.context : nullptr));
      for (const bmff::TrackFragment& track : fragment.tracks) {
        for (const bmff::Sample& sample : track.samples) {
          if (sample.offset <= media.size && sample.size <= media.size - sample.offset) continue;
          return fail(Code::kTruncated, "a sample of track " + std::to_string(track.track_id) + " in the fragment at " +
                                            std::to_string(offset) + " lies outside the file");
        }
      }
      media.fragments.push_back({std::move(fragment), std::exchange(producer_time, std::nullopt)});
      return {};
    }
    default: return {};
  }
}

}  // namespace

Result<MediaFile> read_media_file(const std::string& path) {
  constexpr std::uint64_t kHeaderBytes = 16;
  AIRCHECK_TRY(const File file, File::open(path));
  MediaFile media;
  media.path = path;
  media.size = file.size();
  std::optional<bmff::Prft> producer_time;
  if (media.size == 0) return fail(Code::kTruncated, "is empty");
  for (std::uint64_t offset = 0; offset < media.size;) {
    AIRCHECK_TRY(const Bytes head, file.read(offset, kHeaderBytes));
    AIRCHECK_TRY(const bmff::BoxHeader header, bmff::read_box_header(head, media.size - offset));
    if (is_read(header.type) || children_offset(header.type) >= 0) {
      AIRCHECK_TRY(const Bytes bytes, file.read(offset, header.size));
      AIRCHECK_TRY(std::vector<Box> boxes, read_tree(bytes, offset, 0));
      std::ranges::move(boxes, std::back_inserter(media.boxes));
      AIRCHECK_TRY_VOID(read_top_level_box(header, bytes, offset, media, producer_time));
    } else {
      media.boxes.push_back(Box{bmff::to_text(header.type), offset, header.size, {}});
    }
    offset += header.size;
  }
  return media;
}

}  // namespace aircheck::inspect
