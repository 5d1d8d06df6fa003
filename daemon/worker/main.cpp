// aircheck-channel: plays one channel out. See --help.
#include <glib-unix.h>
#include <gst/gst.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "base/log.hpp"
#include "control/values.hpp"
#include "gobj/error.hpp"
#include "gobj/ref.hpp"
#include "gobj/text.hpp"
#include "worker/description.hpp"
#include "worker/process.hpp"
#include "worker/service.hpp"
#include "worker/settings.hpp"
#include "worker/source.hpp"

namespace aircheck::worker {
namespace {

enum ExitCode { kExitGood = 0, kExitFailed = 1, kExitUsage = 2, kExitAlreadyRunning = 4 };

int complain(const core::Error& error, int exit_code) {
  std::fprintf(stderr, "error: %s\n", error.message.c_str());
  return exit_code;
}

struct Options {
  std::string channel, run_dir, log_file, check, check_source;
  bool version = false;
};

core::Result<Options> parse_options(int argc, char** argv) {
  char *channel = nullptr, *run_dir = nullptr, *log_file = nullptr, *check = nullptr, *check_source = nullptr;
  gboolean version = FALSE;
  const GOptionEntry entries[] = {
      {"channel", 'c', 0, G_OPTION_ARG_STRING, &channel, "Key of the channel to play out", "KEY"},
      {"run-dir", 'r', 0, G_OPTION_ARG_FILENAME, &run_dir, "Folder of the socket and the lock (mode 0700)", "DIR"},
      {"log-file", 'l', 0, G_OPTION_ARG_FILENAME, &log_file, "Append the log to this file instead of stderr", "FILE"},
      {"check", 0, 0, G_OPTION_ARG_FILENAME, &check, "Check a pipeline description and exit", "FILE"},
      {"check-source", 0, 0, G_OPTION_ARG_FILENAME, &check_source, "Check that a film can be looped and exit", "FILE"},
      {"version", 0, 0, G_OPTION_ARG_NONE, &version, "Show the version and exit", nullptr},
      {}};
  GOptionContext* context = g_option_context_new("- play out one channel of Aircheck");
  g_option_context_set_summary(context,
                               "What to play comes from aircheckd, over KEY.sock in the run directory.\n"
                               "Exit status: 0 done, 1 failed, 2 wrong usage, 4 the channel is already played out.");
  g_option_context_add_main_entries(context, entries, nullptr);
  gobj::ErrorSlot error;
  const bool parsed = g_option_context_parse(context, &argc, &argv, error.out()) != FALSE;
  g_option_context_free(context);
  Options options{gobj::take_text(channel), gobj::take_text(run_dir),      gobj::take_text(log_file),
                  gobj::take_text(check),   gobj::take_text(check_source), version != FALSE};
  if (!parsed) return error.fail();
  if (argc > 1) return core::fail(core::Code::kInvalidArgument, std::string("unexpected argument '") + argv[1] + "'");
  if (!options.check.empty() || !options.check_source.empty() || options.version) return options;
  if (options.channel.empty() || options.run_dir.empty()) {
    return core::fail(core::Code::kInvalidArgument,
                      "give --channel and --run-dir, --check or --check-source; see --help");
  }
  return options;
}

int check(const std::string& file) {
  gst_init(nullptr, nullptr);
  const auto description = Description::load(file);
  if (!description) return complain(description.error(), kExitFailed);
  if (const auto verified = description->verify(); !verified) {
    return complain(verified.error().with_context(file), kExitFailed);
  }
  std::printf("%s: good (%s)\n", file.c_str(), description->summary().c_str());
  return kExitGood;
}

int check_source(const std::string& file) {
  gst_init(nullptr, nullptr);
  const ChannelSettings usual;
  const auto info = probe_source(file, usual.raster, usual.frame_rate);
  if (!info) return complain(info.error(), kExitFailed);
  const char* sound = info->has_audio ? "picture and sound" : "picture without sound";
  const auto ns = Timeline(usual.frame_rate, info->loop_frames).offset_of(info->loop_frames);
  std::printf("%s: good (%s, %.2f s)\n", file.c_str(), info->has_video ? sound : "sound without picture",
              static_cast<double>(ns) / core::kNsPerSecond);
  return kExitGood;
}

struct Running {
  Service& service;
  GMainLoop* loop;
};

gboolean on_signal(gpointer data) noexcept {
  auto& running = *static_cast<Running*>(data);
  running.service.stop([loop = running.loop](const core::Result<void>& result) {
    if (!result) base::log_error("worker", result.error().message);
    g_main_loop_quit(loop);
  });
  return G_SOURCE_CONTINUE;
}

int play_out(const Options& options) {
  if (const auto good = control::check_channel_key(options.channel); !good) return complain(good.error(), kExitUsage);
  if (const auto made = prepare_run_dir(options.run_dir); !made) return complain(made.error(), kExitFailed);
  const auto lock = ChannelLock::take(control::lock_path(options.run_dir, options.channel));
  if (!lock) {
    return complain(lock.error(), lock.error().code == core::Code::kConflict ? kExitAlreadyRunning : kExitFailed);
  }
  if (!options.log_file.empty()) {
    if (const auto redirected = redirect_output(options.log_file); !redirected) {
      return complain(redirected.error(), kExitFailed);
    }
  }
  base::install_log_writer(base::LogLevel::kInfo);
  gst_init(nullptr, nullptr);
  const auto loop = gobj::Ref<GMainLoop>::adopt(g_main_loop_new(nullptr, FALSE));
  Service service(options.channel, std::make_shared<SystemClock>());
  if (const auto listening = service.listen(options.run_dir); !listening) {
    return complain(listening.error(), kExitFailed);
  }
  Running running{service, loop.get()};
  g_unix_signal_add(SIGTERM, on_signal, &running);
  g_unix_signal_add(SIGINT, on_signal, &running);
  base::log_info("worker", "aircheck-channel " AIRCHECK_VERSION " waits for its configuration", options.channel);
  g_main_loop_run(loop.get());
  base::log_info("worker", "done", options.channel);
  return kExitGood;
}

int main(int argc, char** argv) {
  control::forbid_message_dumps();
  harden_process();
  std::signal(SIGPIPE, SIG_IGN);
  const auto options = parse_options(argc, argv);
  if (!options) return complain(options.error(), kExitUsage);
  if (options->version) {
    std::printf("aircheck-channel %s\n", AIRCHECK_VERSION);
    return kExitGood;
  }
  if (!options->check_source.empty()) return check_source(options->check_source);
  return options->check.empty() ? play_out(*options) : check(options->check);
}

}  // namespace
}  // namespace aircheck::worker

int main(int argc, char** argv) {
  return aircheck::worker::main(argc, argv);
}
