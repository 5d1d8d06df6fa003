#include "drawtext/drawing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "gobj/error.hpp"
#include "gobj/text.hpp"

namespace aircheck::drawtext {

namespace {

using gobj::Ref;

constexpr double kDotsPerInch = 96;
constexpr int kStandardPoints = 16;
constexpr int kLargestFont = 4096;             // pixels; FreeType fails at some more
constexpr int kLargestCoordinate = 1'000'000;  // Pango's end at 2^21 pixels

using Cairo = std::unique_ptr<cairo_t, decltype([](cairo_t* cairo) { cairo_destroy(cairo); })>;
using Surface =
    std::unique_ptr<cairo_surface_t, decltype([](cairo_surface_t* surface) { cairo_surface_destroy(surface); })>;
using FontOptions =
    std::unique_ptr<cairo_font_options_t,
                    decltype([](cairo_font_options_t* options) { cairo_font_options_destroy(options); })>;
using FontDescription =
    std::unique_ptr<PangoFontDescription,
                    decltype([](PangoFontDescription* description) { pango_font_description_free(description); })>;
using Attributes = std::unique_ptr<PangoAttrList, decltype([](PangoAttrList* list) { pango_attr_list_unref(list); })>;
using LineIterator =
    std::unique_ptr<PangoLayoutIter, decltype([](PangoLayoutIter* iterator) { pango_layout_iter_free(iterator); })>;

void set_colour(cairo_t* cairo, std::uint32_t argb) {
  const auto part = [argb](unsigned shift) { return ((argb >> shift) & 0xFF) / 255.0; };
  cairo_set_source_rgba(cairo, part(16), part(8), part(0), part(24));
}

Rect rect_of(const PangoRectangle& rectangle) {
  const auto inside = [](int value) { return std::clamp(value, -kLargestCoordinate, kLargestCoordinate); };
  return {inside(rectangle.x), inside(rectangle.y), inside(rectangle.width), inside(rectangle.height)};
}

std::string lower(const char* name) {
  return gobj::take_text(g_ascii_strdown(name, -1));
}

// The outlines of the letters between two columns, as a path. pango_cairo_layout_path() takes the letters of the whole
// text, which for each piece of a long crawl is too many.
void add_letters(cairo_t* cairo, PangoLayout* layout, int from, int to) {
  const LineIterator iterator(pango_layout_get_iter(layout));
  do {
    PangoLayoutRun* const run = pango_layout_iter_get_run_readonly(iterator.get());
    if (run == nullptr) continue;
    PangoRectangle extents;
    pango_layout_iter_get_run_extents(iterator.get(), nullptr, &extents);
    const int baseline = pango_layout_iter_get_baseline(iterator.get()) - run->y_offset;
    int x = extents.x + run->start_x_offset;
    int first = -1, first_x = 0;
    const auto flush = [&](int end) {
      if (first < 0) return;
      PangoGlyphString part = *run->glyphs;
      part.num_glyphs = end - first;
      part.glyphs += first;
      part.log_clusters += first;
      cairo_move_to(cairo, pango_units_to_double(first_x), pango_units_to_double(baseline));
      pango_cairo_glyph_string_path(cairo, run->item->analysis.font, &part);
      first = -1;
    };
    for (int i = 0; i < run->glyphs->num_glyphs; ++i) {
      const int advance = run->glyphs->glyphs[i].geometry.width;
      const bool wanted = x + advance >= from * PANGO_SCALE && x <= to * PANGO_SCALE;
      if (wanted && first < 0) {
        first = i;
        first_x = x;
      }
      if (!wanted) flush(i);
      x += advance;
    }
    flush(run->glyphs->num_glyphs);
  } while (pango_layout_iter_next_run(iterator.get()));
}

}  // namespace

Fonts::Fonts()
    : map_(Ref<PangoFontMap>::adopt(pango_cairo_font_map_new())),
      context_(Ref<PangoContext>::adopt(pango_font_map_create_context(map_.get()))) {
  pango_cairo_context_set_resolution(context_.get(), kDotsPerInch);
  // The same picture on every machine, whatever its desktop prefers.
  const FontOptions options(cairo_font_options_create());
  cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
  cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_SLIGHT);
  cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_ON);
  pango_cairo_context_set_font_options(context_.get(), options.get());
  PangoFontFamily** families = nullptr;
  int count = 0;
  pango_font_map_list_families(map_.get(), &families, &count);
  for (int i = 0; i < count; ++i) families_.insert(lower(pango_font_family_get_name(families[i])));
  g_free(families);
}

