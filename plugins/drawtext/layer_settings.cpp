#include "drawtext/layer_settings.hpp"

namespace aircheck::drawtext {

namespace {

template <typename Value>
GEnumValue entry(Value value, const char* name, const char* nick) {
  return {static_cast<int>(value), name, nick};
}

}  // namespace

GType anchor_type() {
  static const GEnumValue kValues[] = {
      entry(Anchor::kTopLeft, "Top left", "top-left"),
      entry(Anchor::kTop, "Top centre", "top"),
      entry(Anchor::kTopRight, "Top right", "top-right"),
      entry(Anchor::kLeft, "Centre left", "left"),
      entry(Anchor::kCenter, "Centre", "center"),
      entry(Anchor::kRight, "Centre right", "right"),
      entry(Anchor::kBottomLeft, "Bottom left", "bottom-left"),
      entry(Anchor::kBottom, "Bottom centre", "bottom"),
      entry(Anchor::kBottomRight, "Bottom right", "bottom-right"),
      entry(Anchor::kAbsolute, "At x and y", "absolute"),
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckDrawTextAnchor", kValues);
  return type;
}

GType line_alignment_type() {
  static const GEnumValue kValues[] = {
      entry(LineAlignment::kStart, "Where lines begin: left, or right in scripts that run to the left", "start"),
      entry(LineAlignment::kCenter, "Centred", "center"),
      entry(LineAlignment::kEnd, "Where lines end", "end"),
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckDrawTextLineAlignment", kValues);
  return type;
}

GType image_position_type() {
  static const GEnumValue kValues[] = {
      entry(ImagePosition::kLeft, "Left of the text", "left"),
      entry(ImagePosition::kRight, "Right of the text", "right"),
      entry(ImagePosition::kAbove, "Above the text", "above"),
      entry(ImagePosition::kBelow, "Below the text", "below"),
      entry(ImagePosition::kBehind, "Behind the text", "behind"),
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckDrawTextImagePosition", kValues);
  return type;
}

}  // namespace aircheck::drawtext
