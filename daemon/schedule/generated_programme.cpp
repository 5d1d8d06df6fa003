#include "schedule/generated_programme.hpp"

#include <array>
#include <string_view>

#include "schedule/stable_id.hpp"

namespace aircheck::schedule {

namespace {

struct Template {
  std::string_view title;
  std::string_view description;
};

constexpr std::array kProgrammes{
    Template{"Harbour News", "What happened today, and what it means for the coast."},
    Template{"The Long Way Home", "Three friends, one van and four hundred miles of back roads."},
    Template{"Kitchen Table", "A cook, a guest and whatever is left in the larder."},
    Template{"Weather Watch", "The outlook for the week, with the maps explained."},
    Template{"Night Trains", "Sleepers and their stations: tonight from Inverness to London."},
    Template{"Small Wonders", "Insects, mosses and other neighbours, very close up."},
    Template{"The Repair Shop Round the Corner", "An accordion, a clock and a stubborn typewriter."},
    Template{"Quarter Past", "Short interviews with people who changed their minds."},
    Template{"Sketchbook", "How to draw what you see instead of what you know."},
    Template{"Lights Out", "A power cut, a village hall and a murder; part two."},
    Template{"Songs from the Attic", "Old sheet music, played for the first time in a century."},
    Template{"First Edition", "New books, and one that deserves a second reading."},
    Template{"Uphill", "Hill walking for people who would rather sit."},
    Template{"Market Day", "Growers, sellers and prices from five towns."},
    Template{"The Understudy", "On opening night the lead does not turn up."},
    Template{"Orbit", "The month in space flight, without the countdowns."},
    Template{"Parish Notices", "Comedy from a council that has no agenda."},
    Template{"Slow Radio, With Pictures", "A river from its spring to its mouth."},
    Template{"Half Time", "Goals, saves and the view from the cheap seats."},
};

std::string name_of(const std::string& channel_id, core::Utc start) {
  return "aircheck generated programme v1|" + channel_id + "|" + std::to_string(start.ns);
}

}  // namespace

Entry generated_programme(const std::string& channel_id, core::Utc start, core::Utc end, std::int64_t programme_ns) {
  // Neighbours in time differ because the slots count up; channels differ by where they begin.
  const std::uint64_t offset = digest_of(name_of(channel_id, core::Utc{0}))[0];
  const auto slot = static_cast<std::uint64_t>(core::slot_of(start, programme_ns));
  const Template& programme = kProgrammes[(slot + offset) % kProgrammes.size()];
  return Entry{
      .id = stable_uuid(name_of(channel_id, start)),
      .channel_id = channel_id,
      .title = std::string(programme.title),
      .description = std::string(programme.description),
      .start = start,
      .end = end,
  };
}

}  // namespace aircheck::schedule
