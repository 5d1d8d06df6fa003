// `aircheckd check`: what is wrong with a station's state, and what to do about it. Reads, and changes nothing.
#pragma once

#include <string>
#include <vector>

#include "base/config.hpp"

namespace aircheck::operations {

struct Finding {
  enum class Weight { kGood, kWarning, kError } weight = Weight::kGood;
  std::string text;  // one line: what, and the remedy
};

// Both databases, the keys, the TLS certificate and its key, the files of each channel against the rows of the index,
// and who may read the secrets. While a daemon runs, files of its last minutes may not be in index.db yet: they are not
// told.
[[nodiscard]] std::vector<Finding> check_station(const base::Config& config);

}  // namespace aircheck::operations
