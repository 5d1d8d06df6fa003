// Runs programs of others and keeps what they print.
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <string>

namespace aircheck::test {

struct Finished {
  int exit = -1;       // of the program; 128 + signal when one ended it; 124 after the time limit
  std::string output;  // standard output, and with "2>&1" in the command standard error
};

// `command` is for bash. It ends by itself after `limit_s` seconds at the latest.
inline Finished run(const std::string& command, int limit_s = 120) {
  std::string quoted = "'";
  for (const char character : command) {
    quoted += character == '\'' ? std::string("'\\''") : std::string(1, character);
  }
  quoted += "'";
  const std::string line = "timeout -k 5 " + std::to_string(limit_s) + " bash -o pipefail -c " + quoted;
  Finished finished;
  FILE* const pipe = popen(line.c_str(), "re");
  if (pipe == nullptr) return finished;
  std::array<char, 65536> buffer{};
  for (std::size_t count = 0; (count = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    finished.output.append(buffer.data(), count);
  }
  const int status = pclose(pipe);
  finished.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return finished;
}

}  // namespace aircheck::test
