// Neighbouring programmes with different rights, on a real station: three of them follow each other within seconds, in
// the middle of segments; who may have the one opens nothing of the other. ffmpeg plays.
#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "core/segment_info.hpp"
#include "support/process.hpp"
#include "support/station_process.hpp"

namespace aircheck {
namespace {

constexpr std::int64_t kSecond = core::kNsPerSecond;
constexpr int kRate = 25;

struct File {
  std::string path;
  core::SegmentInfo info;

  [[nodiscard]] core::Utc end() const { return info.start + info.duration_ns; }
  [[nodiscard]] std::string key_id() const { return core::to_hex(*info.key_id); }
};

class KeyBordersTest : public test::StationProcess {
 protected:
  void SetUp() override {
    start({"--workers-on-exit", "stop"},
          {{"AIRCHECK_ADMIN_PASSWORD", kPassword},
           {"AIRCHECK_PIPELINE_DIR", std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/pipelines"},
           {"HLS_SEGMENT_DURATION", "2"}});
    token_ = sign_in();
    const auto created =
        send("POST", url("/api/v1/admin/channels"), token_,
             base::Json::object({{"cdn_channel_key", "ch1"},
                                 {"number", 1},
                                 {"name", "One"},
                                 {"schedule_source", "manual"},
                                 {"variables", base::Json::object({{"width", 192}, {"height", 108}})}}));
    ASSERT_EQ(created.status, 201) << created.body;
    // On odd seconds: segments of two seconds begin on even ones.
    const std::int64_t now = g_get_real_time() / G_USEC_PER_SEC / 2 * 2 + 1;
    border_ = {core::Utc::from_seconds(now + 8), core::Utc::from_seconds(now + 26)};
    first_ = add("First", core::Utc::from_seconds(now - 600), border_[0], true);
    second_ = add("Second", border_[0], border_[1], false);
    third_ = add("Third", border_[1], border_[1] + 600 * kSecond, true);
    ASSERT_EQ(send("POST", url("/api/v1/admin/simlive/ch1/start"), token_, std::nullopt).status, 200);
    const base::Timer tick = base::Timer::every(100, [] {});
    ASSERT_TRUE(
        run_until([&] { return !files().empty() && files().back().info.start >= border_[1] + 4 * kSecond; }, 120'000))
        << log();
  }
  void TearDown() override {
    if (daemon_ == 0) return;
    end(SIGTERM);
  }

  std::string add(const std::string& title, core::Utc from, core::Utc to, bool eligible) {
    const auto created = send("POST", url("/api/v1/admin/schedule"), token_,
                              base::Json::object({{"channel_id", "ch1"},
                                                  {"title", title},
                                                  {"start", core::to_rfc3339(from)},
                                                  {"end", core::to_rfc3339(to)},
                                                  {"catchup_eligible", eligible}}));
    EXPECT_EQ(created.status, 201) << created.body;
    return created.status == 201 ? *created.json().find("id")->as_string() : std::string();
  }
  // What the files say of themselves, in order.
  [[nodiscard]] std::vector<File> files() const {
    std::vector<File> all;
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(directory_ / "state/segments/ch1", none)) {
      if (entry.path().extension() != ".m4s" || entry.path().filename().string().starts_with(".")) continue;
      const auto bytes = base::read_file(entry.path().string(), 64U << 20);
      const auto info = bytes ? core::read_segment_info(*bytes) : core::fail(core::Code::kNotFound, "gone");
      if (info) all.push_back({entry.path().string(), *info});
    }
    std::ranges::sort(all, {}, [](const File& file) { return file.info.sequence; });
    return all;
  }
  [[nodiscard]] std::vector<File> files_of(core::Utc from, core::Utc to) const {
    std::vector<File> found = files();
    std::erase_if(found, [&](const File& file) { return file.end() <= from || file.info.start >= to; });
    return found;
  }
  // The media playlist's address, with its token, as the API gives it out.
  std::string stream(const std::string& kind, const std::string& id, const std::string& more = "") {
    const auto manifest = get(url("/api/v1/tstv/" + kind + "/ch1/manifest?schedule_entry_id=" + id + more), token_);
    EXPECT_EQ(manifest.status, 200) << manifest.body;
    std::istringstream lines(manifest.body);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("http")) return line;
    }
    return {};
  }
  static std::string token_of(const std::string& stream) { return stream.substr(stream.find("token=") + 6); }
  test::HttpResponse key(const std::string& key_id, const std::string& token) {
    return get(url("/api/v1/drm/key/" + key_id + "?token=" + token));
  }
  // Pictures that ffmpeg shows; -1 where it complains.
  static std::int64_t pictures(const std::string& address) {
    const auto shown = test::run("ffmpeg -v error -xerror -allowed_extensions ALL -i '" + address +
                                 "' -map 0:v -vsync passthrough -f framecrc - 2>&1 | grep -v '^#'");
    const bool complaint = shown.exit != 0 || shown.output.find("rror") != std::string::npos;
    EXPECT_FALSE(complaint) << shown.output.substr(0, 2000);
    return complaint ? -1 : std::ranges::count(shown.output, '\n');
  }
  // Whether ffmpeg shows segments with a key without a complaint.
  [[nodiscard]] bool opens(const std::vector<File>& files, const std::string& key_bytes) const {
    std::string all = "cat '" + (directory_ / "state/segments/ch1/") + files.front().info.init_name + "'";
    for (const File& file : files) all += " '" + file.path + "'";
    const auto hex = core::to_hex(core::as_bytes(key_bytes));
    return test::run(all + " | ffmpeg -v error -xerror -decryption_key " + hex + " -i pipe: -f null - 2>/dev/null")
               .exit == 0;
  }
  static std::int64_t pictures_in(const std::vector<File>& files) {
    return (files.back().end() - files.front().info.start) * kRate / kSecond;
  }

