// Keys that are to come, and the frames from which they hold.
#pragma once

#include <gst/gst.h>

#include <atomic>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/secret.hpp"
#include "gobj/guarded.hpp"

namespace aircheck::cenc {

struct NamedKey {
  core::KeyId key_id{};
  core::ContentKey key;
};

// Both as 32 hexadecimal digits. kInvalidArgument names the one that is wrong and repeats neither.
core::Result<NamedKey> named_key_from_hex(const std::string& key_id, const std::string& key);

// Which key each key id stands for. A second key under one id could not be told from the first one: players and licence
// servers know keys by their ids alone. The ids that were named last are known, which is more than any window that is
// still played: with a change every six seconds almost seven hours, with one an hour five months. Any thread.
class KnownKeys {
 public:
  static constexpr std::size_t kCapacity = 4096;

  // kConflict where the id stands for another key.
  core::Result<void> admit(const NamedKey& key);
  void clear() { keys_.lock()->clear(); }

 private:
  gobj::Guarded<std::deque<NamedKey>> keys_;  // the one named last stands in front
};

// Any thread adds, the streaming thread takes.
class KeyChanges {
 public:
  // GST_CLOCK_TIME_NONE: at the next occasion. Of two with the same time the later one holds.
  void add(const NamedKey& key, GstClockTime running_time);

  // Without the lock, so that frames between changes cost nothing.
  [[nodiscard]] bool empty() const { return count_ == 0; }

  // Forgets those that are due at `running_time` (nanoseconds, may be negative) and gives the last of them.
  std::optional<NamedKey> take(GstClockTimeDiff running_time);

  void clear();

 private:
  struct Change {
    GstClockTimeDiff from;
    NamedKey key;
  };

  gobj::Guarded<std::vector<Change>> changes_;  // in the order of their times
  std::atomic<std::size_t> count_ = 0;
};

}  // namespace aircheck::cenc
