// aircheckd's command line.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/result.hpp"

namespace aircheck::base {

struct CommandLine {
  enum class Mode { kRun, kCheck, kHelp, kVersion, kCommand } mode = Mode::kRun;
  std::string command;                         // of kCommand: backup, check, rescan, stop or reload
  std::vector<std::string> arguments;          // what stands behind it
  std::string config_file;                     // empty: none given
  std::map<std::string, std::string> options;  // for ConfigSources::command_line
  std::string help;                            // the text for kHelp
};

// kInvalidArgument names the command or option that is unknown or lacks its value.
core::Result<CommandLine> parse_command_line(int argc, char** argv);

// "--port" of "server.port"; the key itself where no option sets it.
std::string option_of(const std::string& key);

}  // namespace aircheck::base
