// Imports listings: fetches or reads them, parses them on a pool thread, and gives them to the guide.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/fetch.hpp"
#include "base/json.hpp"
#include "base/main_context.hpp"
#include "base/worker_pool.hpp"
#include "schedule/guide.hpp"
#include "schedule/sources.hpp"
#include "schedule/xmltv.hpp"

namespace aircheck::schedule {

// What the importer has to know of one of our channels.
struct ImportChannel {
  std::string id;
  std::string key;              // for reports
  std::string schedule_source;  // only "xmltv" is filled
  std::int64_t keep_ns = 0;     // the catch-up window: what ended before it is not taken
};

struct ImporterOptions {
  std::string directory;  // of files; may not exist
  std::function<core::Utc()> now;
  std::function<std::optional<ImportChannel>(const std::string& channel_id)> channel;
};

// Main context only. What it refers to has to outlive it; an import in hand ends without an answer when it goes.
class Importer {
 public:
  // The report: {"ok", "started_at", "finished_at", "not_modified", "added", "changed", "removed", "unchanged",
  // "error", "error_count", "errors": [{"line", "channel", "message"}] (the first 100), "channels": [one for each],
  // "unmapped": [channels of the file that fill none of ours]}. It is kept with the source.
  using Done = std::function<void(const base::Json& report)>;

  Importer(ImporterOptions options, Sources& sources, Guide& guide, base::Fetcher& fetcher, base::WorkerPool& pool);
  ~Importer();
  Importer(const Importer&) = delete;
  Importer& operator=(const Importer&) = delete;

  // kNotFound; kConflict: it is being imported. A damaged file, or one that does not come, changes nothing in the
  // guide. An unchanged one costs one request, unless a channel has no listing from it that is still to come.
  core::Result<void> run(std::string_view source_id, Done done);
  // Runs what is due, after a failure within 15 minutes; to be called every minute or so.
  void run_due();

 private:
  class Run;

  ImporterOptions options_;
  Sources& sources_;
  Guide& guide_;
  base::Fetcher& fetcher_;
  base::WorkerPool& pool_;
  std::set<std::shared_ptr<Run>> runs_;
};

}  // namespace aircheck::schedule
