// Server and client of the worker protocol against each other over a real socket.
#include <gio/gunixsocketaddress.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "channel1-dbus.h"
#include "control/client.hpp"
#include "control/server.hpp"
#include "control/variant.hpp"
#include "gobj/ref.hpp"
#include "gobj/text.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::control {
namespace {

using ::testing::HasSubstr;

SegmentRow sample_row(std::uint64_t sequence) {
  SegmentRow row;
  row.location = "ch1-20260225143000.m4s";
  row.init_location = "ch1-init-0123456789abcdef.mp4";
  row.start = core::Utc{1'772'029'800'000'000'000};
  row.duration_ns = 6'000'000'000;
  row.size = 123'456;
  row.sequence = sequence;
  row.discontinuity_sequence = 3;
  row.epoch = 1;
  row.key_id = core::KeyId{1, 2, 3};
  row.discontinuity = true;
  return row;
}

class FakeWorker : public Handler {
 public:
  void configure(Configuration configuration, Done done) override {
    configuration_ = std::move(configuration);
    done({});
  }
  void rotate(Encryption next, core::Utc from, Done done) override {
    rotated_.emplace(std::move(next), from);
    done({});
  }
  void start(Done done) override { done(core::fail(core::Code::kNotFound, "film.mp4: no such file")); }
  void stop(Done done) override { stopping_ = std::move(done); }
  Status status() override {
    Status status;
    status.state = WorkerState::kRunning;
    status.pid = ::getpid();
    status.channel = "ch1";
    status.last_sequence = 42;
    return status;
  }
  void segments_since(std::uint64_t sequence, std::uint32_t limit, Rows rows) override {
    std::vector<SegmentRow> answer;
    for (std::uint32_t i = 0; i < limit; ++i) answer.push_back(sample_row(sequence + i));
    rows(std::move(answer));
  }

  std::optional<Configuration> configuration_;
  std::optional<std::pair<Encryption, core::Utc>> rotated_;
  Done stopping_;
};

class ControlTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = Server::listen(directory_.path(), "ch1", worker_);
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }
  void TearDown() override {
    client_.reset();
    server_.reset();
  }

  // Runs the main context until `finished`; the watchdog makes a hang a failure.
  template <typename Predicate>
  void run_until(Predicate finished) {
    bool expired = false;
    const guint watchdog = g_timeout_add_seconds(
        20,
        [](gpointer flag) -> gboolean {
          *static_cast<bool*>(flag) = true;
          return G_SOURCE_CONTINUE;
        },
        &expired);
    while (!finished() && !expired) g_main_context_iteration(nullptr, TRUE);
    g_source_remove(watchdog);
    ASSERT_FALSE(expired) << "nothing happened within 20 s";
  }

  core::Result<void> connect(const std::string& path, Client::Events events = {}) {
    std::optional<core::Result<void>> outcome;
    Client::connect(path, std::move(events), [&](core::Result<std::unique_ptr<Client>> client, std::optional<pid_t>) {
      if (client) {
        client_ = std::move(*client);
        outcome.emplace();
      } else {
        outcome.emplace(client.unexpected());
      }
    });
    run_until([&] { return outcome.has_value(); });
    return *outcome;
  }
  core::Result<void> connect_to_server(Client::Events events = {}) {
    return connect(socket_path(directory_.path(), "ch1"), std::move(events));
  }

  FakeWorker worker_;
  test::TemporaryDirectory directory_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Client> client_;
};

