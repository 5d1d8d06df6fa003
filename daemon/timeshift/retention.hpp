// Deletes the segments that no rule keeps any longer, hourly, and the oldest ones when the disk fills up.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/main_context.hpp"
#include "base/worker_pool.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "timeshift/archive.hpp"
#include "timeshift/disk_shortage.hpp"
#include "timeshift/leftovers.hpp"

namespace aircheck::timeshift {

struct RetentionRule {
  std::string channel_id;
  std::int64_t keep_ns = 0;  // how long after its end a segment is kept
};

struct DiskSpace {
  std::uint64_t free_bytes = 0;  // that the daemon may use
  std::uint64_t total_bytes = 0;
};

// Of the file system of a folder. Slow: for pool threads.
[[nodiscard]] core::Result<DiskSpace> disk_space(const std::string& folder);

// One round, hourly or for want of space.
struct RetentionRound {
  core::Utc started;
  std::optional<core::Utc> finished;
  std::uint64_t expired_segments = 0;  // past what their rule keeps
  std::uint64_t expired_bytes = 0;
  std::uint64_t displaced_segments = 0;  // that could still be watched, deleted for want of space
  std::uint64_t displaced_bytes = 0;
  std::uint64_t leftover_segments = 0;  // of channels that are no more, deleted for want of space
  std::uint64_t leftover_bytes = 0;
  std::uint64_t failed = 0;  // files that could not be deleted: they are found again at the next start
};

// What a pool thread says about one batch of files.
struct DeletedFiles {
  std::uint64_t failed = 0;
  std::string why;                              // of the first failure
  core::Result<DiskSpace> space = DiskSpace{};  // behind it
  std::int64_t took_ns = 0;
  std::shared_ptr<core::Result<std::vector<Leftover>>> leftovers = nullptr;  // where they were looked for
};

// Main context only.
class Retention {
 public:
  struct Options {
    std::uint64_t min_free_bytes =
        0;  // below this leftovers go, and then the oldest segments of all channels; 0: never
    int look_every_ms = 30'000;
    std::function<core::Utc()> now;
    std::function<std::vector<RetentionRule>()> rules;
    std::function<core::Result<DiskSpace>()> space;  // asked on a pool thread
    // Where deleted channels have left segments, and the keys of those that there are. An empty text: nobody looks.
    std::string segment_directory = {};
    std::function<std::set<std::string>()> channel_keys = [] { return std::set<std::string>(); };
  };

  // The archive and the pool have to live longer.
  Retention(Options options, Archive& archive, base::WorkerPool& pool);
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

  // Begins a round, unless one is under way. By itself once an hour, and every half minute when space is short.
  void run();
  [[nodiscard]] bool running() const { return round_.has_value() && !round_->finished; }

  // The last round, finished or under way; nothing before the first one.
  [[nodiscard]] const std::optional<RetentionRound>& round() const { return round_; }
  // As of the last look, half a minute ago at most.
  [[nodiscard]] const std::optional<DiskSpace>& space() const { return space_; }
  // How long segments are kept, as of now.
  [[nodiscard]] std::vector<RetentionRule> rules() const { return options_.rules(); }
  [[nodiscard]] std::uint64_t min_free_bytes() const { return options_.min_free_bytes; }
  void set_min_free_bytes(std::uint64_t bytes) { options_.min_free_bytes = bytes; }
  // What deleted channels have left, as of the last round.
  [[nodiscard]] const Leftovers& leftovers() const { return leftovers_; }
  // Of all rounds since the daemon started.
  [[nodiscard]] std::uint64_t deleted_segments() const { return deleted_segments_; }
  [[nodiscard]] std::uint64_t deleted_bytes() const { return deleted_bytes_; }

  // Rows per step: a few milliseconds of a disk, and far less than a playlist's time on the main context.
  static constexpr std::size_t kBatch = 100;
  // Nobody's programme is taken away while it runs, whatever the disk says.
  static constexpr std::int64_t kAlwaysKeptNs = 3600 * core::kNsPerSecond;

 private:
  void look();
  void step();
  enum class Why { kExpired, kLeftover, kDisplaced };
  struct Batch {
    Archive::Retired files;
    Why why = Why::kExpired;
  };
  // Segments that are logged later than they were deleted: rounds come every half minute while space is short.
  struct Unsaid {
    std::uint64_t segments = 0;
    std::uint64_t bytes = 0;
    core::Utc said;
  };

  [[nodiscard]] Batch next_batch();
  [[nodiscard]] std::optional<std::string> oldest_channel() const;
  [[nodiscard]] bool short_of_space(std::uint64_t margin) const;
  void deleted(const Batch& batch, const DeletedFiles& outcome);
  void finish();
  void say(Unsaid& unsaid, bool at_once, const char* of_what) const;
  void say_how_short(const RetentionRound& round);
  void warn(const std::string& trouble);

  Options options_;
  Archive& archive_;
  base::WorkerPool& pool_;
  std::vector<RetentionRule> rules_;  // of the round
  std::optional<RetentionRound> round_;
  std::optional<DiskSpace> space_;
  std::uint64_t deleted_segments_ = 0;
  std::uint64_t deleted_bytes_ = 0;
  std::uint64_t deleted_before_ = 0;  // segments, at the beginning of the round
  bool looked_ = false;               // at the space, in this round
  bool displacing_ = false;
  DiskShortage shortage_;
  Leftovers leftovers_;
  Unsaid expired_;
  Unsaid left_over_;
  std::optional<core::Utc> warned_;  // until a round deletes without trouble
  bool troubled_ = false;            // this round
  core::Utc next_round_;
  base::Timer timer_;
  base::Timer pause_;  // between two batches
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::timeshift
