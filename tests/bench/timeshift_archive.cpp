// Makes the archive of a station that has been on air for days: bench-timeshift-archive STATE FILES [ID KEY DAYS] ...
// FILES: `index` writes index.db, and names for its rows whose files are empty but for the first of each crypto period;
// `files` writes whole (small) segments and no index; `both` writes whole segments and index.db.
// A channel has a new key each day, and each day at 03:00 UTC a restart after a hole of five segments.

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>

#include "core/naming.hpp"
#include "daemon/timeshift/segment_files.hpp"
#include "timeshift/index_store.hpp"

namespace {

using aircheck::core::Utc;
using aircheck::timeshift::IndexStore;
using aircheck::timeshift::SegmentRow;

constexpr std::int64_t kSecond = aircheck::core::kNsPerSecond;
constexpr std::int64_t kTargetS = 6;
constexpr std::int64_t kDayS = 86'400;
constexpr std::int64_t kRestartS = 3 * 3600;
constexpr std::int64_t kHoleS = 30;

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "error: %s\n", what.c_str());
  std::exit(1);
}

// Names for one empty file; a file has 65,000 at most.
class EmptyFiles {
 public:
  explicit EmptyFiles(const std::string& folder) : folder_(folder) {}
  void add(const std::string& path) {
    if (!template_.empty() && ::link(template_.c_str(), path.c_str()) == 0) return;
    if (!template_.empty() && errno != EMLINK) die(path + ": " + std::strerror(errno));
    aircheck::timeshift::test::write_file(path, {});
    template_ = path;
  }

 private:
  std::string folder_;
  std::string template_;
};

struct Wanted {
  std::string id;
  std::string key;
  std::int64_t days = 0;
};

class Maker {
 public:
  Maker(const std::string& state, const std::string& files)
      : state_(state), index_(files != "files"), whole_(files != "index") {
    if (!index_) return;
    auto store = IndexStore::open(state + "/index.db");
    if (!store) die(store.error().message);
    store_ = std::move(*store);
  }

  std::uint64_t make(const Wanted& wanted, std::int64_t now_s) {
    const std::string folder = state_ + "/segments/" + wanted.key;
    std::filesystem::create_directories(folder);
    const auto pattern = aircheck::core::NamePattern::parse(wanted.key + "-%Y%m%d%H%M%S.m4s");
    EmptyFiles empty(folder);
    const std::int64_t end_s = now_s / kTargetS * kTargetS - kTargetS;
    std::uint64_t discontinuities = 0;
    std::uint64_t made = 0;
    std::int64_t period = -1;
    bool after_hole = false;
    for (std::int64_t at_s = end_s - wanted.days * kDayS; at_s < end_s; at_s += kTargetS) {
      const std::int64_t of_day = at_s % kDayS;
      if (of_day >= kRestartS - kHoleS && of_day < kRestartS) {
        after_hole = true;
        continue;
      }
      SegmentRow row = row_at(wanted.key, at_s);
      row.discontinuity = after_hole && made > 0;
      if (row.discontinuity) ++discontinuities;
      row.discontinuity_sequence = discontinuities;
      after_hole = false;
      if (whole_ || at_s / kDayS != period) {
        row = aircheck::timeshift::test::write_segment(folder, wanted.key, row);
      } else {
        row.location = pattern->format({.utc = row.start, .epoch = 0});
        empty.add(folder + "/" + row.location);
      }
      period = at_s / kDayS;
      add(wanted.id, std::move(row));
      ++made;
    }
    flush();
    return made;
  }

 private:
  static SegmentRow row_at(const std::string& key, std::int64_t at_s) {
    char init[17];
    std::snprintf(init, sizeof init, "%016llx", static_cast<unsigned long long>(at_s / kDayS) * 0x9e3779b97f4a7c15ULL);
    SegmentRow row{.sequence = static_cast<std::uint64_t>(at_s / kTargetS),
                   .start = Utc::from_seconds(at_s),
                   .duration_ns = kTargetS * kSecond,
                   .size = 750'000 + static_cast<std::uint64_t>(at_s * 7919 % 50'000),
                   .key_id = aircheck::core::KeyId{}};
    std::memcpy(row.key_id->data(), init, row.key_id->size());
    row.init_location = key + "-init-" + init + ".mp4";
    return row;
  }

  void add(const std::string& id, SegmentRow row) {
    if (!store_) return;
    store_->add(id, std::move(row));
    if (++waiting_ == 20'000) flush();
  }
  void flush() {
    waiting_ = 0;
    if (!store_) return;
    if (const auto flushed = store_->flush(); !flushed) die(flushed.error().message);
  }

  std::string state_;
  bool index_;
  bool whole_;
  std::unique_ptr<IndexStore> store_;
  int waiting_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string files = argc > 2 ? argv[2] : "";
  if (argc < 6 || argc % 3 != 0 || (files != "index" && files != "files" && files != "both")) {
    die("usage: bench-timeshift-archive STATE index|files|both ID KEY DAYS ...");
  }
  Maker maker(argv[1], files);
  const std::int64_t now_s = std::time(nullptr);
  std::uint64_t rows = 0;
  for (int i = 3; i < argc; i += 3) {
    Wanted wanted{.id = argv[i], .key = argv[i + 1]};
    const std::string days = argv[i + 2];
    if (std::from_chars(days.data(), days.data() + days.size(), wanted.days).ec != std::errc() || wanted.days < 1) {
      die("DAYS has to be a number");
    }
    rows += maker.make(wanted, now_s);
  }
  std::printf("%llu %lld\n", static_cast<unsigned long long>(rows),
              static_cast<long long>(now_s / kTargetS * kTargetS - kTargetS));
  return 0;
}
