#include "base/command_line.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace aircheck::base {

using core::Code;
using core::fail;

namespace {

struct Option {
  std::string_view name;
  std::string_view key;    // of the configuration; empty: parse_command_line knows it
  std::string_view value;  // how the help calls it; empty: a switch
  std::string_view help;
};

constexpr std::array kOptions = {
    Option{"--config", "", "FILE", "configuration file (see aircheck.conf.reference)"},
    Option{"--state", "storage.state-directory", "DIR", "databases, secrets, logs, segments"},
    Option{"--listen", "server.listen", "ADDRESS", "address to listen on (127.0.0.1)"},
    Option{"--port", "server.port", "N", "port, 0 for any free one (8000)"},
    Option{"--tls-certificate", "server.tls-certificate", "FILE", "PEM certificate chain, for HTTPS"},
    Option{"--tls-key", "server.tls-key", "FILE", "its PEM key"},
    Option{"--workers-on-exit", "workers.on-exit", "keep|stop", "leave channels on air when the daemon ends (keep)"},
    Option{"--log-level", "log.level", "LEVEL", "debug, info, warning or error (info)"},
    Option{"--demo", "demo", "", "five demo channels with short programmes, and a demo viewer"},
    Option{"--demo-source", "demo-source", "FILE", "the film that ch1 loops in the demo"},
    Option{"--check", "", "", "check the configuration and its TLS certificate alone, and exit"},
    Option{"--version", "", "", "print the version and exit"},
    Option{"--help", "", "", "print this text and exit"},
};

struct Command {
  std::string_view name;
  std::string_view arguments;  // how the help calls them
  std::size_t least;           // of them
  std::size_t most;
  std::string_view help;
};

constexpr std::array kCommands = {
    Command{"backup", "FOLDER", 1, 1, "copy station.db and secrets into a new folder, while the station runs or not"},
    Command{"check", "", 0, 0, "look at databases, keys, certificate, files, permissions; changes nothing"},
    Command{"rescan", "[CHANNEL...]", 0, 1000,
            "put the index right from the segment files, of all channels or of these"},
    Command{"stop", "", 0, 0, "end the running daemon; --workers-on-exit says what becomes of the channels"},
    Command{"reload", "", 0, 0, "have it read its configuration file anew (as SIGHUP), and say what changed"},
};

std::string help_text() {
  std::string text =
      "usage: aircheckd [OPTION...]           run the station\n"
      "       aircheckd COMMAND [OPTION...]   act on one; give the --config and --state that it runs with\n\n"
      "A TV station in one box: channels, archive, start-over and catch-up.\n\n";
  for (const Command& command : kCommands) {
    std::string line = "  " + std::string(command.name);
    if (!command.arguments.empty()) line += " " + std::string(command.arguments);
    line.resize(std::max<std::size_t>(line.size() + 2, 34), ' ');
    text += line + std::string(command.help) + "\n";
  }
  text += "\n";
  for (const Option& option : kOptions) {
    std::string line = "  " + std::string(option.name);
    if (!option.value.empty()) line += " " + std::string(option.value);
    line.resize(std::max<std::size_t>(line.size() + 2, 34), ' ');
    text += line + std::string(option.help) + "\n";
  }
  return text +
         "\nExit codes: 0 done; 1 it failed, or check found an error; 2 wrong usage or configuration; 3 check found\n"
         "warnings alone.\n\nThe command line wins over the environment, the environment over the configuration "
         "file.\n";
}

// A word that is no option: the command, or what stands behind it.
core::Result<void> take_word(CommandLine& line, std::string_view word) {
  if (line.mode == CommandLine::Mode::kCommand) {
    line.arguments.emplace_back(word);
    return {};
  }
  if (std::ranges::find(kCommands, word, &Command::name) == kCommands.end()) {
    return fail(Code::kInvalidArgument, "unknown command '" + std::string(word) + "': see aircheckd --help");
  }
  line.mode = CommandLine::Mode::kCommand;
  line.command = word;
  return {};
}

core::Result<void> check_arguments(const CommandLine& line) {
  const auto* command = std::ranges::find(kCommands, std::string_view(line.command), &Command::name);
  if (command == kCommands.end()) return {};
  if (line.arguments.size() >= command->least && line.arguments.size() <= command->most) return {};
  return fail(Code::kInvalidArgument,
              line.command + " takes " +
                  (command->arguments.empty() ? "no argument" : std::string(command->arguments)) +
                  ": see aircheckd --help");
}

}  // namespace

core::Result<CommandLine> parse_command_line(int argc, char** argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (!word.starts_with('-')) {
      AIRCHECK_TRY_VOID(take_word(line, word));
      continue;
    }
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    const Option* option = nullptr;
    for (const Option& candidate : kOptions) {
      if (candidate.name == name) option = &candidate;
    }
    if (option == nullptr) {
      return fail(Code::kInvalidArgument, "unknown option '" + std::string(word) + "': see aircheckd --help");
    }
    std::string value = "true";
    if (option->value.empty() && equals != std::string_view::npos) {
      return fail(Code::kInvalidArgument, std::string(name) + " takes no value");
    }
    if (!option->value.empty()) {
      if (equals == std::string_view::npos && i + 1 >= argc) {
        return fail(Code::kInvalidArgument, std::string(name) + " needs a value: " + std::string(option->value));
      }
      value = equals != std::string_view::npos ? std::string(word.substr(equals + 1)) : argv[++i];
    }
    if (!option->key.empty()) {
      line.options[std::string(option->key)] = value;
    } else if (name == "--config") {
      line.config_file = value;
    } else if (name == "--check") {
      if (line.mode == CommandLine::Mode::kCommand) {
        return fail(Code::kInvalidArgument, "--check goes with no command: see aircheckd --help");
      }
      line.mode = CommandLine::Mode::kCheck;
    } else if (name == "--version") {
      line.mode = CommandLine::Mode::kVersion;
    } else {
      line.mode = CommandLine::Mode::kHelp;
      line.help = help_text();
      return line;
    }
  }
  AIRCHECK_TRY_VOID(check_arguments(line));
  return line;
}

std::string option_of(const std::string& key) {
  const auto* found = std::ranges::find(kOptions, std::string_view(key), &Option::key);
  return found == kOptions.end() ? key : std::string(found->name);
}

}  // namespace aircheck::base
