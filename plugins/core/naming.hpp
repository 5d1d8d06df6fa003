// File names from UTC and back: "out/ch1-%Y%m%d%H%M%S.m4s" <-> 2026-02-25T14:30:00Z.
//
// A name is {pattern up to its extension}[-eN][-NNN]{extension}. -eN is the epoch: the clock was set back N times since
// the store began. %{track} in a pattern is the rendition that the file holds. -NNN tells a file from an earlier one of
// the same name. Names are always UTC: no local time, no DST.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::core {

// What a name says. utc is rounded down to the pattern's resolution.
struct NameParts {
  Utc utc;
  std::uint32_t epoch = 0;      // 0 is not written
  std::uint32_t duplicate = 0;  // 0 is not written
  std::string track;            // letters, digits and '_' where the pattern has %{track}, else empty

  friend bool operator==(const NameParts&, const NameParts&) = default;
};

inline constexpr std::string_view kTrackMark = "%{track}";

// Whether %{track} can stand for it.
[[nodiscard]] bool is_track(std::string_view name);

class NamePattern {
 public:
  // Fields, as in strftime(3): %Y %m %d %H %M %S, %j (day of the year), %s (seconds since 1970); %3N as in date(1)
  // (milliseconds); %{track} once, not before a field or a letter; %% for a percent sign. They may stand in folder
  // names too, and those of time may repeat. kInvalidArgument names
  // what is missing when a name could not be read back to an instant, to the second at least.
  static Result<NamePattern> parse(std::string_view pattern);

  // The whole path. utc must lie in the years 1970 to 2261, and is_track() hold where the pattern has one.
  [[nodiscard]] std::string format(const NameParts& parts) const;

  // format() up to the suffixes of epoch and duplicate: what two names of one instant have in common.
  [[nodiscard]] std::string stem(Utc utc, std::string_view track) const;

  // The stems of one track sort as their instants do, wherever they are equally long.
  [[nodiscard]] bool sorts_by_time() const;

  // How long the files of one folder span: a day for %Y/%m/%d/, a minute with %M. 0: no folder has a field of time.
  [[nodiscard]] std::int64_t folder_period_ns() const;

  // The inverse: exactly the paths that format() makes, else kParse.
  Result<NameParts> parse_name(std::string_view path) const;

  // One second, or one millisecond with %3N.
  [[nodiscard]] std::int64_t resolution_ns() const { return resolution_ns_; }

  // The text before the first field up to and including its last '/': "out/", "" for the current folder.
  [[nodiscard]] std::string directory() const;

  // Fields in folder names: files lie deeper than directory().
  [[nodiscard]] bool has_dated_folders() const;

  [[nodiscard]] bool has_track() const;

  // Text at the start of every file name, with a separator: "ch1-" of "out/ch1-%Y...", "" where a field comes first.
  [[nodiscard]] std::string file_prefix() const;

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  struct Token {
    char field = 0;    // 'Y', 'm', ..., 'N', 'T' for the track, or 0 for a literal
    std::string text;  // of a literal
  };

  static Result<std::vector<Token>> tokenize(std::string_view pattern);
  static Result<void> check(const std::vector<Token>& tokens);

  std::string text_;
  std::vector<Token> head_;  // everything before the suffixes
  std::string extension_;    // ".m4s", or empty
  std::int64_t resolution_ns_ = kNsPerSecond;
};

}  // namespace aircheck::core
