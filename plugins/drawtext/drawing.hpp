// The look of a layer: text, box and image, laid out by Pango and drawn by cairo.
#pragma once

#include <pango/pangocairo.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "drawtext/layer_settings.hpp"
#include "drawtext/picture.hpp"
#include "gobj/ref.hpp"

namespace aircheck::drawtext {

// By name of the property, for a person.
using Problems = std::map<std::string, std::string>;

// Fonts as fontconfig finds them; one thread at a time.
class Fonts {
 public:
  Fonts();

  [[nodiscard]] PangoContext* context() const { return context_.get(); }
  // The family, or nothing where `description` can be had as it is. Fonts that are installed later are not seen.
  [[nodiscard]] std::optional<std::string> missing_family(const PangoFontDescription* description) const;

 private:
  gobj::Ref<PangoFontMap> map_;
  gobj::Ref<PangoContext> context_;
  std::set<std::string> families_;  // in lower case
};

// One text in its looks. Coordinates are those of the box, whose upper left corner is (0, 0).
class Drawing {
 public:
  // `text` is valid UTF-8. `most_width`: the box becomes no wider, lines are wrapped; a crawl has one line.
  static Drawing lay_out(const Fonts& fonts, const LayerSettings& settings, std::string text,
                         std::shared_ptr<const Picture> image, int most_width, Problems& problems);

  // Box, text and image without outline and shadow.
  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }
  // All that is drawn; it may begin left of and above the box.
  [[nodiscard]] const Rect& bounds() const { return bounds_; }

  // A part of it, with nothing around what is drawn.
  [[nodiscard]] Picture draw(const Rect& part) const;

 private:
  Drawing() = default;

  void set_text(const Fonts& fonts, std::string text, Problems& problems);
  void place(const Rect& ink, const Rect& logical);
  void take_no_more_than_lines();
  void scale_image();
  void draw_image(cairo_t* cairo) const;
  void draw_text(cairo_t* cairo, const Rect& part) const;

  LayerSettings settings_;
  bool crawls_ = false;
  gobj::Ref<PangoLayout> layout_;  // null: no text
  std::shared_ptr<const Picture> image_;
  int width_ = 0;
  int height_ = 0;
  int most_width_ = 0;
  Rect bounds_;
  int text_x_ = 0;  // where the layout's own (0, 0) stands
  int text_y_ = 0;
  Rect image_rect_;  // empty: none
};

}  // namespace aircheck::drawtext