TEST_F(ControlTest, SocketIsForTheUserOnly) {
  struct stat info {};
  ASSERT_EQ(::stat(socket_path(directory_.path(), "ch1").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(ControlTest, RunDirectoryOpenToOthersIsRefused) {
  ::chmod(directory_.path().c_str(), 0755);
  FakeWorker other;
  const auto server = Server::listen(directory_.path(), "ch2", other);
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr("chmod 700"));
}

TEST_F(ControlTest, ConfigurationArrivesWhole) {
  ASSERT_TRUE(connect_to_server());
  EXPECT_EQ(client_->peer_pid(), ::getpid());
  Configuration sent;
  sent.pipeline = "simlive";
  sent.variables = {{"title", std::string("Caf\u00e9 ! \"x\"")},
                    {"width", std::int32_t{640}},
                    {"target-duration", std::uint32_t{6}},
                    {"not-before", std::int64_t{1'772'029'800'000'000'000}}};
  sent.encryption = Encryption{core::KeyId{9, 8, 7}, *core::ContentKey::from_hex("000102030405060708090a0b0c0d0e0f")};
  std::optional<core::Result<void>> outcome;
  client_->configure(sent, [&](core::Result<void> result) { outcome = std::move(result); });
  run_until([&] { return outcome.has_value(); });
  ASSERT_TRUE(*outcome) << outcome->error().message;
  ASSERT_TRUE(worker_.configuration_);
  EXPECT_EQ(worker_.configuration_->pipeline, "simlive");
  EXPECT_EQ(worker_.configuration_->variables, sent.variables);
  ASSERT_TRUE(worker_.configuration_->encryption);
  EXPECT_EQ(worker_.configuration_->encryption->key_id, sent.encryption->key_id);
  EXPECT_TRUE(worker_.configuration_->encryption->key == sent.encryption->key);
}

TEST_F(ControlTest, TheNextKeyArrivesWhole) {
  ASSERT_TRUE(connect_to_server());
  const Encryption next{core::KeyId{9, 8, 7}, *core::ContentKey::from_hex("000102030405060708090a0b0c0d0e0f")};
  std::optional<core::Result<void>> outcome;
  client_->rotate(next, core::Utc{1'772'064'000'000'000'000}, [&](core::Result<void> result) { outcome = result; });
  run_until([&] { return outcome.has_value(); });
  ASSERT_TRUE(*outcome) << outcome->error().message;
  ASSERT_TRUE(worker_.rotated_);
  EXPECT_EQ(worker_.rotated_->first.key_id, next.key_id);
  EXPECT_TRUE(worker_.rotated_->first.key == next.key);
  EXPECT_EQ(worker_.rotated_->second.ns, 1'772'064'000'000'000'000);
}

TEST_F(ControlTest, RefusalKeepsItsCodeAndText) {
  ASSERT_TRUE(connect_to_server());
  std::optional<core::Result<void>> outcome;
  client_->start([&](core::Result<void> result) { outcome = std::move(result); });
  run_until([&] { return outcome.has_value(); });
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error(), (core::Error{core::Code::kNotFound, "film.mp4: no such file"}));
}

TEST_F(ControlTest, AnswersMayComeLater) {
  ASSERT_TRUE(connect_to_server());
  bool stopped = false;
  client_->stop([&](const core::Result<void>& result) { stopped = result.has_value(); });
  run_until([&] { return static_cast<bool>(worker_.stopping_); });
  EXPECT_FALSE(stopped);
  worker_.stopping_({});
  run_until([&] { return stopped; });
}

TEST_F(ControlTest, RowsAndStatusComeBackEqual) {
  ASSERT_TRUE(connect_to_server());
  std::optional<std::vector<SegmentRow>> rows;
  client_->segments_since(7, 3, [&](core::Result<std::vector<SegmentRow>> result) { rows = *result; });
  std::optional<Status> status;
  client_->status([&](core::Result<Status> result) { status = *result; });
  run_until([&] { return rows && status; });
  EXPECT_EQ(*rows, (std::vector{sample_row(7), sample_row(8), sample_row(9)}));
  EXPECT_EQ(status->state, WorkerState::kRunning);
  EXPECT_EQ(status->pid, ::getpid());
  EXPECT_EQ(status->last_sequence, 42U);
}

TEST_F(ControlTest, OneAnswerIsBounded) {
  ASSERT_TRUE(connect_to_server());
  std::optional<std::size_t> count;
  client_->segments_since(0, 1'000'000, [&](core::Result<std::vector<SegmentRow>> result) { count = result->size(); });
  run_until([&] { return count.has_value(); });
  EXPECT_EQ(*count, kMaxRowsPerAnswer);
}

TEST_F(ControlTest, SignalsReachTheCallbacks) {
  std::optional<SegmentRow> row;
  std::string state_and_reason, code_and_message;
  Client::Events events;
  events.segment_closed = [&](const SegmentRow& closed) { row = closed; };
  events.state_changed = [&](WorkerState state, const std::string& reason) {
    state_and_reason = std::string(to_string(state)) + ":" + reason;
  };
  events.warning = [&](const std::string& code, const std::string& message) {
    code_and_message = code + ":" + message;
  };
  ASSERT_TRUE(connect_to_server(std::move(events)));
  server_->segment_closed(sample_row(11));
  server_->state_changed(WorkerState::kFailed, "disk full");
  server_->warning("source-stalled", "film.mp4 gives nothing");
  run_until([&] { return !code_and_message.empty(); });
  EXPECT_EQ(row, sample_row(11));
  EXPECT_EQ(state_and_reason, "failed:disk full");
  EXPECT_EQ(code_and_message, "source-stalled:film.mp4 gives nothing");
}

TEST_F(ControlTest, EndOfTheWorkerIsReportedOnce) {
  int closed = 0;
  Client::Events events;
  events.closed = [&](const core::Error&) { ++closed; };
  ASSERT_TRUE(connect_to_server(std::move(events)));
  server_.reset();
  run_until([&] { return closed > 0; });
  while (g_main_context_iteration(nullptr, FALSE)) {
  }
  EXPECT_EQ(closed, 1);
}

TEST_F(ControlTest, ADestroyedClientIsSilent) {
  ASSERT_TRUE(connect_to_server());
  bool answered = false;
  client_->stop([&](const core::Result<void>&) { answered = true; });
  run_until([&] { return static_cast<bool>(worker_.stopping_); });
  client_.reset();
  worker_.stopping_({});
  ASSERT_TRUE(connect_to_server());  // a full round trip later
  EXPECT_FALSE(answered);
}

TEST_F(ControlTest, ASocketLeftByADeadWorkerIsReplaced) {
  const std::string path = socket_path(directory_.path(), "ch2");
  {
    const auto dead = gobj::Ref<GSocketListener>::adopt(g_socket_listener_new());
    const auto address = gobj::Ref<GSocketAddress>::adopt(g_unix_socket_address_new(path.c_str()));
    ASSERT_TRUE(g_socket_listener_add_address(dead.get(), address.get(), G_SOCKET_TYPE_STREAM,
                                              G_SOCKET_PROTOCOL_DEFAULT, nullptr, nullptr, nullptr));
  }
  const auto refused = connect(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, core::Code::kUnavailable);
  FakeWorker other;
  auto server = Server::listen(directory_.path(), "ch2", other);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_TRUE(connect(path));
  client_.reset();
}

TEST_F(ControlTest, ConnectingFailsWithTheSocketInTheText) {
  const auto missing = connect(socket_path(directory_.path(), "ch9"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, core::Code::kNotFound);
  EXPECT_THAT(missing.error().message, HasSubstr("ch9.sock"));
  const auto too_long = connect("/tmp/" + std::string(200, 'x') + ".sock");
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, core::Code::kInvalidArgument);
}

TEST_F(ControlTest, AnotherVersionIsRefusedWithBothNumbers) {
  // A server of the future: the generated skeleton with another number.
  const std::string path = socket_path(directory_.path(), "future");
  const auto skeleton = gobj::Ref<AircheckDbusChannel1>::adopt(aircheck_dbus_channel1_skeleton_new());
  aircheck_dbus_channel1_set_protocol_version(skeleton.get(), 2);
  const gobj::Text guid(g_dbus_generate_guid());
  const auto server = gobj::Ref<GDBusServer>::adopt(g_dbus_server_new_sync(
      ("unix:path=" + path).c_str(), G_DBUS_SERVER_FLAGS_NONE, guid.get(), nullptr, nullptr, nullptr));
  ASSERT_TRUE(server);
  const auto serve = +[](GDBusServer*, GDBusConnection* connection, gpointer exported) -> gboolean {
    g_object_ref(connection);  // kept for the rest of the test process
    return g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(exported), connection, kObjectPath, nullptr);
  };
  g_signal_connect(server.get(), "new-connection", G_CALLBACK(serve), skeleton.get());
  g_dbus_server_start(server.get());
  const auto refused = connect(path);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, core::Code::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("version 2"));
  EXPECT_THAT(refused.error().message, HasSubstr("version 1"));
  g_dbus_server_stop(server.get());
}

