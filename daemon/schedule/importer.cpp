#include "schedule/importer.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "schedule/listing_file.hpp"

namespace aircheck::schedule {

namespace {

using core::Code;
using core::fail;
using core::Result;

constexpr const char* kSource = "xmltv";
constexpr std::size_t kMostErrors = 100;
constexpr std::size_t kChangesAtOnce = 50;  // about 2 ms
constexpr std::int64_t kAheadNs = std::int64_t{366} * 24 * 3600 * core::kNsPerSecond;
constexpr std::int64_t kMinuteNs = 60 * core::kNsPerSecond;
constexpr std::int64_t kAgainNs = 15 * kMinuteNs;

// Nothing was taken last time: the server was away, or the file damaged.
bool has_failed(const Source& source) {
  const auto report = base::Json::parse(source.report);
  const base::Json* error = report ? report->find("error") : nullptr;
  return error != nullptr && !error->is_null();
}

}  // namespace

// One import. Its steps on the main context check that it is still wanted.
class Importer::Run : public std::enable_shared_from_this<Importer::Run> {
 public:
  Run(Importer& importer, const Source& source, Done done)
      : importer_(&importer), source_(source), done_(std::move(done)), started_(importer.options_.now()) {}

  [[nodiscard]] const std::string& source_id() const { return source_.id; }
  void abandon() { importer_ = nullptr; }

  void start() {
    if (needs_all()) {
      source_.etag.clear();
      source_.last_modified.clear();
    }
    const ReadOptions options{.channels = source_.channels, .zone = source_.zone};
    const auto self = shared_from_this();
    if (!source_.file.empty()) {
      return read([options, directory = importer_->options_.directory, file = source_.file, etag = source_.etag] {
        return read_listing_file(options, directory, file, etag);
      });
    }
    importer_->fetcher_.fetch({.url = source_.url, .etag = source_.etag, .last_modified = source_.last_modified},
                              [self, options](Result<base::FetchAnswer> answer) {
                                if (self->importer_ == nullptr) return;
                                if (!answer) return self->fail_with(answer.error());
                                self->source_.last_modified = answer->last_modified;
                                if (answer->unchanged) return self->unchanged();
                                auto document = std::make_shared<const core::Bytes>(std::move(answer->body));
                                self->read([options, document, etag = answer->etag]() -> Result<ReadListings> {
                                  AIRCHECK_TRY(ReadListings listings, read_listings(options, *document));
                                  listings.etag = etag;
                                  return listings;
                                });
                              });
  }

 private:
  // A channel that was given to this source after its last import has nothing of it, unchanged or not.
  [[nodiscard]] bool needs_all() const {
    return std::ranges::any_of(source_.channels, [&](const auto& pair) {
      const auto coming = importer_->guide_.entries(pair.second, started_, started_ + kAheadNs);
      return std::ranges::none_of(coming, [](const Entry& entry) { return entry.source == kSource; });
    });
  }

  template <typename Work>
  void read(Work work) {
    importer_->pool_.run(std::move(work), [self = shared_from_this()](Result<ReadListings> read) {
      if (self->importer_ == nullptr) return;
      if (!read) return self->fail_with(read.error());
      self->source_.etag = read->etag;
      if (read->unchanged) return self->unchanged();
      self->read_ = std::move(*read);
      for (const XmltvNote& note : self->read_.notes) self->note(note.line, note.channel, note.message);
      self->take_next();
    });
  }

  void unchanged() {
    not_modified_ = true;
    finish();
  }
  void fail_with(const core::Error& error) {
    error_ = error.message;
    finish();
  }

  // A few entries for each turn of the main loop: players wait meanwhile for no more than that.
  void take_next() {
    if (next_ == read_.listings.size()) return finish();
    auto& [name, listing] = read_.listings[next_];
    const auto more = take_part(listing);
    if (!more) {
      complete_ = false;
      note(0, name, more.error().message);
    }
    if (!more || !*more) {
      report_channel(name, listing.channel_id, more ? std::string() : more.error().message);
      planned_.reset();
      ++next_;
    }
    base::post([self = shared_from_this()] {
      if (self->importer_ != nullptr) self->take_next();
    });
  }

  // Says whether something is left.
  Result<bool> take_part(Listing& listing) {
    const auto channel = importer_->options_.channel(listing.channel_id);
    if (!channel) return fail(Code::kNotFound, "there is no such channel any more");
    if (channel->schedule_source != kSource) {
      return fail(Code::kConflict, "the channel's schedule_source is " + channel->schedule_source + ", not xmltv");
    }
    Guide& guide = importer_->guide_;
    if (!planned_ || revision_ != guide.revision()) AIRCHECK_TRY_VOID(plan(listing, *channel));
    if (part_ < planned_->parts.size()) {
      AIRCHECK_TRY_VOID(guide.put(std::move(planned_->parts[part_]), importer_->options_.now()));
      ++part_;
    }
    revision_ = guide.revision();
    return part_ < planned_->parts.size();
  }

  // Once, and again where somebody changed the guide meanwhile.
  Result<void> plan(Listing& listing, const ImportChannel& channel) {
    const core::Utc from = started_ - channel.keep_ns;
    const core::Utc to = started_ + kAheadNs;
    std::erase_if(listing.entries, [&](const Entry& entry) { return entry.end <= from || entry.start >= to; });
    if (listing.entries.empty()) return fail(Code::kNotFound, "the file has no programme for it");
    AIRCHECK_TRY(auto planned, importer_->guide_.plan(listing, kSource, importer_->options_.now(), kChangesAtOnce));
    if (planned_) planned.counts = planned_->counts;
    planned_ = std::move(planned);
    part_ = 0;
    return {};
  }

