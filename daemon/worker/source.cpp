#include "worker/source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "gstx/buffer_map.hpp"
#include "worker/made_up.hpp"

namespace aircheck::worker {
namespace {

constexpr std::int64_t kOpenTimeoutNs = 10 * core::kNsPerSecond;
constexpr std::int64_t kFirstTryNs = 3 * core::kNsPerSecond;
constexpr std::int64_t kChangedNs = core::kNsPerSecond / 2;
constexpr std::int64_t kStallTimeoutNs = 5 * core::kNsPerSecond;
constexpr std::int64_t kShortestLoopNs = core::kNsPerSecond;
// Audio buffers that lie this near to the end of the one before belong right behind it.
constexpr std::int64_t kAudioSeamSamples = kSampleRate / 50;

core::Result<void> check_file(const std::string& path) {
  // O_NONBLOCK: a FIFO would wait for a writer.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const core::Code code = core::code_from_errno(errno);
    return core::fail(
        code, path + (code == core::Code::kNotFound ? ": no such file; put it there or change the channel's source"
                                                    : ": cannot be opened; check its permissions"));
  }
  struct stat info {};
  const int stat_result = ::fstat(fd, &info);
  ::close(fd);
  if (stat_result != 0) return core::fail_errno(errno, path);
  if (!S_ISREG(info.st_mode))
    return core::fail(core::Code::kInvalidArgument, path + ": is not a file; give a media file");
  if (info.st_size == 0) return core::fail(core::Code::kTruncated, path + ": is empty; copy it again");
  return {};
}

// The end of a stream, on the file's timeline.
struct End {
  std::int64_t time = 0;
  std::int64_t stamp = 0;  // the same as the container counts
  std::int64_t last = 0;   // where its last buffer begins
};

struct Ends {
  std::optional<End> video;
  std::optional<End> audio;
};

// Of what a stream gives from now on; `fallback_duration` for a last buffer without one.
template <typename Next>
core::Result<std::optional<End>> find_end(Next next, std::int64_t fallback_duration) {
  std::optional<End> end;
  while (true) {
    AIRCHECK_TRY(const std::optional<Decoded> decoded, next());
    if (!decoded) return end;
    const std::int64_t duration = decoded->duration.value_or(fallback_duration);
    if (!end) end.emplace();
    end->last = std::max(end->last, decoded->time);
    end->time = std::max(end->time, decoded->time + duration);
    end->stamp = std::max(end->stamp, decoded->stamp + duration);
  }
}

// Decodes from shortly before the end; further and further before it while a stream that is there gives nothing.
core::Result<Ends> find_ends(Decoder& decoder, std::int64_t duration, std::int64_t frame_duration) {
  Ends ends;
  for (std::int64_t before = 3 * core::kNsPerSecond;; before *= 8) {
    const std::int64_t from = std::max<std::int64_t>(0, duration - before);
    AIRCHECK_TRY_VOID(decoder.seek_near(from));
    // One stream after the other: the queues of the one that waits grow, for these few seconds.
    AIRCHECK_TRY(ends.video, find_end([&] { return decoder.next_video(kOpenTimeoutNs); }, frame_duration));
    AIRCHECK_TRY(ends.audio, find_end([&] { return decoder.next_audio(kOpenTimeoutNs); }, 0));
    const bool found = (ends.video || !decoder.has_video()) && (ends.audio || !decoder.has_audio());
    if (found || from == 0) return ends;
  }
}

core::Result<void> check_complete(const std::string& path, std::int64_t duration, const Ends& ends) {
  const End video = ends.video.value_or(End{}), audio = ends.audio.value_or(End{});
  const std::int64_t end = std::max({video.time, video.stamp, audio.time, audio.stamp});
  const std::int64_t tolerance = std::max(core::kNsPerSecond, duration / 50);
  if (duration - end <= tolerance) return {};
  return core::fail(core::Code::kTruncated, path + ": is cut short (it promises " +
                                                std::to_string(duration / core::kNsPerSecond) + " s and ends after " +
                                                std::to_string(end / core::kNsPerSecond) + " s); copy it again");
}

// One pass of a file, decoded by a pipeline of its own.
class FileItem : public Item {
 public:
  FileItem(const SourceInfo& info, Raster raster, Timeline timeline, std::int64_t frame_in_pass,
           std::shared_ptr<Interruption> interruption)
      : info_(info),
        timeline_(timeline),
        half_frame_(timeline.offset_of(1) / 2),
        decoder_(info.path, raster, entry(info, timeline.offset_of(frame_in_pass)), std::move(interruption)) {}

