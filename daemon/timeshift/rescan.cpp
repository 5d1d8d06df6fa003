#include "timeshift/rescan.hpp"

#include <algorithm>
#include <iterator>

#include "core/segment_info.hpp"
#include "timeshift/folder_files.hpp"

namespace aircheck::timeshift {

namespace {

// styp, our uuid box and the moof's header are within it.
constexpr std::size_t kHeadSize = 4096;

// The numbers of `known` that are not in `present`.
std::vector<std::uint64_t> numbers_without(const SegmentIndex& known, std::vector<std::uint64_t> present) {
  std::vector<std::uint64_t> missing;
  if (present.size() == known.segment_count()) return missing;
  std::sort(present.begin(), present.end());
  const auto all = known.sequences();
  std::set_difference(all.begin(), all.end(), present.begin(), present.end(), std::back_inserter(missing));
  return missing;
}

}  // namespace

core::Result<SegmentRow> read_segment_row(const SegmentFolder& folder, const std::string& location) {
  AIRCHECK_TRY(const core::Bytes head, folder.read_head(location, kHeadSize));
  AIRCHECK_TRY(const core::SegmentInfo info, core::read_segment_info(head).with_context(location));
  AIRCHECK_TRY(const std::uint64_t size, folder.size(location));
  return SegmentRow{
      .sequence = info.sequence,
      .discontinuity_sequence = info.discontinuity_sequence,
      .start = info.start,
      .duration_ns = info.duration_ns,
      .size = size,
      .epoch = info.epoch,
      .discontinuity = info.discontinuity,
      .key_id = info.key_id,
      .location = location,
      .init_location = location.substr(0, location.rfind('/') + 1) + info.init_name,
  };
}

core::Result<Rescan> rescan(const SegmentFolder& folder, const std::string& channel_key, const SegmentIndex& known) {
  AIRCHECK_TRY(const SegmentNames names, SegmentNames::of(channel_key));
  std::vector<std::string> strangers;
  std::vector<std::uint64_t> present;
  present.reserve(known.segment_count());
  AIRCHECK_TRY_VOID(walk_files(folder.path(), [&](const std::string& location) {
    const auto instant = digits_of(location);
    if (!instant) return;
    if (const auto sequence = known.find_sequence(location, *instant)) {
      present.push_back(*sequence);
    } else if (names.has(location)) {
      strangers.push_back(location);
    }
  }));
  // Two files of one number: the first name wins, on every run.
  std::sort(strangers.begin(), strangers.end());
  Rescan found{.missing = numbers_without(known, std::move(present))};
  for (const std::string& location : strangers) {
    if (auto row = read_segment_row(folder, location)) {
      found.rows.push_back(std::move(*row));
    } else {
      found.unreadable.push_back(row.error().message);
    }
  }
  std::stable_sort(found.rows.begin(), found.rows.end(),
                   [](const SegmentRow& a, const SegmentRow& b) { return a.sequence < b.sequence; });
  return found;
}

}  // namespace aircheck::timeshift
