// `aircheckd backup`: what a station cannot make anew, in one folder.
#pragma once

#include <string>

#include "base/config.hpp"
#include "core/result.hpp"

namespace aircheck::operations {

// Makes `folder`, which must not exist, with station.db (a consistent copy, also while the daemon writes), secrets/,
// the configuration file where there is one, and SHA256SUMS for `sha256sum --check`. Directories are 0700, files 0600.
// It appears whole or not at all.
core::Result<void> back_up(const base::Config& config, const std::string& config_file, const std::string& folder);

}  // namespace aircheck::operations