std::optional<std::string> Fonts::missing_family(const PangoFontDescription* description) const {
  const char* const family = pango_font_description_get_family(description);
  if (family == nullptr || *family == '\0') return std::nullopt;
  // Several may be named, and the first that is there is taken.
  bool found = false;
  char** const names = g_strsplit(family, ",", -1);
  for (char** name = names; *name != nullptr && !found; ++name) {
    const char* const wanted = g_strstrip(*name);
    found = *wanted == '\0' || families_.contains(lower(wanted));
  }
  g_strfreev(names);
  return found ? std::nullopt : std::optional<std::string>(family);
}

Drawing Drawing::lay_out(const Fonts& fonts, const LayerSettings& settings, std::string text,
                         std::shared_ptr<const Picture> image, int most_width, Problems& problems) {
  Drawing drawing;
  drawing.settings_ = settings;
  drawing.crawls_ = settings.crawl_speed != 0;
  drawing.image_ = std::move(image);
  drawing.most_width_ = settings.width != 0 ? static_cast<int>(settings.width) : most_width;
  drawing.scale_image();
  Rect ink, logical;
  if (!text.empty()) {
    drawing.set_text(fonts, std::move(text), problems);
    drawing.take_no_more_than_lines();
    PangoRectangle ink_units, logical_units;
    pango_layout_get_extents(drawing.layout_.get(), &ink_units, &logical_units);
    pango_extents_to_pixels(&ink_units, nullptr);
    pango_extents_to_pixels(&logical_units, nullptr);
    ink = rect_of(ink_units);
    logical = rect_of(logical_units);
  }
  drawing.place(ink, logical);
  return drawing;
}

void Drawing::set_text(const Fonts& fonts, std::string text, Problems& problems) {
  layout_ = Ref<PangoLayout>::adopt(pango_layout_new(fonts.context()));
  if (crawls_) std::replace(text.begin(), text.end(), '\n', ' ');
  const FontDescription font(pango_font_description_from_string(settings_.font_desc.c_str()));
  const int size = pango_font_description_get_size(font.get());
  const bool in_pixels = pango_font_description_get_size_is_absolute(font.get()) != FALSE;
  if (size <= 0) pango_font_description_set_size(font.get(), kStandardPoints * PANGO_SCALE);
  if (size * (in_pixels ? 1 : kDotsPerInch / 72) > kLargestFont * PANGO_SCALE) {
    problems["font-desc"] = "is larger than " + std::to_string(kLargestFont) + " pixels: that size is taken";
    pango_font_description_set_absolute_size(font.get(), kLargestFont * PANGO_SCALE);
  }
  if (const auto missing = fonts.missing_family(font.get())) {
    problems["font-desc"] = "there is no font '" + *missing + "': another is used; install it or name one of fc-list";
  }
  pango_layout_set_font_description(layout_.get(), font.get());
  pango_layout_set_alignment(layout_.get(), settings_.line_alignment == LineAlignment::kCenter ? PANGO_ALIGN_CENTER
                                            : settings_.line_alignment == LineAlignment::kEnd  ? PANGO_ALIGN_RIGHT
                                                                                               : PANGO_ALIGN_LEFT);
  pango_layout_set_spacing(layout_.get(), settings_.line_spacing * PANGO_SCALE);
  if (!crawls_) {
    const bool beside =
        settings_.image_position == ImagePosition::kLeft || settings_.image_position == ImagePosition::kRight;
    const int taken =
        beside && !image_rect_.empty() ? image_rect_.width + static_cast<int>(settings_.image_spacing) : 0;
    const int room = most_width_ - 2 * static_cast<int>(settings_.box_padding) - taken;
    pango_layout_set_width(layout_.get(), std::clamp(room, 1, kLargestCoordinate) * PANGO_SCALE);
    pango_layout_set_wrap(layout_.get(), PANGO_WRAP_WORD_CHAR);
  }
  const auto length = static_cast<int>(text.size());
  if (settings_.use_markup) {
    gobj::ErrorSlot error;
    PangoAttrList* parsed = nullptr;
    char* plain = nullptr;
    if (pango_parse_markup(text.c_str(), length, 0, &parsed, &plain, nullptr, error.out()) != FALSE) {
      const Attributes attributes(parsed);
      const gobj::Text words(plain);
      pango_layout_set_attributes(layout_.get(), attributes.get());
      pango_layout_set_text(layout_.get(), words.get(), -1);
      return;
    }
    problems["use-markup"] = "the text is shown as it is, because it is no Pango markup: " + error.error().message;
  }
  pango_layout_set_text(layout_.get(), text.c_str(), length);
}

