#include "channels/demo.hpp"

#include <array>
#include <string>

namespace aircheck::channels {

core::Result<void> ensure_demo_channels(ChannelStore& channels, int target_duration_s, core::Utc now) {
  static constexpr std::array kNames = {"Aircheck One", "Aircheck Two", "Aircheck Three", "Aircheck Four",
                                        "Aircheck Five"};
  if (!channels.all().empty()) return {};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    Channel channel;
    channel.number = static_cast<int>(i) + 1;
    channel.key = "ch" + std::to_string(channel.number);
    channel.name = kNames[i];
    channel.target_duration_s = target_duration_s;
    channel.max_duration_s = target_duration_s;
    channel.variables = {{"width", std::int32_t{640}},
                         {"height", std::int32_t{360}},
                         {"framerate", std::string("25/1")},
                         {"video-bitrate", std::int32_t{800}},
                         {"audio-bitrate", std::int32_t{96}}};
    channel.on_air_wanted = true;
    AIRCHECK_TRY([[maybe_unused]] const Channel stored, channels.insert(channel, now));
  }
  return {};
}

}  // namespace aircheck::channels