TEST(ControlValuesTest, HostileRowsAreRefused) {
  for (const char* location : {"", "..", "a/b.m4s", "/etc/passwd"}) {
    SegmentRow row = sample_row(1);
    row.location = location;
    EXPECT_FALSE(segment_row_from_variant(to_variant(row).get())) << location;
  }
  const auto other = gobj::Ref<GVariant>::sink(g_variant_new_string("x"));
  EXPECT_FALSE(segment_row_from_variant(other.get()));
  EXPECT_FALSE(segment_rows_from_variant(other.get()));
  EXPECT_FALSE(status_from_variant(other.get()));
}

TEST(ControlValuesTest, KeysMustBeWholeAndAreNeverRepeated) {
  const auto encryption = [](const char* key_id, std::string_view key) {
    const auto bytes =
        gobj::Ref<GVariant>::sink(g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, key.data(), key.size(), 1));
    return encryption_from_arguments(key_id, bytes.get());
  };
  constexpr const char* kId = "00112233445566778899aabbccddeeff";
  EXPECT_TRUE(encryption(kId, "0123456789abcdef"));
  const auto none = encryption("", "");
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->has_value());
  for (const auto& [id, key] : {std::pair{kId, "short-secret"}, std::pair{"", "0123456789abcdef"}, std::pair{kId, ""},
                                std::pair{"zz", "0123456789abcdef"}}) {
    const auto refused = encryption(id, key);
    ASSERT_FALSE(refused) << id;
    const std::string text = refused.error().message;
    EXPECT_TRUE(*key == '\0' || text.find(key) == std::string::npos) << text;
  }
}

TEST(ControlValuesTest, ChannelKeysAreFileNames) {
  for (const char* good : {"ch1", "1", "news-24_hd"}) EXPECT_TRUE(check_channel_key(good)) << good;
  for (const char* bad : {"", "-x", "Ch1", "a/b", "..", "a b", "caf\xc3\xa9"}) {
    EXPECT_FALSE(check_channel_key(bad)) << bad;
  }
  EXPECT_FALSE(check_channel_key(std::string(65, 'a')));
}

TEST(ControlValuesTest, ErrorNamesGoBothWays) {
  for (const auto code : {core::Code::kInvalidArgument, core::Code::kNoSpace, core::Code::kTimeout}) {
    EXPECT_EQ(code_from_error_name(error_name(code)), code);
  }
  EXPECT_EQ(code_from_error_name("org.freedesktop.DBus.Error.UnknownMethod"), core::Code::kInternal);
}

}  // namespace
}  // namespace aircheck::control