  void report_channel(const std::string& name, const std::string& channel_id, const std::string& error) {
    const auto channel = importer_->options_.channel(channel_id);
    base::Json item = base::Json::object({{"xmltv_channel", name}, {"channel_id", channel_id}});
    item.set("cdn_channel_key", channel ? base::Json(channel->key) : base::Json());
    const ListingCounts counts = planned_ && error.empty() ? planned_->counts : ListingCounts{};
    for (auto [key, count, total] :
         {std::tuple{"added", counts.added, &total_.added}, std::tuple{"changed", counts.changed, &total_.changed},
          std::tuple{"removed", counts.removed, &total_.removed},
          std::tuple{"unchanged", counts.unchanged, &total_.unchanged}}) {
      item.set(key, count);
      *total += count;
    }
    item.set("error", error.empty() ? base::Json() : base::Json(error));
    channels_.push(std::move(item));
  }

  void note(int line, const std::string& channel, const std::string& message) {
    if (error_count_++ >= static_cast<int>(kMostErrors)) return;
    errors_.push(base::Json::object(
        {{"line", line > 0 ? base::Json(line) : base::Json()}, {"channel", channel}, {"message", message}}));
  }

  base::Json report() {
    const bool ok = error_.empty() && complete_;
    base::Json json = base::Json::object({{"ok", ok},
                                          {"started_at", core::to_rfc3339(started_)},
                                          {"finished_at", core::to_rfc3339(importer_->options_.now())},
                                          {"not_modified", not_modified_},
                                          {"added", total_.added},
                                          {"changed", total_.changed},
                                          {"removed", total_.removed},
                                          {"unchanged", total_.unchanged}});
    json.set("error", error_.empty() ? base::Json() : base::Json(error_));
    json.set("error_count", error_count_);
    json.set("errors", std::move(errors_));
    json.set("channels", std::move(channels_));
    base::Json unmapped = base::Json::array();
    for (const std::string& name : read_.unmapped) unmapped.push(name);
    json.set("unmapped", std::move(unmapped));
    return json;
  }

  void finish() {
    const auto self = shared_from_this();
    const base::Json json = report();
    base::log_info("schedule",
                   "import of \"" + source_.name + "\": " +
                       (error_.empty() ? std::to_string(total_.added) + " added, " + std::to_string(total_.changed) +
                                             " changed, " + std::to_string(total_.removed) + " removed, " +
                                             std::to_string(error_count_) + " errors"
                                       : error_));
    // What was not taken has to come again, and so has what was read with other settings.
    const Source* stored = importer_->sources_.find(source_.id);
    if (!error_.empty() || !complete_ || stored == nullptr || stored->version != source_.version) {
      source_.etag.clear();
      source_.last_modified.clear();
    }
    source_.last_import = importer_->options_.now();
    source_.report = json.dump();
    const auto noted = importer_->sources_.note_import(source_);
    if (!noted) base::log_warning("schedule", noted.error().message);
    importer_->runs_.erase(self);
    importer_ = nullptr;
    if (done_) done_(json);
  }

  Importer* importer_;  // null: it went, or this is over
  Source source_;
  Done done_;
  core::Utc started_;
  ReadListings read_;
  std::size_t next_ = 0;
  std::optional<Guide::Planned> planned_;  // for the channel at hand
  std::size_t part_ = 0;                   // of it, the next
  std::uint64_t revision_ = 0;             // of the guide, behind our last change
  bool not_modified_ = false;
  bool complete_ = true;
  std::string error_;
  int error_count_ = 0;
  ListingCounts total_;
  base::Json errors_ = base::Json::array();
  base::Json channels_ = base::Json::array();
};

Importer::Importer(ImporterOptions options, Sources& sources, Guide& guide, base::Fetcher& fetcher,
                   base::WorkerPool& pool)
    : options_(std::move(options)), sources_(sources), guide_(guide), fetcher_(fetcher), pool_(pool) {}

Importer::~Importer() {
  for (const auto& run : runs_) run->abandon();
}

Result<void> Importer::run(std::string_view source_id, Done done) {
  const Source* source = sources_.find(source_id);
  if (source == nullptr) return fail(Code::kNotFound, "there is no such schedule source");
  const bool busy = std::ranges::any_of(runs_, [&](const auto& run) { return run->source_id() == source_id; });
  if (busy) return fail(Code::kConflict, "this source is being imported");
  const auto run = std::make_shared<Run>(*this, *source, std::move(done));
  runs_.insert(run);
  run->start();
  return {};
}

void Importer::run_due() {
  const core::Utc now = options_.now();
  std::vector<std::string> due;
  for (const Source& source : sources_.all()) {
    std::int64_t interval_ns = source.interval_minutes * kMinuteNs;
    if (has_failed(source)) interval_ns = std::min(interval_ns, kAgainNs);
    // A clock that was set back must not stop imports until it has caught up.
    const bool waits = source.last_import && *source.last_import <= now && now - *source.last_import < interval_ns;
    if (interval_ns > 0 && !waits) due.push_back(source.id);
  }
  for (const std::string& id : due) {
    const auto begun = run(id, nullptr);
    if (!begun && begun.error().code != Code::kConflict) base::log_warning("schedule", begun.error().message);
  }
}

}  // namespace aircheck::schedule
