// What a layer is asked to show, and the properties that say so: those of the element itself and of its children.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "gstx/property.hpp"

namespace aircheck::drawtext {

// Row times three plus column, but for kAbsolute.
enum class Anchor { kTopLeft, kTop, kTopRight, kLeft, kCenter, kRight, kBottomLeft, kBottom, kBottomRight, kAbsolute };
enum class LineAlignment { kStart, kCenter, kEnd };
enum class ImagePosition { kLeft, kRight, kAbove, kBelow, kBehind };

GType anchor_type();
GType line_alignment_type();
GType image_position_type();

// Lengths are pixels of the picture, colours 0xAARRGGBB, durations ns.
struct LayerSettings {
  bool visible = true;
  std::int32_t priority = 0;
  double opacity = 1;
  std::uint64_t fade_in = 0;
  std::uint64_t fade_out = 0;

  std::string text;
  std::string text_file;
  bool use_markup = false;
  std::string font_desc = "Sans 16";
  std::uint32_t color = 0xFFFFFFFF;
  std::uint32_t outline_color = 0xFF000000;
  double outline_width = 0;
  std::uint32_t shadow_color = 0xA0000000;
  std::int32_t shadow_x = 0;
  std::int32_t shadow_y = 0;
  std::uint32_t box_color = 0;
  std::uint32_t box_padding = 8;
  LineAlignment line_alignment = LineAlignment::kStart;
  std::int32_t line_spacing = 0;
  std::uint32_t width = 0;

  Anchor anchor = Anchor::kTopLeft;
  std::uint32_t margin_x = 16;
  std::uint32_t margin_y = 16;
  std::int32_t x = 0;
  std::int32_t y = 0;

  double crawl_speed = 0;
  bool crawl_loop = true;

  std::string image;
  ImagePosition image_position = ImagePosition::kLeft;
  std::uint32_t image_height = 0;
  std::uint32_t image_spacing = 8;

