#include "gobj/time_zone.hpp"

#include <gtest/gtest.h>

#include <string>

namespace aircheck::gobj {
namespace {

TEST(TimeZone, IanaNamesAreFound) {
  for (const char* name :
       {"UTC", "Europe/London", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5"}) {
    EXPECT_NE(find_time_zone(name), nullptr) << name;
  }
}

// Each of these GLib itself would take, most of them as the name of a file.
TEST(TimeZone, FilesOffsetsAndRulesAreNot) {
  for (const char* name :
       {"", "+01:00", "EST5EDT", "Nowhere/Atlantis", "/usr/share/zoneinfo/Europe/London",
        ":/usr/share/zoneinfo/Europe/London", "Europe/../Europe/London", "../zoneinfo/Europe/London", "./Europe/London",
        "Europe//London", "Europe/", "/dev/zero", "Europe/London ", "Europe/Lon\ndon"}) {
    EXPECT_EQ(find_time_zone(name), nullptr) << name;
  }
  EXPECT_EQ(find_time_zone("Europe/" + std::string(4000, 'a')), nullptr);
}

}  // namespace
}  // namespace aircheck::gobj
