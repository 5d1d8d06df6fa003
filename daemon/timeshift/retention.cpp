#include "timeshift/retention.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>

#include "base/log.hpp"

namespace aircheck::timeshift {

namespace {

constexpr std::int64_t kRoundEveryNs = 3600 * core::kNsPerSecond;
constexpr std::int64_t kLongestPauseNs = core::kNsPerSecond;

// Deletes the files; the space left is looked at by the same thread, behind them.
DeletedFiles delete_files(const Archive::Retired& batch, const std::function<core::Result<DiskSpace>()>& space) {
  const auto begin = std::chrono::steady_clock::now();
  DeletedFiles outcome;
  for (const std::string& location : batch.locations) {
    const auto removed = batch.folder->remove(location);
    if (removed) continue;
    if (outcome.failed++ == 0) outcome.why = removed.error().message;
  }
  outcome.space = space();
  outcome.took_ns = std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count();
  return outcome;
}

}  // namespace

core::Result<DiskSpace> disk_space(const std::string& folder) {
  struct statvfs status = {};
  if (statvfs(folder.c_str(), &status) != 0) return core::fail_errno(errno, folder);
  return DiskSpace{std::uint64_t{status.f_bavail} * status.f_frsize, std::uint64_t{status.f_blocks} * status.f_frsize};
}

Retention::Retention(Options options, Archive& archive, base::WorkerPool& pool)
    : options_(std::move(options)),
      archive_(archive),
      pool_(pool),
      leftovers_(options_.segment_directory, options_.channel_keys),
      next_round_(options_.now()) {
  timer_ = base::Timer::every(options_.look_every_ms, [this] { look(); });
}

void Retention::look() {
  if (running()) return;
  if (options_.now() >= next_round_) return run();
  pool_.run([space = options_.space] { return space(); },
            [this, alive = std::weak_ptr<bool>(alive_)](const core::Result<DiskSpace>& space) {
              if (alive.expired() || !space) return;
              space_ = *space;
              if (short_of_space(0)) return run();
              say_how_short({});
            });
}

void Retention::run() {
  if (running() || !archive_.complete()) return;
  round_ = RetentionRound{.started = options_.now()};
  next_round_ = round_->started + kRoundEveryNs;
  rules_ = options_.rules();
  deleted_before_ = deleted_segments_;
  displacing_ = looked_ = troubled_ = false;
  step();
}

// With a margin, so that not every segment that is written begins another round.
bool Retention::short_of_space(std::uint64_t margin) const {
  return space_ && options_.min_free_bytes > 0 && space_->free_bytes < options_.min_free_bytes + margin;
}

std::optional<std::string> Retention::oldest_channel() const {
  const core::Utc newest = options_.now() - kAlwaysKeptNs;
  std::optional<std::string> oldest;
  core::Utc start = newest;
  for (const RetentionRule& rule : rules_) {
    const SegmentIndex* const index = archive_.index(rule.channel_id);
    if (index == nullptr || index->segment_count() < 2 || index->ended_before(newest, 1) == 0) continue;
    const auto first = index->row(index->first_sequence());
    if (first->start >= start) continue;
    start = first->start;
    oldest = rule.channel_id;
  }
  return oldest;
}

// What is past its rule first; then, while space is short, what nobody can watch, and then the oldest of what is left,
// little by little.
Retention::Batch Retention::next_batch() {
  constexpr std::size_t kForWantOfSpace = 50;
  for (const RetentionRule& rule : rules_) {
    Batch batch{.files = archive_.retire(rule.channel_id, options_.now() - rule.keep_ns, kBatch)};
    if (!batch.files.locations.empty()) return batch;
  }
  displacing_ = looked_ && short_of_space(displacing_ ? options_.min_free_bytes / 8 : 0);
  if (!displacing_) return {};
  const core::Utc newest = options_.now() - kAlwaysKeptNs;
  Batch batch{.files = leftovers_.retire(newest, kForWantOfSpace), .why = Why::kLeftover};
  if (!batch.files.locations.empty()) return batch;
  const auto oldest = oldest_channel();
  if (!oldest) return {};
  return {.files = archive_.retire(*oldest, newest, kForWantOfSpace), .why = Why::kDisplaced};
}

void Retention::step() {
  auto batch = std::make_shared<const Batch>(next_batch());
  // The round's first look at the disk comes behind its first batch, even an empty one.
  if (batch->files.locations.empty() && looked_) return finish();
  const bool look = !looked_ && !leftovers_.segment_directory().empty();
  pool_.run(
      [batch, look, space = options_.space, folder = leftovers_.segment_directory(),
       keys = look ? leftovers_.channel_keys() : std::set<std::string>()] {
        DeletedFiles outcome = delete_files(batch->files, space);
        std::error_code not_empty;
        if (batch->why == Why::kLeftover) std::filesystem::remove(batch->files.folder->path(), not_empty);
        if (look) {
          outcome.leftovers = std::make_shared<core::Result<std::vector<Leftover>>>(find_leftovers(folder, keys));
        }
        return outcome;
      },
      [this, batch, alive = std::weak_ptr<bool>(alive_)](const DeletedFiles& outcome) {
        if (!alive.expired()) deleted(*batch, outcome);
      });
}

void Retention::deleted(const Batch& batch, const DeletedFiles& outcome) {
  const auto count = [&](std::uint64_t& segments, std::uint64_t& bytes) {
    segments += batch.files.segments;
    bytes += batch.files.bytes;
  };
  switch (batch.why) {
    case Why::kExpired: count(round_->expired_segments, round_->expired_bytes); break;
    case Why::kLeftover: count(round_->leftover_segments, round_->leftover_bytes); break;
    case Why::kDisplaced: count(round_->displaced_segments, round_->displaced_bytes); break;
  }
  count(deleted_segments_, deleted_bytes_);
  if (outcome.failed > 0) warn(outcome.why);
  round_->failed += outcome.failed;
  if (outcome.leftovers && *outcome.leftovers) leftovers_.found(std::move(**outcome.leftovers));
  if (outcome.leftovers && !*outcome.leftovers) {
    warn("what deleted channels have left cannot be read: " + outcome.leftovers->error().message);
  }
  if (!outcome.space) {
    warn("how full the disk is cannot be told: " + outcome.space.error().message);
    return finish();
  }
  space_ = *outcome.space;
  looked_ = true;
  // A disk that deletes nothing gives no space: its rows would go one after the other, for nothing.
  if (outcome.failed > 0) return finish();
  // Whoever else uses the disk or the processor has it for twice as long as we did.
  const std::int64_t pause_ns = std::min(2 * outcome.took_ns, kLongestPauseNs);
  pause_ = base::Timer::once(1 + pause_ns / core::kNsPerMs, [this] { step(); });
}

void Retention::finish() {
  round_->finished = options_.now();
  leftovers_.forget_files();
  const RetentionRound& round = *round_;
  if (!troubled_ && deleted_segments_ > deleted_before_) warned_.reset();
  say_how_short(round);
  expired_.segments += round.expired_segments;
  expired_.bytes += round.expired_bytes;
  say(expired_, !shortage_.lasts(), "nothing lists them any more");
  left_over_.segments += round.leftover_segments;
  left_over_.bytes += round.leftover_bytes;
  say(left_over_, leftovers_.bytes() == 0, "the disk is nearly full, and their channels are no more");
}

void Retention::say(Unsaid& unsaid, bool at_once, const char* of_what) const {
  if (unsaid.segments == 0 || (!at_once && !hourly_due(unsaid.said, round_->started))) return;
  base::log_info("retention",
                 std::to_string(unsaid.segments) + " segments (" + size_text(unsaid.bytes) + ") deleted: " + of_what);
  unsaid = {.said = round_->started};
}

void Retention::say_how_short(const RetentionRound& round) {
  if (!space_) return;
  const auto notice = shortage_.after({.at = options_.now(),
                                       .free_bytes = space_->free_bytes,
                                       .wanted_bytes = options_.min_free_bytes,
                                       .displaced_segments = round.displaced_segments,
                                       .displaced_bytes = round.displaced_bytes});
  if (notice) base::log(notice->level, "retention", notice->text);
}

// Of rounds that come every half minute, each with the same trouble.
void Retention::warn(const std::string& trouble) {
  troubled_ = true;
  if (warned_ && !hourly_due(*warned_, options_.now())) return;
  warned_ = options_.now();
  base::log_warning("retention", trouble);
}

}  // namespace aircheck::timeshift