// Lines of scripts that run from the right begin at the right edge of the layout, wherever that is.
void Drawing::take_no_more_than_lines() {
  if (crawls_ || settings_.width != 0) return;
  int widest = 0;
  const LineIterator line(pango_layout_get_iter(layout_.get()));
  do {
    PangoRectangle extents;
    pango_layout_iter_get_line_extents(line.get(), nullptr, &extents);
    widest = std::max(widest, extents.width);
  } while (pango_layout_iter_next_line(line.get()));
  PangoRectangle all;
  pango_layout_get_extents(layout_.get(), nullptr, &all);
  if (all.width > widest) pango_layout_set_width(layout_.get(), widest);
}

void Drawing::scale_image() {
  if (!image_ || image_->width == 0 || image_->height == 0) return;
  const int height = settings_.image_height != 0 ? static_cast<int>(settings_.image_height) : image_->height;
  const double width = static_cast<double>(image_->width) * height / image_->height;
  image_rect_ = {0, 0, std::clamp(static_cast<int>(std::lround(width)), 1, 16384), height};
}

void Drawing::place(const Rect& ink, const Rect& logical) {
  const int padding =
      (settings_.box_color >> 24) != 0 || settings_.width != 0 ? static_cast<int>(settings_.box_padding) : 0;
  const int spacing = layout_ && !image_rect_.empty() ? static_cast<int>(settings_.image_spacing) : 0;
  // With a width of its own the box keeps it, else it shrinks to the lines.
  const bool fixed = settings_.width != 0 && !crawls_;
  const bool across =
      settings_.image_position == ImagePosition::kLeft || settings_.image_position == ImagePosition::kRight;
  const bool behind = settings_.image_position == ImagePosition::kBehind;
  const int room = most_width_ - 2 * padding - (across ? image_rect_.width + spacing : 0);
  const int text_width = fixed && layout_ ? std::max(room, 1) : logical.width;
  const int inner_width =
      across && !behind ? image_rect_.width + spacing + text_width : std::max(image_rect_.width, text_width);
  const int inner_height =
      across || behind ? std::max(image_rect_.height, logical.height) : image_rect_.height + spacing + logical.height;
  width_ = inner_width + 2 * padding;
  height_ = inner_height + 2 * padding;
  const auto centred = [&](int outer, int inner) { return padding + (outer - inner) / 2; };
  int x = centred(inner_width, text_width);
  int y = centred(inner_height, logical.height);
  image_rect_.x = centred(inner_width, image_rect_.width);
  image_rect_.y = centred(inner_height, image_rect_.height);
  switch (settings_.image_position) {
    case ImagePosition::kLeft:
      image_rect_.x = padding;
      x = padding + image_rect_.width + spacing;
      break;
    case ImagePosition::kRight:
      x = padding;
      image_rect_.x = padding + text_width + spacing;
      break;
    case ImagePosition::kAbove:
      image_rect_.y = padding;
      y = padding + image_rect_.height + spacing;
      break;
    case ImagePosition::kBelow:
      y = padding;
      image_rect_.y = padding + logical.height + spacing;
      break;
    case ImagePosition::kBehind: break;
  }
  text_x_ = fixed ? x : x - logical.x;
  text_y_ = y - logical.y;
  bounds_ = bounding_box(Rect{0, 0, width_, height_}, image_rect_);
  const int edge = static_cast<int>(std::ceil(settings_.outline_width)) + 1;
  const Rect letters = {ink.x + text_x_ - edge, ink.y + text_y_ - edge, ink.width + 2 * edge, ink.height + 2 * edge};
  if (!layout_) return;
  bounds_ = bounding_box(bounds_, letters);
  bounds_ = bounding_box(
      bounds_, {letters.x + settings_.shadow_x, letters.y + settings_.shadow_y, letters.width, letters.height});
}

