// A layer as it is on the air: what its settings, the time of a picture and its files make of it. The streaming
// thread's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "drawtext/drawing.hpp"
#include "drawtext/expansion.hpp"
#include "drawtext/files.hpp"
#include "drawtext/layer_settings.hpp"
#include "drawtext/motion.hpp"
#include "drawtext/sprite.hpp"

namespace aircheck::drawtext {

// What all layers share while one picture is drawn.
struct Scene {
  const Moment& moment;
  std::int64_t now = 0;  // running time in ns
  const Fonts& fonts;
  Files& files;
  bool allow_files = false;
};

// A call of Sprite::blend().
struct Placed {
  std::shared_ptr<const Sprite> sprite;
  std::int64_t x = 0;  // 256ths of a pixel
  int y = 0;
  int from = 0;  // columns
  int to = 0;
  unsigned opacity = kWhole;

  friend bool operator==(const Placed&, const Placed&) = default;
};

class LayerView {
 public:
  void configure(const LayerSettings& settings);
  void set_video(const PixelFormat& format, int width, int height);

  // What to blend, from below to above; empty when nothing of the layer shows. Draws only what has changed.
  const std::vector<Placed>& update(const Scene& scene);

  // Property and message of what was found since the last call; each is told once until it is mended.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> take_problems() { return std::exchange(news_, {}); }

  [[nodiscard]] const LayerSettings& settings() const { return settings_; }

 private:
  struct Watched {
    std::string path;
    Files::Content content;  // the last good one
  };

  void report(const char* property, std::string message);
  void mended(const char* property) { reported_.erase(property); }
  void look_at_file(Watched& file, const std::string& path, FileKind kind, const char* property, const Scene& scene);
  void set_raw_text(std::string raw, const char* property);
  [[nodiscard]] std::string text_of(const Scene& scene);
  void lay_out(const Scene& scene, std::string text);
  void forget_drawings();

  // Where a box of this size stands.
  [[nodiscard]] std::pair<int, int> place(int width, int height) const;
  void place_still(unsigned opacity);
  void place_crawl(std::int64_t now, unsigned opacity);
  std::shared_ptr<const Sprite> tile(int index, int top, int height);

  LayerSettings settings_;
  PixelFormat format_;
  int width_ = 0;  // of the video
  int height_ = 0;

  Watched text_file_;
  Watched image_file_;
  std::optional<std::string> raw_text_;  // what expansion_ was made of
  Expansion expansion_;

  bool changed_ = true;  // the drawing does not fit the settings
  std::string text_;     // of drawing_
  std::shared_ptr<const Picture> image_;
  std::optional<Drawing> drawing_;
  std::shared_ptr<const Sprite> still_;
  Rect still_rect_;
  std::shared_ptr<const Sprite> bar_;  // behind a crawl
  Rect bar_rect_;
  std::map<int, std::shared_ptr<const Sprite>> tiles_;  // of a crawl, those in the picture

  Fade fade_;
  Crawl crawl_;
  std::vector<Placed> placed_;
  std::map<std::string, std::string> reported_;
  std::vector<std::pair<std::string, std::string>> news_;
};

}  // namespace aircheck::drawtext
