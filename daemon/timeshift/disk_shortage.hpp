// What has to be said of a disk that is nearly full, however long it is: when that begins, when it changes, once an
// hour, and when it is over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/log.hpp"
#include "core/time.hpp"

namespace aircheck::timeshift {

// One look at the disk, behind a round of retention or without one.
struct DiskLook {
  core::Utc at;
  std::uint64_t free_bytes = 0;
  std::uint64_t wanted_bytes = 0;        // that shall be free; 0: no limit
  std::uint64_t displaced_segments = 0;  // that could still be watched, deleted by the round
  std::uint64_t displaced_bytes = 0;
};

class DiskShortage {
 public:
  struct Notice {
    base::LogLevel level = base::LogLevel::kInfo;
    std::string text;
  };

  // What there is to say behind this look, which is nothing most of the time.
  [[nodiscard]] std::optional<Notice> after(const DiskLook& look);
  [[nodiscard]] bool lasts() const { return state_ != State::kNone; }

 private:
  enum class State {
    kNone,
    kDisplacing,  // what could still be watched makes room; an hour without that is the end of it
    kFull,        // nothing more can be deleted
  };
  struct Displaced {
    std::uint64_t segments = 0;
    std::uint64_t bytes = 0;
  };

  [[nodiscard]] State next(const DiskLook& look) const;
  [[nodiscard]] Notice notice(State before, const DiskLook& look) const;
  static std::string text_of(const Displaced& displaced, const char* more);

  State state_ = State::kNone;
  core::Utc begun_;
  core::Utc told_;
  core::Utc displaced_at_;
  Displaced untold_;
  Displaced in_all_;
};

// "120 MiB", and below one "17 KiB": what is not nothing does not read as nothing.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

// Whether it is time to say again at `now` what was said at `told`. A clock that was set back holds nothing up.
[[nodiscard]] bool hourly_due(core::Utc told, core::Utc now);

}  // namespace aircheck::timeshift
