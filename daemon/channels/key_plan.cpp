#include "channels/key_plan.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::channels {

using core::Result;
using core::Utc;

Utc KeyPlan::border_after(const Channel& channel, Utc start) const {
  const bool catchup = channel.tstv_enabled && channel.catchup_enabled;
  std::vector<ProgrammeRights> programmes;
  if (guide_) programmes = guide_(channel, start, longest_period_end(start));
  for (ProgrammeRights& programme : programmes) programme.later = programme.later && catchup;
  return next_border(programmes, catchup, start);
}

Result<KeyRecord> KeyPlan::key_at(const Channel& channel, Utc instant) {
  return keys_.at(channel.id, instant, {instant, border_after(channel, instant)});
}

// Without a daemon a worker goes on with the key that it has. kNotFound: nobody can give that key out.
Result<KeyRecord> KeyPlan::cover(const LastSegment& last) {
  AIRCHECK_TRY(const KeyRecord key, keys_.find(*last.key_id));
  return keys_.cover(key.key_id, {key.period.start, last.end});
}

Result<KeyRecord> KeyPlan::start(const Channel& channel, Utc anchor, const std::optional<LastSegment>& last) {
  key_.reset();
  if (last && last->key_id) {
    auto covered = cover(*last);
    if (!covered && covered.error().code != core::Code::kNotFound) return covered;
  }
  AIRCHECK_TRY(KeyRecord key, key_at(channel, anchor));
  // The guide may have changed while nothing was on air.
  const Utc border = border_after(channel, key.period.start);
  if (border <= anchor) {
    AIRCHECK_TRY_VOID(keys_.end_at(key, last ? std::clamp(last->end, border, anchor) : border));
    AIRCHECK_TRY(key, key_at(channel, anchor));
  }
  key_ = key;
  return key;
}

Result<void> KeyPlan::take_over(const Channel& channel, Utc now, const std::optional<LastSegment>& last) {
  key_.reset();
  AIRCHECK_TRY(key_, last && last->key_id ? cover(*last) : key_at(channel, now));
  return {};
}

Result<void> KeyPlan::used(const std::vector<control::SegmentRow>& rows) {
  for (auto row = rows.begin(); row != rows.end();) {
    const auto key_id = row->key_id;
    Period used{row->start, row->start + row->duration_ns};
    for (; row != rows.end() && row->key_id == key_id; ++row) {
      used.start = std::min(used.start, row->start);
      used.end = std::max(used.end, row->start + row->duration_ns);
    }
    if (!key_id) continue;
    AIRCHECK_TRY(KeyRecord key, keys_.cover(*key_id, used));
    if (key_ && key_->key_id == *key_id) key_ = std::move(key);
  }
  return {};
}

Result<Utc> KeyPlan::border(const Channel& channel, Utc on_air) {
  Utc border = border_after(channel, key_->period.start);
  // A key that was made for later may have reached the worker already.
  AIRCHECK_TRY(const std::optional<Utc> next, keys_.next_start(channel.id, key_->period.start));
  if (next) border = std::min(border, *next);
  if (border > on_air) {
    AIRCHECK_TRY(key_, keys_.end_at(*key_, border));
  }
  return border;
}

Result<KeyPlan::Change> KeyPlan::change(const Channel& channel, Utc on_air) {
  AIRCHECK_TRY(const Utc due, border(channel, on_air));
  const Utc from = std::max(due, on_air);
  AIRCHECK_TRY(key_, keys_.end_at(*key_, from));
  AIRCHECK_TRY(KeyRecord next, key_at(channel, from));
  return Change{std::move(next), from};
}

}  // namespace aircheck::channels