  Health health() override {
    switch (decoder_.health()) {
      case Decoder::Health::kOpening: return Health::kOpening;
      case Decoder::Health::kReady: return Health::kReady;
      case Decoder::Health::kFailed: break;
    }
    return Health::kFailed;
  }

  core::Result<gstx::Ref<GstBuffer>> video(std::int64_t frame_in_pass) override {
    AIRCHECK_TRY_VOID(decoder_.wait_ready(kOpenTimeoutNs));
    if (!info_.has_video) return gstx::Ref<GstBuffer>();
    const std::int64_t wanted = info_.origin_ns + timeline_.offset_of(frame_in_pass);
    // The frame on screen is the last one that begins before the middle of the output frame.
    while (!video_ended_ && (!next_picture_ || next_picture_->time <= wanted + half_frame_)) {
      if (next_picture_) {
        picture_ = std::move(next_picture_->buffer);
        picture_time_ = next_picture_->time;
      }
      AIRCHECK_TRY(next_picture_, decoder_.next_video(kStallTimeoutNs));
      video_ended_ = !next_picture_.has_value();
    }
    if (!picture_ && !next_picture_) {
      return core::fail(core::Code::kTruncated, info_.path + ": has no picture where it had one; copy it again");
    }
    if (video_ended_ && picture_time_ + kChangedNs < info_.last_picture_ns) {
      return core::fail(
          core::Code::kTruncated,
          info_.path + ": ends earlier than when it was checked; to play a changed file, restart the channel");
    }
    return picture_ ? picture_ : next_picture_->buffer;
  }

  core::Result<void> audio(std::int64_t sample_in_pass, std::span<float> interleaved) override {
    std::ranges::fill(interleaved, 0.0F);
    if (!info_.has_audio) return {};
    AIRCHECK_TRY_VOID(decoder_.wait_ready(kOpenTimeoutNs));
    const std::int64_t end = sample_in_pass + std::ssize(interleaved) / kChannels;
    drop_before(sample_in_pass);
    while (!audio_ended_ && samples_end() < end && !silent_up_to(sample_in_pass, end)) {
      AIRCHECK_TRY_VOID(read_audio(sample_in_pass));
    }
    const std::int64_t from = std::max(sample_in_pass, samples_begin_);
    const std::int64_t to = std::min(end, samples_end());
    if (from >= to) return {};
    std::copy(samples_.begin() + (from - samples_begin_) * kChannels,
              samples_.begin() + (to - samples_begin_) * kChannels,
              interleaved.begin() + (from - sample_in_pass) * kChannels);
    return {};
  }

 private:
  // Where to enter the file, if not at its beginning: never behind the last picture, however long it stands.
  static std::optional<std::int64_t> entry(const SourceInfo& info, std::int64_t offset_ns) {
    if (offset_ns == 0) return std::nullopt;
    const std::int64_t time = info.origin_ns + offset_ns;
    return info.has_video ? std::min(time, info.last_picture_ns) : time;
  }

  [[nodiscard]] std::int64_t samples_end() const { return samples_begin_ + std::ssize(samples_) / kChannels; }

  [[nodiscard]] std::int64_t time_of(std::int64_t sample) const {
    return info_.origin_ns + core::scale_round(sample, core::kNsPerSecond, kSampleRate);
  }

  // The next sample to be read lies behind the sound of the file, or everything up to `end` in a hole that the file
  // has announced.
  [[nodiscard]] bool silent_up_to(std::int64_t begin, std::int64_t end) const {
    return time_of(std::max(begin, samples_end())) >= info_.audio_end_ns || time_of(end) <= decoder_.silent_until();
  }

  void drop_before(std::int64_t sample) {
    const auto count = std::clamp<std::int64_t>(sample - samples_begin_, 0, std::ssize(samples_) / kChannels);
    samples_.erase(samples_.begin(), samples_.begin() + count * kChannels);
    samples_begin_ += count;
  }

