#include "cenc/key_changes.hpp"

#include <algorithm>
#include <limits>

namespace aircheck::cenc {

core::Result<NamedKey> named_key_from_hex(const std::string& key_id, const std::string& key) {
  NamedKey named;
  AIRCHECK_TRY(named.key_id, core::key_id_from_hex(key_id).with_context("key-id"));
  AIRCHECK_TRY(named.key, core::ContentKey::from_hex(key).with_context("key"));
  return named;
}

core::Result<void> KnownKeys::admit(const NamedKey& key) {
  auto keys = keys_.lock();
  const auto known = std::ranges::find(*keys, key.key_id, &NamedKey::key_id);
  if (known == keys->end()) {
    keys->push_front(key);
    if (keys->size() > kCapacity) keys->pop_back();
    return {};
  }
  if (known->key == key.key) {
    std::rotate(keys->begin(), known, known + 1);
    return {};
  }
  return core::fail(core::Code::kConflict, "key-id: " + core::to_hex(key.key_id) +
                                               " stands for another key already: give each key an id of its own");
}

void KeyChanges::add(const NamedKey& key, GstClockTime running_time) {
  const GstClockTimeDiff from = GST_CLOCK_TIME_IS_VALID(running_time)
                                    ? static_cast<GstClockTimeDiff>(std::min<GstClockTime>(running_time, G_MAXINT64))
                                    : std::numeric_limits<GstClockTimeDiff>::min();
  auto changes = changes_.lock();
  changes->insert(std::ranges::upper_bound(*changes, from, {}, &Change::from), {from, key});
  count_ = changes->size();
}

std::optional<NamedKey> KeyChanges::take(GstClockTimeDiff running_time) {
  auto changes = changes_.lock();
  const auto end = std::ranges::upper_bound(*changes, running_time, {}, &Change::from);
  if (end == changes->begin()) return std::nullopt;
  const NamedKey due = std::prev(end)->key;
  changes->erase(changes->begin(), end);
  count_ = changes->size();
  return due;
}

void KeyChanges::clear() {
  auto changes = changes_.lock();
  changes->clear();
  count_ = 0;
}

}  // namespace aircheck::cenc
