// Stands in for aircheck-channel in tests of supervision: speaks the real protocol and plays nothing out.
//
// RUN_DIR/KEY.mode says how it behaves: "ok" (or no file), "refuse", "busy" (Start fails for a reason that passes),
// "no-rotation" (its key cannot be changed on air), "exit" (ends at once), "die" (is killed by a signal right after
// Start), "full" (loses its segments until the file RUN_DIR/KEY.room is there).
// RUN_DIR/KEY.row has the end (ns) and the KID of a segment that it is to close next.
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>

#include "control/server.hpp"

using namespace aircheck;

namespace {

class FakeWorker : public control::Handler {
 public:
  FakeWorker(std::string run_dir, std::string key, std::string mode)
      : run_dir_(std::move(run_dir)), key_(std::move(key)), mode_(std::move(mode)) {}

  void set_server(control::Server* server) { server_ = server; }

  void configure(control::Configuration configuration, Done done) override {
    configuration_ = std::move(configuration);
    std::ofstream record(run_dir_ + "/" + key_ + ".configured", std::ios::app);
    record << configuration_.pipeline << " " << std::get<std::string>(configuration_.variables["source"]) << " "
           << std::get<std::int64_t>(configuration_.variables["not-before"]) << " "
           << (configuration_.encryption ? core::to_hex(configuration_.encryption->key_id) : "clear") << "\n";
    done({});
  }
  void rotate(control::Encryption next, core::Utc from, Done done) override {
    if (mode_ == "no-rotation") return done(core::fail(core::Code::kUnsupported, "no signal rotate-key"));
    std::ofstream(run_dir_ + "/" + key_ + ".rotated", std::ios::app)
        << core::to_hex(next.key_id) << " " << from.ns << "\n";
    done({});
  }
  void start(Done done) override {
    if (mode_ == "refuse") return fail(done, core::Code::kNotFound, "source /film.mp4: no such file");
    if (mode_ == "busy") return fail(done, core::Code::kNoSpace, "disk full");
    if (mode_ == "die") raise(SIGKILL);
    set_state(control::WorkerState::kRunning);
    done({});
    ticker_ = g_timeout_add(
        10,
        [](gpointer self) -> gboolean {
          static_cast<FakeWorker*>(self)->tick();
          return G_SOURCE_CONTINUE;
        },
        this);
  }
  void stop(Done done) override {
    halt();
    set_state(control::WorkerState::kIdle);
    done({});
  }
  control::Status status() override {
    control::Status status;
    status.state = state_;
    status.pid = getpid();
    status.channel = key_;
    const auto directory = configuration_.variables.find("segment-directory");
    if (directory != configuration_.variables.end())
      status.segment_directory = std::get<std::string>(directory->second);
    return status;
  }
  void segments_since(std::uint64_t sequence, std::uint32_t limit, Rows rows) override {
    std::vector<control::SegmentRow> answer;
    for (const auto& row : rows_) {
      if (row.sequence >= sequence && answer.size() < std::min<std::uint32_t>(limit, 7)) answer.push_back(row);
    }
    rows(answer);
  }
  void halt() {
    if (ticker_ != 0) g_source_remove(ticker_);
    ticker_ = 0;
  }

 private:
  void fail(const Done& done, core::Code code, const std::string& message) {
    set_state(control::WorkerState::kStarting);
    done(core::fail(code, message));
    set_state(control::WorkerState::kFailed, message);
  }
  void set_state(control::WorkerState state, const std::string& reason = "") {
    state_ = state;
    server_->state_changed(state, reason);
  }
  void tick() {
    if (mode_ == "full") {
      if (access((run_dir_ + "/" + key_ + ".room").c_str(), F_OK) != 0) {
        return server_->warning(control::kSegmentLost, "No space left on device");
      }
      server_->warning(control::kSegmentsWritten, "");
      mode_ = "ok";
    }
    control::SegmentRow row;
    row.sequence = 100 + rows_.size();
    row.location = key_ + "-" + std::to_string(row.sequence) + ".m4s";
    row.init_location = key_ + "-init.mp4";
    row.start = core::Utc::from_seconds(static_cast<std::int64_t>(row.sequence) * 6);
    row.duration_ns = 6 * core::kNsPerSecond;
    row.size = 1;
    take_wanted(row);
    rows_.push_back(row);
    server_->segment_closed(row);
  }

  // The end and the key that the file RUN_DIR/KEY.row asks for, once.
  void take_wanted(control::SegmentRow& row) const {
    const std::string path = run_dir_ + "/" + key_ + ".row";
    std::int64_t end_ns = 0;
    std::string key_id;
    if (!(std::ifstream(path) >> end_ns >> key_id) || key_id.size() != 32) return;
    unlink(path.c_str());
    row.start = core::Utc{end_ns} - row.duration_ns;
    row.key_id = *core::key_id_from_hex(key_id);
  }

  std::string run_dir_;
  std::string key_;
  std::string mode_;
  control::Server* server_ = nullptr;
  control::Configuration configuration_;
  control::WorkerState state_ = control::WorkerState::kIdle;
  std::vector<control::SegmentRow> rows_;
  guint ticker_ = 0;
};

// What the test wants to know about the process: session, core limit, environment.
void write_facts(const std::string& path) {
  std::ofstream facts(path);
  struct rlimit core = {};
  getrlimit(RLIMIT_CORE, &core);
  facts << "leader=" << (getsid(0) == getpid()) << "\ncore=" << core.rlim_max << "\n";
  for (char** variable = environ; *variable != nullptr; ++variable) facts << *variable << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const std::string key = argv[2];
  const std::string run_dir = argv[4];
  std::string mode = "ok";
  std::ifstream(run_dir + "/" + key + ".mode") >> mode;
  std::fprintf(stderr, "fake worker of %s: %s\n", key.c_str(), mode.c_str());
  if (mode == "exit") return 3;
  const int lock = open(control::lock_path(run_dir, key).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (flock(lock, LOCK_EX | LOCK_NB) != 0) return 4;
  write_facts(run_dir + "/" + key + ".facts");
  FakeWorker worker(run_dir, key, mode);
  auto server = control::Server::listen(run_dir, key, worker);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 5;
  }
  worker.set_server(server->get());
  GMainLoop* loop = g_main_loop_new(nullptr, FALSE);
  g_unix_signal_add(
      SIGTERM,
      [](gpointer data) -> gboolean {
        g_main_loop_quit(static_cast<GMainLoop*>(data));
        return G_SOURCE_REMOVE;
      },
      loop);
  g_main_loop_run(loop);
  worker.halt();
  g_main_loop_unref(loop);
  return 0;
}