Picture Drawing::draw(const Rect& part) const {
  Picture picture = Picture::transparent(std::max(part.width, 0), std::max(part.height, 0));
  if (part.empty()) return picture;
  const Surface surface(cairo_image_surface_create_for_data(picture.pixels.data(), CAIRO_FORMAT_ARGB32, part.width,
                                                            part.height, static_cast<int>(picture.stride())));
  const Cairo cairo(cairo_create(surface.get()));
  cairo_translate(cairo.get(), -part.x, -part.y);
  // The bar behind a crawl stands still: it is no part of what moves.
  if ((settings_.box_color >> 24) != 0 && !crawls_) {
    set_colour(cairo.get(), settings_.box_color);
    cairo_rectangle(cairo.get(), 0, 0, width_, height_);
    cairo_fill(cairo.get());
  }
  if (!image_rect_.empty()) draw_image(cairo.get());
  if (layout_) draw_text(cairo.get(), part);
  cairo_surface_flush(surface.get());
  return picture;
}

void Drawing::draw_image(cairo_t* cairo) const {
  // cairo only reads it.
  auto* const pixels = const_cast<std::uint8_t*>(image_->pixels.data());
  const Surface image(cairo_image_surface_create_for_data(pixels, CAIRO_FORMAT_ARGB32, image_->width, image_->height,
                                                          static_cast<int>(image_->stride())));
  cairo_save(cairo);
  cairo_translate(cairo, image_rect_.x, image_rect_.y);
  cairo_rectangle(cairo, 0, 0, image_rect_.width, image_rect_.height);
  cairo_clip(cairo);
  cairo_scale(cairo, static_cast<double>(image_rect_.width) / image_->width,
              static_cast<double>(image_rect_.height) / image_->height);
  cairo_set_source_surface(cairo, image.get(), 0, 0);
  cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_BEST);
  cairo_pattern_set_extend(cairo_get_source(cairo), CAIRO_EXTEND_PAD);
  cairo_paint(cairo);
  cairo_restore(cairo);
}

void Drawing::draw_text(cairo_t* cairo, const Rect& part) const {
  const bool outline = settings_.outline_width > 0;
  const bool shadow = settings_.shadow_x != 0 || settings_.shadow_y != 0;
  const int edge = static_cast<int>(std::ceil(settings_.outline_width)) + 1;
  // A letter may be drawn beside where it stands, by its height at most.
  const int beside = edge + height_;
  const auto letters = [&](int shift) {
    add_letters(cairo, layout_.get(), part.x - text_x_ - shift - beside, part.right() - text_x_ - shift + beside);
  };
  cairo_translate(cairo, text_x_, text_y_);
  cairo_set_line_width(cairo, 2 * settings_.outline_width);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  if (shadow) {
    cairo_save(cairo);
    cairo_translate(cairo, settings_.shadow_x, settings_.shadow_y);
    cairo_push_group(cairo);
    set_colour(cairo, settings_.shadow_color | 0xFF000000);
    letters(settings_.shadow_x);
    if (outline) cairo_stroke_preserve(cairo);
    cairo_fill(cairo);
    cairo_pop_group_to_source(cairo);
    cairo_paint_with_alpha(cairo, (settings_.shadow_color >> 24) / 255.0);
    cairo_restore(cairo);
  }
  if (outline) {
    set_colour(cairo, settings_.outline_color);
    letters(0);
    cairo_stroke(cairo);
  }
  set_colour(cairo, settings_.color);
  pango_cairo_show_layout(cairo, layout_.get());
}

}  // namespace aircheck::drawtext
