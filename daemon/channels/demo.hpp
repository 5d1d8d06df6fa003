// The channels that --demo begins with.
#pragma once

#include "channels/channel_store.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::channels {

// ch1 to ch5, 640x360p25, on air; only on a station that has no channel yet.
core::Result<void> ensure_demo_channels(ChannelStore& channels, int target_duration_s, core::Utc now);

}  // namespace aircheck::channels
