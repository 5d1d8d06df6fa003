// The film of a channel without a source: colour bars with something that moves, and a short tone each second. Made
// frame by frame and sample by sample from their numbers, so that it loops and joins in progress like a file.
#pragma once

#include <memory>

#include "worker/source.hpp"

namespace aircheck::worker {

[[nodiscard]] SourceInfo made_up_source(FrameRate rate);

[[nodiscard]] std::unique_ptr<Item> make_made_up_item(Raster raster, Timeline timeline);

}  // namespace aircheck::worker
