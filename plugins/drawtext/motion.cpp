#include "drawtext/motion.hpp"

#include <algorithm>
#include <cmath>

namespace aircheck::drawtext {

double Fade::step(bool visible, std::int64_t now, std::uint64_t fade_in, std::uint64_t fade_out) {
  const std::int64_t passed = std::max<std::int64_t>(now - last_.value_or(now), 0);
  last_ = now;
  const double goal = visible ? 1 : 0;
  const std::uint64_t length = visible ? fade_in : fade_out;
  if (length == 0) return level_ = goal;
  const double change = static_cast<double>(passed) / static_cast<double>(length);
  return level_ = visible ? std::min(level_ + change, goal) : std::max(level_ - change, goal);
}

void Crawl::begin(const CrawlTrack& track, std::int64_t now) {
  started_ = true;
  finished_ = false;
  speed_ = track.speed;
  reference_time_ = now;
  reference_ = position_ = track.speed > 0 ? track.right : track.left - track.width;
}

std::optional<double> Crawl::step(const CrawlTrack& track, std::int64_t now) {
  if (finished_ && !track.loop) return std::nullopt;
  if (!started_ || finished_) begin(track, now);
  if (now >= reference_time_) position_ = reference_ - speed_ * static_cast<double>(now - reference_time_) / 1e9;
  if (speed_ != track.speed || now < reference_time_) {
    speed_ = track.speed;
    reference_ = position_;
    reference_time_ = now;
  }
  // One way round: through the region and out of it.
  const double way = track.right - track.left + track.width;
  const double gone = track.speed > 0 ? track.right - position_ : position_ - (track.left - track.width);
  if (way <= 0 || gone < way) return position_;
  if (!track.loop) {
    finished_ = true;
    return std::nullopt;
  }
  const double back = way * std::floor(gone / way) * (track.speed > 0 ? 1 : -1);
  position_ += back;
  reference_ += back;
  return position_;
}

}  // namespace aircheck::drawtext
