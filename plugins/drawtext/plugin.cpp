#include "gstx/plugin.hpp"
#include "drawtext/drawtextoverlay.hpp"

AIRCHECK_PLUGIN(drawtext, "Text, clocks, crawls and images over video", aircheck::drawtext::register_drawtextoverlay);
