#include "schedule/entry.hpp"

#include <algorithm>

#include "base/http_url.hpp"

namespace aircheck::schedule {

namespace {

core::Unexpected<core::Error> wrong(std::string_view field, std::string_view what) {
  return core::fail(core::Code::kInvalidArgument, "\"" + std::string(field) + "\" " + std::string(what));
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_line(const std::string& text, std::size_t most) {
  return text.size() <= most && std::none_of(text.begin(), text.end(), is_control);
}

// A description may have lines.
bool is_text(const std::string& text, std::size_t most) {
  return text.size() <= most &&
         std::none_of(text.begin(), text.end(), [](char c) { return is_control(c) && c != '\n'; });
}

}  // namespace

core::Result<void> validate(const Entry& entry) {
  if (entry.title.empty() || !is_line(entry.title, kTitleBytes)) {
    return wrong("title", "has to be 1 to 500 bytes of text in one line");
  }
  if (!is_line(entry.sub_title, kTitleBytes)) return wrong("sub_title", "has to be at most 500 bytes in one line");
  if (!is_text(entry.description, kDescriptionBytes))
    return wrong("description", "has to be at most 8000 bytes of text");
  const bool named = std::all_of(entry.categories.begin(), entry.categories.end(), [](const std::string& category) {
    return !category.empty() && is_line(category, kCategoryBytes);
  });
  if (!named || entry.categories.size() > kMostCategories) {
    return wrong("categories", "has to be at most 20 names of 1 to 100 bytes");
  }
  if (!is_line(entry.episode_num, kEpisodeBytes))
    return wrong("episode_num", "has to be at most 100 bytes in one line");
  if (!entry.icon_url.empty() && (!is_line(entry.icon_url, kIconBytes) || !base::is_http_url(entry.icon_url))) {
    return wrong("icon_url", "has to be an http or https URL, or empty");
  }
  if (entry.end <= entry.start) return wrong("end", "has to be after start");
  if (entry.end - entry.start > kLongestEntryNs) return wrong("end", "has to be at most 24 hours after start");
  return {};
}

std::string tidy_text(std::string_view text, std::size_t most) {
  std::string tidy;
  for (const char c : text) {
    const bool space = c == ' ' || is_control(c);
    if (!space) tidy.push_back(c);
    if (space && !tidy.empty() && tidy.back() != ' ') tidy.push_back(' ');
  }
  if (tidy.size() > most) {
    // Continuation bytes of UTF-8 begin with the bits 10.
    while (most > 0 && (static_cast<unsigned char>(tidy[most]) & 0xc0) == 0x80) --most;
    tidy.resize(most);
  }
  while (!tidy.empty() && tidy.back() == ' ') tidy.pop_back();
  return tidy;
}

}  // namespace aircheck::schedule
