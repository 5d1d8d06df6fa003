// Which content key a channel on air has, which comes next and when: what the guide asks for, written down as
// truthfully as is known.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "channels/channel.hpp"
#include "channels/key_periods.hpp"
#include "channels/key_store.hpp"
#include "control/values.hpp"

namespace aircheck::channels {

// The newest segment of a channel's archive; without a key it is clear.
struct LastSegment {
  std::optional<core::KeyId> key_id;
  core::Utc end;
};

// The guide of a channel between two instants, by start. `later` is the programme's own right; the plan adds what the
// channel's flags say.
using GuideRights = std::function<std::vector<ProgrammeRights>(const Channel&, core::Utc from, core::Utc to)>;

// Main context only. Instants are those of the media; a clock that was set says nothing about them.
class KeyPlan {
 public:
  struct Change {
    KeyRecord next;
    core::Utc from;
  };

  KeyPlan(KeyStore& keys, const GuideRights& guide) : keys_(keys), guide_(guide) {}

  // The key with which a worker starts whose first segment begins at `anchor` or later.
  core::Result<KeyRecord> start(const Channel& channel, core::Utc anchor, const std::optional<LastSegment>& last);
  // A worker is on air already: its key is that of its last segment. kNotFound: we do not have that key.
  core::Result<void> take_over(const Channel& channel, core::Utc now, const std::optional<LastSegment>& last);
  void stop() { key_.reset(); }
  [[nodiscard]] bool active() const { return key_.has_value(); }

  // Segments that were closed; their keys' periods grow to cover them.
  core::Result<void> used(const std::vector<control::SegmentRow>& rows);
  // Where the key has to change next, as the guide is now. It may be over: `on_air` is how far the media has come.
  core::Result<core::Utc> border(const Channel& channel, core::Utc on_air);
  // Ends the key's period at the border, or now where that is over, and gives the key of the next one.
  core::Result<Change> change(const Channel& channel, core::Utc on_air);
  // The worker has it.
  void changed(const Change& change) { key_ = change.next; }

 private:
  core::Result<KeyRecord> cover(const LastSegment& last);
  [[nodiscard]] core::Utc border_after(const Channel& channel, core::Utc start) const;
  core::Result<KeyRecord> key_at(const Channel& channel, core::Utc instant);

  KeyStore& keys_;
  const GuideRights& guide_;
  std::optional<KeyRecord> key_;  // the last one that the worker was given
};

}  // namespace aircheck::channels
