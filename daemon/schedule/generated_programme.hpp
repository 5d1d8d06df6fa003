// Made-up programmes for channels that have no schedule of their own.
#pragma once

#include "schedule/guide.hpp"

namespace aircheck::schedule {

// The programme of a channel in [start, end): a function of its arguments alone. Its id is a UUID (RFC 9562 version 8)
// of channel and start.
[[nodiscard]] Entry generated_programme(const std::string& channel_id, core::Utc start, core::Utc end,
                                        std::int64_t programme_ns);

}  // namespace aircheck::schedule
