// What was read from a database, for as long as nobody changes it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/result.hpp"
#include "store/database.hpp"

namespace aircheck::store {

// Belongs to whom the database belongs to.
template <typename Value>
class Memo {
 public:
  // The database has to outlive this. Beyond `most` values all are forgotten.
  explicit Memo(Database& database, std::size_t most = 10'000) : database_(database), most_(most) {}

  // What `read` gave for this key, or gives now. Errors are not kept.
  template <typename Read>
  core::Result<Value> get(std::string_view key, const Read& read) {
    const std::optional<Revision> revision = database_.revision();
    if (!revision) return read();
    if (revision_ != revision || values_.size() >= most_) {
      values_.clear();
      revision_ = revision;
    }
    if (const auto found = values_.find(key); found != values_.end()) return found->second;
    core::Result<Value> value = read();
    if (value) values_.emplace(std::string(key), *value);
    return value;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>()(key); }
  };

  Database& database_;
  std::size_t most_;
  std::optional<Revision> revision_;
  std::unordered_map<std::string, Value, Hash, std::equal_to<>> values_;
};

}  // namespace aircheck::store
