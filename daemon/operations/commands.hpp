// The commands of aircheckd that act on a station instead of being one.
#pragma once

#include "base/command_line.hpp"
#include "base/config.hpp"
#include "base/json.hpp"
#include "core/result.hpp"
#include "timeshift/archive.hpp"

namespace aircheck::operations {

// Prints its report on standard output; the value is the exit code.
core::Result<int> run_command(const base::CommandLine& line, const base::Config& config);

// What the running daemon answers for one channel.
[[nodiscard]] base::Json to_json(const timeshift::Archive::Rebuilt& rebuilt);

}  // namespace aircheck::operations
