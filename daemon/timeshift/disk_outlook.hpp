// How long a disk lasts for archives of which the oldest part goes all the time.
#pragma once

#include <cstdint>
#include <vector>

namespace aircheck::timeshift {

// What one channel's archive takes, and how that changes.
struct ArchiveTrend {
  std::uint64_t bytes = 0;
  double reaches_back_h = 0;  // from now to its oldest segment
  double keep_h = 0;          // after which retention deletes
  double bytes_per_hour = 0;  // that are written
};

// Hours until all of them take `room` bytes more than they do now; infinity where what expires makes room in time. As
// if each archive had been written evenly: exact for one without holes and at one rate.
[[nodiscard]] double hours_until_full(const std::vector<ArchiveTrend>& trends, std::uint64_t room);

}  // namespace aircheck::timeshift
