// Dates and times as XMLTV files write them.
#pragma once

#include <glib.h>

#include <optional>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::schedule {

// "20260225143000 +0100", the first 4, 6, 8, 10 or 12 of those digits, with a zone behind them or none (the head of
// xmltv.dtd). A zone is an offset, with or without a colon, Z, or one of the abbreviations that mean one thing in the
// listings of the world: UTC, GMT, BST, CET, CEST, EST ...; another name is kParse. Without a zone the time is that of
// `local`: a time that does not exist, where clocks go forward, is taken as if they had not, and one that exists twice,
// where they go back, is the first that is not before `not_before`.
[[nodiscard]] core::Result<core::Utc> xmltv_instant(std::string_view text, GTimeZone* local,
                                                    std::optional<core::Utc> not_before = std::nullopt);

}  // namespace aircheck::schedule
