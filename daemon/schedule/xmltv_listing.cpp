#include <algorithm>
#include <utility>

#include "schedule/xmltv.hpp"

namespace aircheck::schedule {

namespace {

std::string line_of(const XmltvProgramme& programme) {
  return "line " + std::to_string(programme.line);
}

}  // namespace

Listing make_listing(const std::string& xmltv_channel, const std::string& channel_id,
                     std::vector<XmltvProgramme> programmes, std::vector<XmltvNote>& notes) {
  std::ranges::stable_sort(programmes, {}, [](const XmltvProgramme& programme) { return programme.entry.start; });
  const auto note = [&](const XmltvProgramme& programme, std::string message) {
    notes.push_back({programme.line, xmltv_channel, std::move(message)});
  };
  std::vector<XmltvProgramme> distinct;
  for (XmltvProgramme& programme : programmes) {
    if (!distinct.empty() && distinct.back().entry.start == programme.entry.start) {
      note(programme, "left out: it begins when that of " + line_of(distinct.back()) + " does");
      continue;
    }
    distinct.push_back(std::move(programme));
  }
  Listing listing{.channel_id = channel_id, .entries = {}};
  for (std::size_t i = 0; i < distinct.size(); ++i) {
    XmltvProgramme& programme = distinct[i];
    const XmltvProgramme* next = i + 1 < distinct.size() ? &distinct[i + 1] : nullptr;
    if (programme.stop && *programme.stop <= programme.entry.start) {
      note(programme, "its stop is not after its start");
      programme.stop.reset();
    }
    if (!programme.stop && next == nullptr) {
      note(programme, "left out: nothing says when it ends");
      continue;
    }
    core::Utc end = programme.stop ? *programme.stop : next->entry.start;
    if (next != nullptr && end > next->entry.start) {
      note(programme, "cut where that of " + line_of(*next) + " begins");
      end = next->entry.start;
    }
    if (end - programme.entry.start > kLongestEntryNs) {
      note(programme, "left out: it lasts more than 24 hours");
      continue;
    }
    programme.entry.end = end;
    listing.entries.push_back(std::move(programme.entry));
  }
  return listing;
}

}  // namespace aircheck::schedule
