// A station as a process, with one channel that is off air and whose archive the test writes by itself.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "channels/key_store.hpp"
#include "daemon/timeshift/segment_files.hpp"
#include "daemon/timeshift/writer.hpp"
#include "store/database.hpp"
#include "support/station_process.hpp"

namespace aircheck::test {

class StationWithFiles : public StationProcess {
 protected:
  // The channel ch1, and the keys of its periods; nothing runs when this returns.
  void make_station() {
    ASSERT_NO_FATAL_FAILURE(start({}, {{"AIRCHECK_ADMIN_PASSWORD", kPassword}}));
    token_ = sign_in();
    ASSERT_NO_FATAL_FAILURE(create_channel(token_));
    ASSERT_EQ(end(), 0) << log();
    database_ = std::move(store::Database::open(state() + "/station.db", store::station_schema()).value());
    auto rows = database_->prepare("SELECT id FROM channels");
    ASSERT_TRUE(*rows->step());
    channel_id_ = rows->text(0);
    keys_ = std::move(channels::KeyStore::open(*database_, state() + "/secrets/master.key").value());
  }
  // The last whole slot that began this long ago.
  static core::Utc ago(std::int64_t seconds) {
    return core::Utc::from_seconds((g_get_real_time() / G_USEC_PER_SEC - seconds) / 6 * 6);
  }
  // A segment file with the key of its time, and `padding` bytes of a free box behind the media.
  timeshift::SegmentRow write(timeshift::SegmentRow row, std::uint32_t padding = 0) {
    row.key_id = keys_->at(channel_id_, row.start).value().key_id;
    row.init_location = "ch1-init-" + core::to_hex(*row.key_id).substr(0, 16) + ".mp4";
    row = timeshift::test::write_segment(state() + "/segments/ch1", "ch1", row);
    if (padding > 0) {
      const std::string path = state() + "/segments/ch1/" + row.location;
      std::ofstream file(path, std::ios::binary | std::ios::app);
      for (int shift = 24; shift >= 0; shift -= 8) file.put(static_cast<char>(((padding + 8) >> shift) & 0xff));
      file << "free";
      file.close();
      std::filesystem::resize_file(path, row.size + 8 + padding);
    }
    files_.push_back(row.location);
    return row;
  }
  // Lets go of station.db, so that the daemon is alone with it.
  void close_station() {
    keys_.reset();
    database_.reset();
  }
  [[nodiscard]] int port() const { return std::stoi(url_.substr(url_.rfind(':') + 1)); }
  // One figure of /metrics, by its whole name with labels; -1 where there is none.
  double metric(const std::string& name) {
    std::string secret = directory_.read("state/secrets/metrics-token");
    while (secret.ends_with('\n')) secret.pop_back();
    const std::string text = "\n" + get(url("/metrics"), secret).body;
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
  }
  // Until index.db has what the folder has.
  void settle() {
    Finished checked = command("check");
    for (int i = 0; i < 200 && checked.exit == 3; ++i) checked = command("check");
    ASSERT_EQ(checked.exit, 0) << checked.output << log();
  }
  [[nodiscard]] bool logs(const std::string& text) {
    const base::Timer tick = base::Timer::every(20, [] {});
    return run_until([&] { return log().find(text) != std::string::npos; });
  }
  static void pause_ms(int duration) {
    bool over = false;
    const base::Timer timer = base::Timer::once(duration, [&] { over = true; });
    while (!over) g_main_context_iteration(nullptr, TRUE);
  }

  std::string token_;
  std::string channel_id_;
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<channels::KeyStore> keys_;
  std::vector<std::string> files_;
};

}  // namespace aircheck::test
