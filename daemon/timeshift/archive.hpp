// The archives of all channels: their indexes, what keeps them on disk, and what playlists need to know of their media.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/main_context.hpp"
#include "base/worker_pool.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "timeshift/index_store.hpp"
#include "timeshift/media_facts.hpp"
#include "timeshift/rescan.hpp"
#include "timeshift/segment_folder.hpp"
#include "timeshift/segment_index.hpp"

namespace aircheck::timeshift {

// What the archive has to know of a channel.
struct ArchivedChannel {
  std::string id;
  std::string key;  // cdn_channel_key: its folder and the beginning of its file names
  int target_duration_s = 6;
};

// Main context only.
class Archive {
 public:
  struct Options {
    std::string segment_directory;  // with a folder for each channel
    std::string index_path;         // index.db
    std::function<core::Utc()> now;
  };

  // Opens index.db. The pool has to live longer.
  static core::Result<std::unique_ptr<Archive>> open(Options options, base::WorkerPool& pool);
  ~Archive();
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // Takes a channel in. A pool thread reads its rows from index.db and compares them with its folder; until then its
  // index is empty. `scanned` (may be empty) is called once when it is complete. A channel that is known is not taken
  // in twice.
  void add_channel(const ArchivedChannel& channel, std::function<void()> scanned = {});
  // Forgets a channel. Its files and its rows on disk stay.
  void remove_channel(std::string_view channel_id);
  // Every channel's folder has been compared with its index; or that of one channel.
  [[nodiscard]] bool complete() const;
  [[nodiscard]] bool complete(std::string_view channel_id) const;

  // Reads every file of a channel anew, on a pool thread, and puts right what the index says otherwise; playlists are
  // answered meanwhile, nothing is retired. Slots that were listed as GAP stay GAP. kNotFound: the channel was not
  // taken in. kUnavailable: its folder is being read already.
  struct Rebuilt {
    std::size_t segments = 0;  // that are listed now
    std::size_t added = 0;
    std::size_t removed = 0;              // files that are gone
    std::size_t corrected = 0;            // rows that said something else
    std::vector<std::string> unreadable;  // "location: why"
  };
  void rebuild(std::string_view channel_id, std::function<void(const core::Result<Rebuilt>&)> done);

  // A segment that the worker finished. Rows that are there already change nothing.
  void add_segment(std::string_view channel_id, const SegmentRow& row);
  // Nothing that begins before `until` will come any more, says the worker, which goes on: the slots are GAP rows.
  void add_loss(std::string_view channel_id, core::Utc until);
  // True while no worker makes segments for the channel: its missed slots are listed as GAP rows. False: a worker
  // begins, in the slot of this moment or later.
  void set_worker_down(std::string_view channel_id, bool down);

  // Files that nobody lists any more.
  struct Retired {
    std::shared_ptr<const SegmentFolder> folder;
    std::vector<std::string> locations;  // segments, then init segments that no row names
    std::size_t segments = 0;
    std::uint64_t bytes = 0;  // of the segments
  };
  // Takes the oldest rows out that end before an instant, `limit` at most, and gives their files away to be deleted.
  // The newest segment stays. Nothing before the channel's folder has been compared with its index.
  Retired retire(std::string_view channel_id, core::Utc ended_before, std::size_t limit);

  // Null for a channel that was not taken in.
  [[nodiscard]] const SegmentIndex* index(std::string_view channel_id) const;
  [[nodiscard]] const MediaFactsMap& facts(std::string_view channel_id) const;
  // Changes whenever facts() of the channel does.
  [[nodiscard]] std::uint64_t facts_revision(std::string_view channel_id) const;
  [[nodiscard]] std::shared_ptr<const SegmentFolder> folder(std::string_view channel_id) const;
  // A worker that starts must not begin before this.
  [[nodiscard]] core::Utc not_before(std::string_view channel_id) const;

  // Changes that index.db does not have yet: more than a few thousand for long means that it cannot be written.
  [[nodiscard]] std::size_t unwritten_changes() const { return store_->pending(); }

  // Lists due GAP rows, and has a pool thread write index.db. Runs by itself twice a second and once at the end, which
  // waits until it is written.
  void tick();

 private:
  // What a pool thread made of index.db and the folder.
  struct Scan {
    SegmentIndex index;
    std::optional<core::Error> damage;  // index.db cannot be read: the rows are those of the files
    core::Result<Rescan> rescan = Rescan{};
  };
  struct Channel {
    ArchivedChannel settings;
    SegmentIndex index;
    std::uint64_t facts_revision = 0;
    std::vector<SegmentRow> early;  // segments that came before the scan was done
    std::shared_ptr<const SegmentFolder> folder;
    MediaFactsMap facts;
    std::set<std::string, std::less<>> facts_wanted;  // init segments that are being read
    std::vector<SegmentRow>
        unlisted;  // files of ours that came after their slot was listed as GAP, or contradict others
    bool scanned = false;
    bool rebuilding = false;
    bool worker_down = false;
    // The slot in which a worker that was down began anew: what is missing before it will not come.
    core::Utc worker_begins{0};
  };

  Archive(Options options, base::WorkerPool& pool, std::shared_ptr<IndexStore> store);

  [[nodiscard]] Channel* find(std::string_view channel_id);
  [[nodiscard]] const Channel* find(std::string_view channel_id) const;
  static Scan scan(const std::string& index_path, const ArchivedChannel& settings, const SegmentFolder& folder);
  void start_scan(Channel& channel, std::function<void()> scanned);
  void finish_scan(Channel& channel, Scan scan, int index_generation);
  void list_due_gaps();
  void list_gaps(Channel& channel, core::Utc until);
  void flushed(const core::Result<void>& flushed);
  void begin_index_anew(const core::Error& why);
  Rebuilt finish_rebuild(Channel& channel, const Rescan& rescan, std::optional<std::uint64_t> last_before);
  void add_row(Channel& channel, const SegmentRow& row);
  void read_facts(Channel& channel, const SegmentRow& row);

  Options options_;
  base::WorkerPool& pool_;
  std::shared_ptr<IndexStore> store_;
  bool flushing_ = false;
  int index_generation_ = 0;  // how often index.db was begun anew
  std::map<std::string, std::unique_ptr<Channel>, std::less<>> channels_;
  base::Timer timer_;
  bool store_failed_ = false;
  bool begun_anew_ = false;  // and not everything is written since
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::timeshift