  friend bool operator==(const LayerSettings&, const LayerSettings&) = default;
};

// For tables of properties: the members that they can have, all of which may change at any time.
template <typename S>
struct LayerTypes {
  using Text = std::string S::*;
  using Flag = bool S::*;
  using Int = std::int32_t S::*;
  using UInt = std::uint32_t S::*;
  using UInt64 = std::uint64_t S::*;
  using Double = double S::*;
  static constexpr auto kAnyTime = gstx::Mutable::kPlaying;
};

template <typename T, std::size_t N, std::size_t M>
constexpr std::array<T, N + M> joined(const std::array<T, N>& first, const std::array<T, M>& second) {
  std::array<T, N + M> both{};
  std::copy(first.begin(), first.end(), both.begin());
  std::copy(second.begin(), second.end(), both.begin() + N);
  return both;
}

template <typename S>
constexpr auto text_properties() {
  using P = LayerTypes<S>;
  using Text = typename P::Text;
  using Flag = typename P::Flag;
  using Int = typename P::Int;
  using UInt = typename P::UInt;
  using Double = typename P::Double;
  constexpr auto kAnyTime = P::kAnyTime;
  constexpr gstx::Range kPixels{0, 16384};
  constexpr gstx::EnumMember<S> kLines{
      line_alignment_type, [](const S& settings) { return static_cast<int>(settings.line_alignment); },
      [](S& settings, int value) { settings.line_alignment = static_cast<LineAlignment>(value); }};
  return std::to_array<gstx::Property<S>>({
      {"text",
       Text{&S::text},
       "The text; %{utc:FMT}, %{localtime:FMT}, %{pts}, %{frame}, %{channel} and %{metadata:KEY} are replaced for each "
       "picture, %%{ is a plain %{",
       {},
       kAnyTime},
      {"text-file",
       Text{&S::text_file},
       "File with the text (UTF-8, 64 KiB at most), read again when it changes, instead of text; needs allow-files",
       {},
       kAnyTime},
      {"use-markup",
       Flag{&S::use_markup},
       "The text is Pango markup; what is put in for %{...} is escaped",
       {},
       kAnyTime},
      {"font-desc",
       Text{&S::font_desc},
       "Font as Pango describes it: \"Sans Bold 16\" (points at 96 dpi), \"Serif 24px\"",
       {},
       kAnyTime},
      {"color", UInt{&S::color}, "Colour of the text, 0xAARRGGBB", {}, kAnyTime},
      {"outline-color", UInt{&S::outline_color}, "Colour of the outline, 0xAARRGGBB", {}, kAnyTime},
      {"outline-width",
       Double{&S::outline_width},
       "Width of the outline around letters in pixels; 0: none",
       {0, 64},
       kAnyTime},
      {"shadow-color", UInt{&S::shadow_color}, "Colour of the shadow, 0xAARRGGBB", {}, kAnyTime},
      {"shadow-x", Int{&S::shadow_x}, "How far right the shadow lies in pixels; both 0: none", {-256, 256}, kAnyTime},
      {"shadow-y", Int{&S::shadow_y}, "How far down the shadow lies in pixels; both 0: none", {-256, 256}, kAnyTime},
      {"box-color",
       UInt{&S::box_color},
       "Colour of the box behind text and image, 0xAARRGGBB; alpha 0: none",
       {},
       kAnyTime},
      {"box-padding", UInt{&S::box_padding}, "Room between the box and what is in it, in pixels", {0, 1024}, kAnyTime},
      {"line-alignment", kLines, "Where lines stand, seen in the direction of their script", {}, kAnyTime},
      {"line-spacing",
       Int{&S::line_spacing},
       "Room between lines in pixels, beside what the font has",
       {-256, 256},
       kAnyTime},
      {"width", UInt{&S::width},
       "Width of the layer in pixels, box included: longer lines are wrapped; 0: as wide as the text, and at most as "
       "the "
       "picture less its margins",
       kPixels, kAnyTime},
  });
}

template <typename S>
constexpr auto place_properties() {
  using P = LayerTypes<S>;
  using Text = typename P::Text;
  using Flag = typename P::Flag;
  using Int = typename P::Int;
  using UInt = typename P::UInt;
  using UInt64 = typename P::UInt64;
  using Double = typename P::Double;
  constexpr auto kAnyTime = P::kAnyTime;
  constexpr gstx::Range kPixels{0, 16384};
  constexpr gstx::Range kOffset{-16384, 16384};
  constexpr gstx::EnumMember<S> kAnchor{anchor_type,
                                        [](const S& settings) { return static_cast<int>(settings.anchor); },
                                        [](S& settings, int value) { settings.anchor = static_cast<Anchor>(value); }};
  constexpr gstx::EnumMember<S> kImage{
      image_position_type, [](const S& settings) { return static_cast<int>(settings.image_position); },
      [](S& settings, int value) { settings.image_position = static_cast<ImagePosition>(value); }};
  return std::to_array<gstx::Property<S>>({
      {"visible", Flag{&S::visible}, "Show the layer; fade-in and fade-out say how fast that changes", {}, kAnyTime},
      {"priority", Int{&S::priority}, "Layers with a higher one lie above those with a lower one", {}, kAnyTime},
      {"opacity", Double{&S::opacity}, "Opacity of the whole layer, 0 to 1", {0, 1}, kAnyTime},
      {"fade-in",
       UInt64{&S::fade_in},
       "How long the layer takes to appear, in ns of the stream; 0: none",
       {},
       kAnyTime},
      {"fade-out",
       UInt64{&S::fade_out},
       "How long the layer takes to vanish, in ns of the stream; 0: none",
       {},
       kAnyTime},
      {"anchor", kAnchor, "Where in the picture the layer stands", {}, kAnyTime},
      {"margin-x", UInt{&S::margin_x}, "Room to the left and right edge of the picture in pixels", kPixels, kAnyTime},
      {"margin-y", UInt{&S::margin_y}, "Room to the top and bottom edge of the picture in pixels", kPixels, kAnyTime},
      {"x", Int{&S::x}, "Left edge of the layer in the picture in pixels, with anchor=absolute", kOffset, kAnyTime},
      {"y", Int{&S::y}, "Top edge of the layer in the picture in pixels, with anchor=absolute", kOffset, kAnyTime},
      {"crawl-speed",
       Double{&S::crawl_speed},
       "Pixels per second by which the text crawls to the left, negative: to the right; 0: it stands",
       {-10000, 10000},
       kAnyTime},
      {"crawl-loop", Flag{&S::crawl_loop}, "Begin anew when the text has crawled out", {}, kAnyTime},
      {"image",
       Text{&S::image},
       "PNG file (4096x4096 pixels at most), read again when it changes; needs allow-files",
       {},
       kAnyTime},
      {"image-position", kImage, "Where the image stands beside the text", {}, kAnyTime},
      {"image-height",
       UInt{&S::image_height},
       "Height to which the image is scaled, in pixels; 0: as it is",
       {0, 4096},
       kAnyTime},
      {"image-spacing", UInt{&S::image_spacing}, "Room between image and text in pixels", {0, 4096}, kAnyTime},
  });
}

// The same for each type of settings that has a layer's.
template <typename S>
constexpr auto layer_properties() {
  return joined(text_properties<S>(), place_properties<S>());
}

}  // namespace aircheck::drawtext
