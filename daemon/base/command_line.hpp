// aircheckd's command line.
#pragma once

#include <map>
#include <string>

#include "core/result.hpp"

namespace aircheck::base {

struct CommandLine {
  enum class Mode { kRun, kCheck, kHelp, kVersion } mode = Mode::kRun;
  std::string config_file;                     // empty: none given
  std::map<std::string, std::string> options;  // for ConfigSources::command_line
  std::string help;                            // the text for kHelp
};

// kInvalidArgument names the option that is unknown or lacks its value.
core::Result<CommandLine> parse_command_line(int argc, char** argv);

// "--port" of "server.port"; the key itself where no option sets it.
std::string option_of(const std::string& key);

}  // namespace aircheck::base
