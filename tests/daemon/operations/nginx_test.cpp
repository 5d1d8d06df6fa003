// data/nginx in front of a real station with a channel on air: nginx sends the segments, the station the rest, and
// ffmpeg plays through both.
#include <unistd.h>

#include "daemon/operations/nginx_process.hpp"
#include "support/station_process.hpp"

namespace aircheck {
namespace {

class NginxTest : public test::StationProcess {
 protected:
  void TearDown() override {
    nginx_.end();
    if (daemon_ != 0) end(SIGTERM);
    StationProcess::TearDown();
  }

  void start_station(bool links) {
    const std::string root = g_getenv("AIRCHECK_TEST_SOURCE_ROOT");
    ASSERT_NO_FATAL_FAILURE(start({"--workers-on-exit", "stop"}, {{"AIRCHECK_ADMIN_PASSWORD", kPassword},
                                                                  {"AIRCHECK_PIPELINE_DIR", root + "/pipelines"},
                                                                  {"AIRCHECK_SEGMENT_LINKS", links ? "true" : "false"},
                                                                  {"AIRCHECK_TRUSTED_PROXIES", "127.0.0.1"},
                                                                  {"HLS_SEGMENT_DURATION", "1"}}));
    token_ = sign_in();
    ASSERT_EQ(send("POST", url("/api/v1/admin/channels"), token_,
                   base::Json::object({{"cdn_channel_key", "ch1"},
                                       {"number", 1},
                                       {"name", "One"},
                                       {"variables", base::Json::object({{"width", 192}, {"height", 108}})}}))
                  .status,
              201);
    ASSERT_EQ(send("POST", url("/api/v1/admin/simlive/ch1/start"), token_, std::nullopt).status, 200);
    ASSERT_NO_FATAL_FAILURE(start_nginx(links));
    const base::Timer tick = base::Timer::every(100, [] {});
    ASSERT_TRUE(run_until([&] { return segments().size() >= 4; })) << log();
  }

  void start_nginx(bool links) {
    std::string key = links ? directory_.read("state/secrets/segment-link.key") : "";
    while (key.ends_with('\n')) key.pop_back();
    ASSERT_TRUE(nginx_.start({.folder = directory_ / "nginx",
                              .upstream = url_.substr(7),
                              .segments = state() + "/segments",
                              .link_key = key}))
        << nginx_.why();
    front_ = nginx_.url();
  }

  std::string media_playlist(const std::string& protection = "cenc") {
    const auto multivariant = get(front_ + "/hls/ch1/index.m3u8?kind=live&protection=" + protection, token_);
    const std::size_t at = multivariant.body.find("\nmain.m3u8");
    if (multivariant.status != 200 || at == std::string::npos) return {};
    media_url_ = front_ + "/hls/ch1/" + multivariant.body.substr(at + 1, multivariant.body.find('\n', at + 1) - at - 1);
    return get(media_url_).body;
  }
  // Where a player finds the segments of the live playlist.
  std::vector<std::string> segments(const std::string& protection = "cenc") {
    std::vector<std::string> found;
    std::istringstream lines(media_playlist(protection));
    for (std::string line; std::getline(lines, line);) {
      if (line.empty() || line[0] == '#') continue;
      found.push_back(line[0] == '/' ? front_ + line : front_ + "/hls/ch1/" + line);
    }
    return found;
  }
  // Its oldest; "" and a failure without any.
  std::string first_segment(const std::string& protection = "cenc") {
    const std::vector<std::string> found = segments(protection);
    EXPECT_FALSE(found.empty()) << "the playlist has no segment, protection " << protection;
    return found.empty() ? std::string() : found.front();
  }
  // The log's line for the path of an address, once it is there; the last field is empty, "-", where nginx answered.
  std::string logged(const std::string& path) {
    std::string line;
    const base::Timer tick = base::Timer::every(20, [] {});
    EXPECT_TRUE(run_until([&] {
      std::istringstream lines(directory_.read("nginx/aircheck.log"));
      for (std::string candidate; std::getline(lines, candidate);) {
        if (candidate.find(path + "\"") != std::string::npos) line = candidate;
      }
      return !line.empty();
    })) << path
        << " in " << directory_.read("nginx/aircheck.log");
    return line;
  }
  void expect_plays() {
    const auto played = test::run("ffmpeg -v error -i '" + media_url_ + "' -frames:v 40 -f framemd5 - 2>&1", 60);
    EXPECT_EQ(played.exit, 0) << played.output;
    EXPECT_GT(std::count(played.output.begin(), played.output.end(), '\n'), 45) << played.output;
  }

