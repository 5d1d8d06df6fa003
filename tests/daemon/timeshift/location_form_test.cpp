#include "timeshift/location_form.hpp"

#include <gtest/gtest.h>

namespace aircheck::timeshift {
namespace {

using core::Utc;
using Digits = LocationForm::Digits;

const Utc kStart = core::from_rfc3339("2026-02-25T14:30:00.040Z").value();

TEST(LocationForm, NamesOfOneChannelHaveOneForm) {
  const LocationForm form = form_of("ch1-20260225143000.m4s", kStart);
  EXPECT_EQ(form, (LocationForm{"ch1-", ".m4s", Digits::kSeconds}));
  EXPECT_EQ(form_of("ch1-20260225143006.m4s", kStart + 6 * core::kNsPerSecond), form);
  EXPECT_EQ(location_of(form, kStart + 6 * core::kNsPerSecond), "ch1-20260225143006.m4s");
}

TEST(LocationForm, EveryNameComesBackAsItWas) {
  for (const char* location :
       {"ch1-20260225143000.m4s", "ch1-20260225143000.040.m4s", "ch1-20260225143000-e2.m4s",
        "ch1-20260225143000.040-e1-001.m4s", "2026/02/25/ch1-20260225143000.m4s", "20260225143000/20260225143000.m4s",
        "ch1-20260225143001.m4s", "ch1-20260225143000.041.m4s", "film.m4s", ""}) {
    const LocationForm form = form_of(location, kStart);
    EXPECT_EQ(location_of(form, kStart), location);
    EXPECT_TRUE(is_location(location, form, kStart)) << location;
    EXPECT_FALSE(is_location(std::string(location) + "x", form, kStart)) << location;
  }
  EXPECT_FALSE(is_location("ch1-20260225143001.m4s", form_of("ch1-20260225143000.m4s", kStart), kStart));
  EXPECT_FALSE(is_location("ch2-20260225143000.m4s", form_of("ch1-20260225143000.m4s", kStart), kStart));
}

TEST(LocationForm, ATimeInANameSaysWhereToLook) {
  const Utc second = core::from_rfc3339("2026-02-25T14:30:00Z").value();
  EXPECT_EQ(digits_of("ch1-20260225143000.m4s"), second);
  EXPECT_EQ(digits_of("2026/02/25/ch1-20260225143000.040-e1-001.m4s"), second);
  EXPECT_EQ(digits_of("ch20200101000000-20260225143000.m4s"), second) << "the last one";
  for (const char* location : {"", "film.m4s", "ch1-2026022514300.m4s", "ch1-202602251430000.m4s",
                               "ch1-20261325143000.m4s", "ch1-00000000000000.m4s", "ch1-99999999999999.m4s"}) {
    EXPECT_EQ(digits_of(location), std::nullopt) << location;
  }
}

}  // namespace
}  // namespace aircheck::timeshift
