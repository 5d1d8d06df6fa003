// What one player is told of a stream, and what must hold from one answer to the next.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "core/time.hpp"
#include "support/m3u8.hpp"

namespace aircheck::test {

// The last part of an address, without what is for one viewer.
inline std::string name_of(std::string uri) {
  uri.erase(std::min(uri.find('?'), uri.size()));
  return uri.substr(uri.rfind('/') + 1);
}

inline core::Utc begin_of(const M3u8Row& row) {
  return core::from_rfc3339(row.date_time).value();
}

// What one player was told of its rows.
class Player {
 public:
  // s; of what is no hole.
  static constexpr double kSeam = 0.5;

  Player(std::string name, bool keeps_all) : name_(std::move(name)), keeps_all_(keeps_all) {}

  // Gives the files that it had not heard of before.
  std::set<std::string> take(const std::string& text) {
    const M3u8 playlist = parse_m3u8(text);
    std::set<std::string> files;
    if (playlist.rows.empty()) {
      EXPECT_TRUE(rows_.empty()) << name_ << ": an empty playlist after a full one";
      return files;
    }
    const std::uint64_t first = playlist.rows.front().sequence;
    const std::uint64_t last = playlist.rows.back().sequence;
    if (!rows_.empty()) {
      EXPECT_GE(first, first_) << name_ << text;
      EXPECT_GE(last, rows_.rbegin()->first) << name_ << ": rows vanished at the end\n" << text;
      EXPECT_TRUE(!keeps_all_ || first == first_) << name_ << ": rows of an EVENT vanished\n" << text;
    }
    first_ = first;
    for (const M3u8Row& row : playlist.rows) {
      const auto [known, fresh] = rows_.try_emplace(row.sequence, row);
      if (!fresh) {
        expect_same(known->second, row, text);
        continue;
      }
      if (known != rows_.begin()) expect_follows(std::prev(known)->second, row, text);
      if (row.gap) continue;
      EXPECT_TRUE(names_.insert(name_of(row.uri)).second) << name_ << ": " << row.uri << " is there twice\n" << text;
      files.insert(name_of(row.uri));
      files.insert(name_of(row.map));
    }
    return files;
  }
  [[nodiscard]] const std::map<std::uint64_t, M3u8Row>& rows() const { return rows_; }
  [[nodiscard]] std::size_t segments() const { return names_.size(); }

 private:
  void expect_same(const M3u8Row& before, const M3u8Row& now, const std::string& text) const {
    EXPECT_EQ(name_of(before.uri), name_of(now.uri)) << name_ << ' ' << now.sequence << '\n' << text;
    EXPECT_EQ(before.discontinuity_sequence, now.discontinuity_sequence) << name_ << ' ' << now.sequence << '\n'
                                                                         << text;
    EXPECT_EQ(before.duration, now.duration) << name_ << ' ' << now.sequence;
    EXPECT_EQ(before.gap, now.gap) << name_ << ' ' << now.sequence << '\n' << text;
    EXPECT_EQ(before.keys.size(), now.keys.size()) << name_ << ' ' << now.sequence;
    EXPECT_EQ(name_of(before.map), name_of(now.map)) << name_ << ' ' << now.sequence;
  }
  // Numbers go up by one, that of the discontinuity where a row says that it is one.
  void expect_follows(const M3u8Row& before, const M3u8Row& row, const std::string& text) const {
    if (row.sequence != before.sequence + 1) return;  // a player that was away for longer than a live window
    EXPECT_EQ(row.discontinuity_sequence, before.discontinuity_sequence + (row.discontinuity ? 1 : 0))
        << name_ << ' ' << row.sequence << '\n'
        << text;
    const double apart = static_cast<double>(begin_of(row) - begin_of(before)) / core::kNsPerSecond;
    EXPECT_NEAR(apart, before.duration, kSeam) << name_ << ' ' << row.sequence << '\n' << text;
  }

  std::string name_;
  bool keeps_all_;
  std::uint64_t first_ = 0;
  std::map<std::uint64_t, M3u8Row> rows_;
  std::set<std::string> names_;
};

}  // namespace aircheck::test