  std::string token_;
  std::vector<core::Utc> border_;
  std::string first_, second_, third_;
};

TEST_F(KeyBordersTest, EachProgrammeIsOpenedByWhatItsOwnRightsGive) {
  const std::vector<File> first = files_of(core::Utc{0}, border_[0]);
  const std::vector<File> second = files_of(border_[0], border_[1]);
  const std::vector<File> third = files_of(border_[1], border_[1] + 600 * kSecond);
  ASSERT_FALSE(first.empty());
  ASSERT_FALSE(second.empty());
  std::set<std::string> keys;
  for (const auto* programme : {&first, &second, &third}) {
    for (const File& file : *programme) {
      EXPECT_EQ(file.key_id(), programme->front().key_id()) << file.path;
      EXPECT_EQ(file.info.sequence,
                programme->front().info.sequence + static_cast<std::uint64_t>(&file - programme->data()));
    }
    keys.insert(programme->front().key_id());
  }
  EXPECT_EQ(keys.size(), 3U);
  EXPECT_EQ(second.front().info.start, border_[0]) << "the key changes with the programme, not with the segment";
  EXPECT_EQ(third.front().info.start, border_[1]);
  EXPECT_EQ(second.front().info.sequence, first.back().info.sequence + 1);
  EXPECT_FALSE(second.front().info.discontinuity) << "nothing breaks on air";

  // A start-over from the second into the third, while it may still be: across a border, with a key for each.
  const std::string across =
      url("/hls/ch1/main.m3u8?kind=startover&protection=aes-128&start=" + std::to_string(border_[0].ns / kSecond) +
          "&end=" + std::to_string(border_[1].ns / kSecond + 3));
  const auto playlist = get(across, token_);
  ASSERT_EQ(playlist.status, 200) << playlist.body;
  EXPECT_NE(playlist.body.find("#EXT-X-ENDLIST"), std::string::npos);
  EXPECT_NE(playlist.body.find(second.front().key_id()), std::string::npos);
  EXPECT_NE(playlist.body.find(third.front().key_id()), std::string::npos);

  // The first programme may be watched later: all of it, in each protection.
  const std::string catchup = stream("catchup", first_);
  const auto listed = get(catchup);
  ASSERT_EQ(listed.status, 200) << listed.body;
  EXPECT_NE(listed.body.find(std::filesystem::path(first.back().path).filename().string()), std::string::npos);
  EXPECT_EQ(listed.body.find(std::filesystem::path(second.front().path).filename().string()), std::string::npos);
  EXPECT_EQ(pictures(catchup), pictures_in(first));
  EXPECT_EQ(pictures(stream("catchup", first_, "&protection=aes-128")), pictures_in(first));

  // Its token opens its key and no other, by either door.
  const std::string token = token_of(catchup);
  const auto own = key(first.front().key_id(), token);
  ASSERT_EQ(own.status, 200) << own.body;
  EXPECT_EQ(key(second.front().key_id(), token).status, 403);
  const auto kid = [](const File& file) { return core::to_base64url(*file.info.key_id); };
  const auto licence =
      fetch({.method = "POST",
             .url = url("/api/v1/drm/license?token=" + token),
             .body = R"({"kids":[")" + kid(first.front()) + R"(",")" + kid(second.front()) + R"("]})"});
  EXPECT_EQ(licence.status, 200) << licence.body;
  EXPECT_NE(licence.body.find(kid(first.front())), std::string::npos);
  EXPECT_EQ(licence.body.find(kid(second.front())), std::string::npos);
  EXPECT_TRUE(opens(first, own.body));
  EXPECT_FALSE(opens(second, own.body)) << "the bytes are public, the key is another";

  // The second may not be watched later.
  const auto refused = get(url("/api/v1/tstv/catchup/ch1/manifest?schedule_entry_id=" + second_), token_);
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.code(), "not_eligible");
}

// A right that is taken away holds for what was recorded before, and for the neighbours that share its key.
TEST_F(KeyBordersTest, ARightThatIsTakenAwayTakesItsKeyAway) {
  const std::vector<File> first = files_of(core::Utc{0}, border_[0]);
  const std::string token = token_of(stream("catchup", first_));
  ASSERT_EQ(key(first.front().key_id(), token).status, 200);
  const auto entry = get(url("/api/v1/admin/schedule/" + first_), token_);
  const auto changed = fetch({.method = "PATCH",
                              .url = url("/api/v1/admin/schedule/" + first_),
                              .headers = {{"Authorization", "Bearer " + token_}, {"If-Match", entry.header("etag")}},
                              .body = R"({"catchup_eligible":false})"});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(key(first.front().key_id(), token).status, 403);
}

}  // namespace
}  // namespace aircheck