  test::NginxProcess nginx_;
  std::string front_;
  std::string token_;
  std::string media_url_;
};

TEST_F(NginxTest, SegmentsComeFromTheFolderAndTheRestFromTheStation) {
  ASSERT_NO_FATAL_FAILURE(start_station(false));
  const std::string segment = first_segment();
  ASSERT_NE(segment, "");
  const std::string name = segment.substr(segment.rfind('/') + 1);
  const auto whole = get(segment);
  ASSERT_EQ(whole.status, 200) << segment;
  EXPECT_EQ(whole.body, directory_.read("state/segments/ch1/" + name));
  EXPECT_EQ(whole.header("content-type"), "video/mp4");
  EXPECT_EQ(whole.header("access-control-allow-origin"), "*");
  EXPECT_NE(whole.header("cache-control").find("immutable"), std::string::npos);
  EXPECT_TRUE(logged(name).ends_with(" -")) << "nginx by itself: " << logged(name);
  const auto part = fetch({.url = segment, .headers = {{"Range", "bytes=10-19"}}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, whole.body.substr(10, 10));
  EXPECT_EQ(fetch({.method = "HEAD", .url = segment}).header("content-length"), std::to_string(whole.body.size()));
  EXPECT_EQ(fetch({.method = "POST", .url = segment}).status, 405);
  expect_plays();

  const std::string aes = first_segment("aes-128");
  ASSERT_NE(aes, "");
  EXPECT_NE(aes.find("/aes/"), std::string::npos) << aes;
  EXPECT_EQ(get(aes).status, 200);
  EXPECT_FALSE(logged(aes.substr(front_.size())).ends_with(" -")) << "the station made it";
  expect_plays();
  EXPECT_GE(get(front_ + "/hls/ch1/clear/" + name).status, 401);
  EXPECT_EQ(get(front_ + "/metrics").status, 404);
  EXPECT_EQ(get(front_ + "/hls/ch1/ch1-20200101000000.m4s").code(), "not_found") << "the station's own answer";
  EXPECT_EQ(directory_.read("nginx/aircheck.log").find("token"), std::string::npos);
  EXPECT_EQ(directory_.read("nginx/aircheck-error.log"), "");
}

TEST_F(NginxTest, NothingButSegmentsIsSent) {
  ASSERT_NO_FATAL_FAILURE(start_station(false));
  directory_.write("state/segments/ch1/.ch1-20200101000000.m4s.part", "half");
  directory_.write("state/segments/ch1/.ch1-20200101000000.m4s", "half");
  directory_.write("state/segments/ch1/notes.m4s", "notes");
  std::filesystem::create_symlink(state() + "/secrets/master.key", state() + "/segments/ch1/ch1-link.m4s");
  for (const char* path :
       {"/hls/ch1/.ch1-20200101000000.m4s.part", "/hls/ch1/.ch1-20200101000000.m4s", "/hls/ch1/notes.m4s",
        "/hls/ch1/ch1-link.m4s", "/hls/ch1/../../secrets/master.key", "/hls/ch1/..%2f..%2fsecrets%2fmaster.key",
        "/hls/../station.db", "/hls/ch1/%2e%2e/%2e%2e/station.db", "/hls/ch1/ch1-/../../../station.db",
        "/hls/ch1//etc/passwd", "/hls/ch1/ch1-x.m4s%00.mp4", "/hls/ch1/", "/hls/",
        "/hls/~AAAAAAAAAAAAAAAAAAAAAA,9999999999/ch1/ch1-link.m4s"}) {
    const auto answer = test::run("curl -s -o /dev/null -w '%{http_code}' --path-as-is '" + front_ + path + "'");
    const int status = std::stoi(answer.output);
    EXPECT_TRUE(status >= 400 && status < 500) << path << " gave " << status;
  }
}

TEST_F(NginxTest, SignedAddressesOpenForTheirTimeAlone) {
  ASSERT_NO_FATAL_FAILURE(start_station(true));
  const std::string segment = first_segment();
  ASSERT_NE(segment, "");
  ASSERT_NE(segment.find("/hls/~"), std::string::npos) << segment;
  EXPECT_EQ(get(segment).status, 200) << segment;
  const std::string name = segment.substr(segment.rfind('/') + 1);
  EXPECT_EQ(get(front_ + "/hls/ch1/" + name).status, 403) << "without a signature";
  const std::size_t comma = segment.find(',');
  const std::string signature = segment.substr(comma - 22, 22);
  const std::string expires = segment.substr(comma + 1, segment.find('/', comma) - comma - 1);
  std::string longer = segment;
  longer.replace(comma + 1, expires.size(), std::to_string(std::stoll(expires) + 1));
  EXPECT_EQ(get(longer).status, 403);
  std::string other = segment;
  other[comma - 22] = signature[0] == 'A' ? 'B' : 'A';
  EXPECT_EQ(get(other).status, 403);
  // One that was right an hour ago, signed as nginx's documentation has it.
  std::string key = directory_.read("state/secrets/segment-link.key");
  while (key.ends_with('\n')) key.pop_back();
  const std::string past = std::to_string(g_get_real_time() / G_USEC_PER_SEC - 3600);
  const auto made = test::run("printf '%s' '" + past + "/ch1 " + key +
                              "' | openssl md5 -binary | openssl base64 | tr +/ -_ | tr -d '=\\n'");
  EXPECT_EQ(get(front_ + "/hls/~" + made.output + "," + past + "/ch1/" + name).status, 410);

  // A reload of the playlist a while later names the same file by the same address.
  const std::string again = get(media_url_).body;
  EXPECT_NE(again.find(signature + "," + expires + "/ch1/"), std::string::npos) << again;
  expect_plays();
  const std::string log = directory_.read("nginx/aircheck.log") + directory_.read("nginx/aircheck-error.log");
  EXPECT_EQ(log.find(signature), std::string::npos) << "signatures are not logged";
  EXPECT_NE(log.find("/hls/~***/ch1/" + name), std::string::npos) << log;
}

}  // namespace
}  // namespace aircheck
