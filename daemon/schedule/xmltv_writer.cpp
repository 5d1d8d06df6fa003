#include "schedule/xmltv_writer.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::schedule {

namespace {

// XML 1.0 has no way to write other control characters than these three.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') continue;
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out.push_back(c);
    }
  }
  return out;
}

std::string xmltv_time(core::Utc instant) {
  std::string digits;
  for (const char c : core::to_rfc3339(instant)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  return digits + " +0000";
}

// "1.2.0/1" is XMLTV's own way to count, from 0; everything else is what people read.
std::string_view episode_system(const std::string& episode) {
  const bool counts =
      std::ranges::count(episode, '.') == 2 && episode.find_first_not_of("0123456789./ ") == std::string::npos;
  return counts ? "xmltv_ns" : "onscreen";
}

}  // namespace

XmltvWriter::XmltvWriter()
    : text_(
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE tv SYSTEM \"xmltv.dtd\">\n"
          "<tv generator-info-name=\"Aircheck\">\n") {}

void XmltvWriter::element(std::string_view name, std::string_view attributes, std::string_view text) {
  if (text.empty()) return;
  text_.append("    <").append(name).append(attributes).append(">").append(escaped(text));
  text_.append("</").append(name).append(">\n");
}

void XmltvWriter::channel(std::string_view id, std::string_view name, std::string_view icon_url) {
  text_ += "  <channel id=\"" + escaped(id) + "\">\n";
  element("display-name", "", name);
  if (!icon_url.empty()) text_ += "    <icon src=\"" + escaped(icon_url) + "\"/>\n";
  text_ += "  </channel>\n";
}

void XmltvWriter::programme(std::string_view channel, const Entry& entry) {
  text_ += "  <programme start=\"" + xmltv_time(entry.start) + "\" stop=\"" + xmltv_time(entry.end) + "\" channel=\"" +
           escaped(channel) + "\">\n";
  element("title", "", entry.title);
  element("sub-title", "", entry.sub_title);
  element("desc", "", entry.description);
  for (const std::string& category : entry.categories) element("category", "", category);
  if (!entry.icon_url.empty()) text_ += "    <icon src=\"" + escaped(entry.icon_url) + "\"/>\n";
  const std::string system = " system=\"" + std::string(episode_system(entry.episode_num)) + "\"";
  element("episode-num", system, entry.episode_num);
  text_ += "  </programme>\n";
}

std::string XmltvWriter::finish() && {
  text_ += "</tv>\n";
  return std::move(text_);
}

}  // namespace aircheck::schedule
