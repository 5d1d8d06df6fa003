// Where a crawl stands and how far a fade has come, as functions of the times of pictures.
#pragma once

#include <cstdint>
#include <optional>

namespace aircheck::drawtext {

// From 0 (gone) to 1 (there).
class Fade {
 public:
  // `now` in ns of running time; a picture that goes back in time changes nothing.
  double step(bool visible, std::int64_t now, std::uint64_t fade_in, std::uint64_t fade_out);
  void reset() { *this = Fade(); }

 private:
  double level_ = 0;
  std::optional<std::int64_t> last_;
};

struct CrawlTrack {
  double speed = 0;  // pixels per second to the left
  int left = 0;      // of the region through which the text crawls
  int right = 0;
  int width = 0;  // of the text
  bool loop = true;
};

class Crawl {
 public:
  // The left edge of the text in pixels at `now` (ns of running time); nothing when it has crawled out for good. The
  // text enters at the edge from which it comes. A change of the track moves nothing: it goes on from where it is.
  std::optional<double> step(const CrawlTrack& track, std::int64_t now);
  void reset() { *this = Crawl(); }
  [[nodiscard]] bool finished() const { return finished_; }

 private:
  void begin(const CrawlTrack& track, std::int64_t now);

  bool started_ = false;
  bool finished_ = false;
  double speed_ = 0;
  double position_ = 0;
  double reference_ = 0;             // where it was
  std::int64_t reference_time_ = 0;  // then, in ns
};

}  // namespace aircheck::drawtext
