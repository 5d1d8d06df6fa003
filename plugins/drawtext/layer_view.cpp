#include "drawtext/layer_view.hpp"

#include <algorithm>
#include <cmath>

#include "gobj/text.hpp"

namespace aircheck::drawtext {

namespace {

// A long text that crawls is drawn piece by piece, each when it comes into the picture. A piece has more columns than
// it shows, for those between two pixels and for chroma.
constexpr int kTile = 512;
constexpr int kTileLead = 8;
constexpr int kTileTail = 12;

std::int64_t even_floor(std::int64_t x256) {
  return (x256 >> 9) << 1;
}

std::int64_t even_ceil(std::int64_t x256) {
  return even_floor(x256 + 511);
}

std::string valid_utf8(const std::string& text) {
  if (g_utf8_validate(text.data(), static_cast<gssize>(text.size()), nullptr) != FALSE) return text;
  return gobj::take_text(g_utf8_make_valid(text.data(), static_cast<gssize>(text.size())));
}

// What changes where or whether the drawing is seen, and not the drawing.
LayerSettings with_placement_of(LayerSettings settings, const LayerSettings& other) {
  settings.visible = other.visible;
  settings.priority = other.priority;
  settings.opacity = other.opacity;
  settings.fade_in = other.fade_in;
  settings.fade_out = other.fade_out;
  settings.text = other.text;
  settings.text_file = other.text_file;
  settings.image = other.image;
  settings.crawl_loop = other.crawl_loop;
  if (settings.crawl_speed != 0 && other.crawl_speed != 0) settings.crawl_speed = other.crawl_speed;
  return settings;
}

}  // namespace

void LayerView::configure(const LayerSettings& settings) {
  changed_ = changed_ || with_placement_of(settings_, settings) != settings;
  if (settings_.crawl_speed == 0 || settings.crawl_speed == 0) crawl_.reset();
  settings_ = settings;
}

void LayerView::set_video(const PixelFormat& format, int width, int height) {
  format_ = format;
  width_ = width;
  height_ = height;
  changed_ = true;
}

void LayerView::report(const char* property, std::string message) {
  if (reported_[property] == message) return;
  reported_[property] = message;
  news_.emplace_back(property, std::move(message));
}

void LayerView::look_at_file(Watched& file, const std::string& path, FileKind kind, const char* property,
                             const Scene& scene) {
  if (path.empty() || !scene.allow_files) {
    if (path.empty()) {
      mended(property);
    } else {
      report(property, "no file is read: set allow-files to true, or property " + std::string(property) + " to none");
    }
    file = {};
    return;
  }
  const auto content = scene.files.get(path, kind);
  if (file.path != path && content) file = {path, nullptr};
  if (!content) return;
  if (!content->error.message.empty()) return report(property, content->error.message);
  mended(property);
  file.content = content;
}

void LayerView::set_raw_text(std::string raw, const char* property) {
  if (raw_text_ == raw) return;
  raw_text_ = raw;
  std::string problem;
  if (raw.size() > kLongestText) {
    problem = "is longer than 64 KiB and cut there";
    const char* const end = g_utf8_find_prev_char(raw.c_str(), raw.c_str() + kLongestText);
    raw.resize(end != nullptr ? static_cast<std::size_t>(end - raw.c_str()) : kLongestText);
  }
  std::string good = valid_utf8(raw);
  if (good != raw) problem = "is no UTF-8: what is wrong in it shows as U+FFFD";
  expansion_ = Expansion::parse(good);
  if (problem.empty()) problem = expansion_.complaint();
  if (problem.empty()) {
    mended(property);
  } else {
    report(property, problem);
  }
}

std::string LayerView::text_of(const Scene& scene) {
  look_at_file(text_file_, settings_.text_file, FileKind::kText, "text-file", scene);
  if (settings_.text_file.empty()) {
    set_raw_text(settings_.text, "text");
  } else if (text_file_.content) {
    set_raw_text(text_file_.content->text, "text-file");
  } else {
    set_raw_text("", "text");
  }
  if (expansion_.is_constant() && raw_text_ == text_) return text_;
  return valid_utf8(expansion_.expand(scene.moment, settings_.use_markup));
}

void LayerView::forget_drawings() {
  drawing_.reset();
  still_.reset();
  bar_.reset();
  tiles_.clear();
}

void LayerView::lay_out(const Scene& scene, std::string text) {
  forget_drawings();
  if (crawl_.finished()) crawl_.reset();
  changed_ = false;
  text_ = std::move(text);
  image_ = image_file_.content ? image_file_.content->image : nullptr;
  if (text_.empty() && !image_) return;
  Problems problems;
  const int most_width = std::max(width_ - 2 * static_cast<int>(settings_.margin_x), 1);
  drawing_ = Drawing::lay_out(scene.fonts, settings_, text_, image_, most_width, problems);
  for (const char* property : {"font-desc", "use-markup"}) {
    if (const auto found = problems.find(property); found != problems.end()) {
      report(property, found->second);
    } else {
      mended(property);
    }
  }
}

const std::vector<Placed>& LayerView::update(const Scene& scene) {
  placed_.clear();
  const double level = fade_.step(settings_.visible, scene.now, settings_.fade_in, settings_.fade_out);
  const auto opacity = static_cast<unsigned>(std::lround(level * settings_.opacity * kWhole));
  if (opacity == 0) {
    if (level == 0) crawl_.reset();
    return placed_;
  }
  look_at_file(image_file_, settings_.image, FileKind::kImage, "image", scene);
  const auto image = image_file_.content ? image_file_.content->image : nullptr;
  if (std::string text = text_of(scene); changed_ || text != text_ || image != image_) lay_out(scene, std::move(text));
  if (!drawing_) return placed_;
  if (settings_.crawl_speed == 0) {
    place_still(opacity);
  } else {
    place_crawl(scene.now, opacity);
  }
  return placed_;
}

std::pair<int, int> LayerView::place(int width, int height) const {
  if (settings_.anchor == Anchor::kAbsolute) return {settings_.x, settings_.y};
  const auto along = [](int third, int room, int size, std::uint32_t margin) {
    const int edge = static_cast<int>(margin);
    return third == 0 ? edge : third == 1 ? (room - size) / 2 : room - size - edge;
  };
  const int anchor = static_cast<int>(settings_.anchor);
  return {along(anchor % 3, width_, width, settings_.margin_x), along(anchor / 3, height_, height, settings_.margin_y)};
}

void LayerView::place_still(unsigned opacity) {
  if (!still_) {
    const auto [x, y] = place(drawing_->width(), drawing_->height());
    Rect rect = drawing_->bounds();
    rect.x += x;
    rect.y += y;
    rect = intersection(rect, {0, 0, width_, height_});
    still_rect_ = rect.empty() ? Rect{} : even(rect);
    // A cosited chroma sample takes from the column before it.
    if (format_.cosited && !rect.empty())
      still_rect_ = {still_rect_.x - 2, still_rect_.y, still_rect_.width + 4, still_rect_.height};
    Rect part = still_rect_;
    part.x -= x;
    part.y -= y;
    still_ = std::make_shared<const Sprite>(drawing_->draw(part), format_, false);
  }
  if (still_rect_.empty()) return;
  placed_.push_back(
      {still_, std::int64_t{still_rect_.x} * 256, still_rect_.y, still_rect_.x, still_rect_.right(), opacity});
}

std::shared_ptr<const Sprite> LayerView::tile(int index, int top, int height) {
  auto& sprite = tiles_[index];
  if (!sprite) {
    const Rect part = {drawing_->bounds().x + index * kTile - kTileLead, top, kTileLead + kTile + kTileTail, height};
    sprite = std::make_shared<const Sprite>(drawing_->draw(part), format_, true);
  }
  return sprite;
}

void LayerView::place_crawl(std::int64_t now, unsigned opacity) {
  const int room = settings_.width != 0 ? static_cast<int>(settings_.width)
                                        : std::max(width_ - 2 * static_cast<int>(settings_.margin_x), 2);
  const auto [x, y] = place(room, drawing_->height());
  const Rect region = even(intersection({x, 0, room, height_}, {0, 0, width_, height_}));
  const Rect bounds = drawing_->bounds();
  const auto position = crawl_.step({settings_.crawl_speed, x, x + room, bounds.width, settings_.crawl_loop}, now);
  if (region.empty() || !position) return;
  if ((settings_.box_color >> 24) != 0) {
    if (!bar_) {
      const Rect bar =
          intersection({region.x, y, region.width, drawing_->height()}, {region.x, 0, region.width, height_});
      bar_rect_ = even(bar);
      Picture picture = Picture::transparent(bar_rect_.width, bar_rect_.height);
      const unsigned alpha = settings_.box_color >> 24;
      for (int row = bar.y - bar_rect_.y; row < bar.bottom() - bar_rect_.y; ++row) {
        auto* pixel = picture.pixels.data() + static_cast<std::size_t>(row) * picture.stride();
        for (int column = 0; column < bar_rect_.width; ++column, pixel += Picture::kBytesPerPixel) {
          for (unsigned i = 0; i < 3; ++i) {
            pixel[i] = static_cast<std::uint8_t>((((settings_.box_color >> (8 * i)) & 0xFF) * alpha + 127) / 255);
          }
          pixel[3] = static_cast<std::uint8_t>(alpha);
        }
      }
      bar_ = std::make_shared<const Sprite>(picture, format_, false);
    }
    placed_.push_back({bar_, std::int64_t{bar_rect_.x} * 256, bar_rect_.y, bar_rect_.x, bar_rect_.right(), opacity});
  }
  const Rect rows = even(intersection({0, bounds.y + y, 1, bounds.height}, {0, 0, 1, height_}));
  const std::int64_t x256 = std::llround(*position * 256);
  const int last = (bounds.width - 1) / kTile;
  const auto edge = [&](int index) { return even_ceil(x256 + std::int64_t{index} * kTile * 256); };
  std::map<int, std::shared_ptr<const Sprite>> kept;
  for (int index = 0; index <= last && rows.height > 0; ++index) {
    const std::int64_t begin = index == 0 ? even_floor(x256) - 2 : edge(index);
    const std::int64_t end = index == last ? even_ceil(x256 + std::int64_t{bounds.width} * 256) + 2 : edge(index + 1);
    const int from = static_cast<int>(std::max<std::int64_t>(begin, region.x));
    const int to = static_cast<int>(std::min<std::int64_t>(end, region.right()));
    if (from >= to) continue;
    kept[index] = tile(index, rows.y - y, rows.height);
    placed_.push_back({kept[index], x256 + (std::int64_t{index} * kTile - kTileLead) * 256, rows.y, from, to, opacity});
  }
  tiles_ = std::move(kept);
}

}  // namespace aircheck::drawtext