  core::Result<void> read_audio(std::int64_t wanted_from) {
    AIRCHECK_TRY(const std::optional<Decoded> decoded, decoder_.next_audio(kStallTimeoutNs));
    if (!decoded) {
      audio_ended_ = true;
      return {};
    }
    AIRCHECK_TRY(const auto map, gstx::BufferMap::read(decoded->buffer.get()));
    const auto bytes = map.bytes();
    const std::span<const float> read(reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float));
    std::int64_t first = core::scale_round(decoded->time - info_.origin_ns, kSampleRate, core::kNsPerSecond);
    const std::int64_t seam = first - samples_end();
    if (have_audio_ && std::abs(seam) <= kAudioSeamSamples) first = samples_end();
    have_audio_ = true;
    append(first, read, wanted_from);
    return {};
  }

  // Holes become silence; what overlaps what is there already, or lies before what is wanted, is left out.
  void append(std::int64_t first, std::span<const float> read, std::int64_t wanted_from) {
    if (samples_.empty()) samples_begin_ = wanted_from;
    if (first > samples_end()) {
      samples_.insert(samples_.end(), static_cast<std::size_t>((first - samples_end()) * kChannels), 0.0F);
    }
    const auto skip = std::clamp<std::int64_t>(samples_end() - first, 0, std::ssize(read) / kChannels);
    const auto rest = read.subspan(static_cast<std::size_t>(skip * kChannels));
    samples_.insert(samples_.end(), rest.begin(), rest.end());
  }

  const SourceInfo info_;
  const Timeline timeline_;
  const std::int64_t half_frame_;
  Decoder decoder_;
  gstx::Ref<GstBuffer> picture_;         // on screen
  std::int64_t picture_time_ = 0;        // on the file's timeline
  std::optional<Decoded> next_picture_;  // after it
  bool video_ended_ = false;
  std::vector<float> samples_;      // interleaved, not yet asked for
  std::int64_t samples_begin_ = 0;  // in the pass
  bool have_audio_ = false;
  bool audio_ended_ = false;
};

}  // namespace

core::Result<SourceInfo> probe_source(const std::string& path, Raster raster, FrameRate rate) {
  if (path.empty()) return made_up_source(rate);
  AIRCHECK_TRY_VOID(check_file(path));
  auto opened = std::make_unique<Decoder>(path, raster, std::nullopt);
  if (!opened->wait_ready(kFirstTryNs) && opened->health() == Decoder::Health::kOpening) {
    // decodebin of GStreamer 1.22 loses the error of a demuxer that fails while it is being plugged.
    opened = std::make_unique<Decoder>(path, raster, std::nullopt);
  }
  Decoder& decoder = *opened;
  AIRCHECK_TRY_VOID(decoder.wait_ready(kOpenTimeoutNs));
  SourceInfo info;
  info.path = path;
  const std::int64_t frame_duration = core::scale_round(core::kNsPerSecond, rate.denominator, rate.numerator);
  AIRCHECK_TRY(const auto first_video, decoder.next_video(kOpenTimeoutNs));
  AIRCHECK_TRY(const auto first_audio, decoder.next_audio(kOpenTimeoutNs));
  info.has_video = first_video.has_value();
  info.has_audio = first_audio.has_value();
  const std::optional<std::int64_t> duration = decoder.container_duration();
  if (!first_video && !first_audio) {
    return core::fail(core::Code::kTruncated, path + ": holds no frame that can be decoded; copy it again");
  }
  if (!duration) {
    return core::fail(core::Code::kUnsupported,
                      path + ": does not say how long it is; remux it with ffmpeg -i FILE -c copy NEW.mp4");
  }
  AIRCHECK_TRY(const Ends ends, find_ends(decoder, *duration, frame_duration));
  AIRCHECK_TRY_VOID(check_complete(path, *duration, ends));
  const End video_end = ends.video.value_or(End{}), audio_end = ends.audio.value_or(End{});
  info.origin_ns = info.has_video ? first_video->time : first_audio->time;
  info.last_picture_ns = video_end.last;
  info.audio_end_ns = audio_end.time;
  const std::int64_t length = (info.has_video ? video_end.time : audio_end.time) - info.origin_ns;
  if (length < kShortestLoopNs) {
    return core::fail(core::Code::kUnsupported, path + ": lasts less than a second; give a longer file to loop");
  }
  info.loop_frames = Timeline::frames_in(rate, length);
  return info;
}

std::unique_ptr<Item> open_item(const SourceInfo& info, Raster raster, Timeline timeline, std::int64_t frame_in_pass,
                                std::shared_ptr<Interruption> interruption) {
  if (info.path.empty()) return make_made_up_item(raster, timeline);
  return std::make_unique<FileItem>(info, raster, timeline, frame_in_pass, std::move(interruption));
}

}  // namespace aircheck::worker
