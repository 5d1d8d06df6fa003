#include "fmp4/segment_store.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>
#include <thread>

#include "support/golden.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::fmp4 {
namespace {

using core::Code;
using test::read_text;
using test::TemporaryDirectory;

constexpr std::int64_t kSecond = core::kNsPerSecond;
const core::Utc kStart = core::Utc::from_seconds(1772029800);  // 2026-02-25T14:30:00Z
const core::KeyId kKeyId = *core::key_id_from_hex("11223344556677889900aabbccddeeff");

// styp and moof of eight bytes each, then "payload".
const core::Bytes kStyp{0, 0, 0, 8, 's', 't', 'y', 'p'};
const core::Bytes kRest{0, 0, 0, 8, 'm', 'o', 'o', 'f'};

StoreSettings settings_for(const TemporaryDirectory& folder) {
  StoreSettings settings;
  settings.location = folder / "ch1-%Y%m%d%H%M%S.m4s";
  settings.playlist_location = folder / "ch1.m3u8";
  settings.key_uri = "/key/%{kid}";
  return settings;
}

// The files of these tracks; "": one file of all.
core::Result<StoredSegments> write_tracks(SegmentStore& store, std::int64_t start_s,
                                          const std::vector<std::string>& tracks,
                                          std::int64_t duration_ns = 6 * kSecond) {
  const core::ByteView parts[] = {kStyp, kRest, core::as_bytes("payload")};
  std::vector<SegmentFile> files;
  for (const std::string& track : tracks) files.push_back({track, parts, kKeyId, true, {}});
  return store.write_segment({kStart + start_s * kSecond, duration_ns, false, 6, 6}, files);
}

core::Result<StoredSegment> write(SegmentStore& store, std::int64_t start_s, std::int64_t duration_ns = 6 * kSecond) {
  auto stored = write_tracks(store, start_s, {""}, duration_ns);
  if (!stored) return stored.unexpected();
  return stored->files.at(0);
}

// Without the lock of a store that is open.
std::vector<std::string> files_of(const TemporaryDirectory& folder) {
  std::vector<std::string> files = folder.files();
  std::erase_if(files, [](const std::string& name) { return name.ends_with(".lock"); });
  return files;
}

SegmentStore open_store(StoreSettings settings, std::string_view init = "an init segment") {
  auto store = SegmentStore::open(std::move(settings));
  EXPECT_TRUE(store.has_value()) << store.error().message;
  const auto result = store->write_init("", core::as_bytes(init));
  EXPECT_TRUE(result.has_value());
  return std::move(*store);
}

TEST(SegmentStore, WritesWholeFilesAndListsThem) {
  const TemporaryDirectory folder;
  SegmentStore store = open_store(settings_for(folder));
  const auto stored = write(store, 0);
  ASSERT_TRUE(stored) << stored.error().message;
  ASSERT_TRUE(write(store, 6, 5 * kSecond + 480'000'000));
  ASSERT_TRUE(store.finish());
  // sha256sum of "an init segment"
  EXPECT_EQ(files_of(folder), (std::vector<std::string>{"ch1-20260225143000.m4s", "ch1-20260225143006.m4s",
                                                        "ch1-init-8fc68c1bbd67f001.mp4", "ch1.m3u8"}));
  EXPECT_EQ(stored->path, folder / "ch1-20260225143000.m4s");
  const std::string file = read_text(stored->path);
  EXPECT_EQ(file.size(), stored->size);
  EXPECT_TRUE(file.starts_with(std::string(kStyp.begin(), kStyp.end())));
  EXPECT_TRUE(file.ends_with(std::string(kRest.begin(), kRest.end()) + "payload"));
  const auto info = core::read_segment_info(core::as_bytes(file + std::string(64, '\0')));
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(*info, stored->info);
  EXPECT_EQ(folder / info->init_name, stored->init_path);
  test::expect_golden("playlist/sink_ended.m3u8", read_text(folder / "ch1.m3u8"));
}

TEST(SegmentStore, NumbersRunOnAfterARestart) {
  const TemporaryDirectory folder;
  std::uint64_t last = 0;
  {
    SegmentStore store = open_store(settings_for(folder));
    for (int i = 0; i < 3; ++i) last = write(store, i * 6)->info.sequence;
  }
  SegmentStore store = open_store(settings_for(folder), "another init segment");
  const auto stored = write(store, 30);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->info.sequence, last + 3);
  EXPECT_TRUE(stored->info.discontinuity);
  test::expect_golden("playlist/sink_restart.m3u8", read_text(folder / "ch1.m3u8"));
}

TEST(SegmentStore, ARollingPlaylistSlides) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.playlist_length = 3;
  {
    SegmentStore store = open_store(settings);
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(write(store, i * 6));
  }
  SegmentStore store = open_store(settings);
  ASSERT_TRUE(write(store, 30));
  test::expect_golden("playlist/sink_rolling.m3u8", read_text(folder / "ch1.m3u8"));
}

TEST(SegmentStore, TheSameTimeAgainIsANewEpoch) {
  const TemporaryDirectory folder;
  for (const char* name : {"ch1-20260225143000.m4s", "ch1-20260225143000-e1.m4s", "ch1-20260225143000-e2.m4s"}) {
    SegmentStore store = open_store(settings_for(folder));
    const auto stored = write(store, 0);
    ASSERT_TRUE(stored) << stored.error().message;
    EXPECT_EQ(stored->path, folder / name);
  }
}

TEST(SegmentStore, NeverOverwritesAName) {
  const TemporaryDirectory folder;
  folder.write("ch1-20260225143000.m4s", "somebody else's");
  SegmentStore store = open_store(settings_for(folder));
  ASSERT_EQ(store.warnings().size(), 1U);
  EXPECT_NE(store.warnings()[0].find("ch1-20260225143000.m4s"), std::string::npos);
  const auto stored = write(store, 0);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->path, folder / "ch1-20260225143000-001.m4s");
  EXPECT_EQ(read_text(folder / "ch1-20260225143000.m4s"), "somebody else's");
}

TEST(SegmentStore, DatedFoldersAreMade) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.location = folder / "%Y/%m/%d/ch1-%H%M%S.m4s";
  {
    SegmentStore store = open_store(settings);
    const auto stored = write(store, 0);
    ASSERT_TRUE(stored) << stored.error().message;
    EXPECT_EQ(stored->path, folder / "2026/02/25/ch1-143000.m4s");
    EXPECT_TRUE(stored->info.init_name.starts_with("../../../ch1-init-")) << stored->info.init_name;
  }
  SegmentStore store = open_store(settings);
  ASSERT_TRUE(write(store, 6));
  test::expect_golden("playlist/sink_dated.m3u8", read_text(folder / "ch1.m3u8"));
}

// The clock jumps a day ahead and is set right again: a hole in the numbers, then an epoch in the names.
TEST(SegmentStore, ClockStepsInDatedFolders) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.location = folder / "%Y/%m/%d/ch1-%H%M%S.m4s";
  constexpr std::int64_t kDay = 86400;
  std::uint64_t first = 0;
  {
    SegmentStore store = open_store(settings);
    first = write(store, 0)->info.sequence;
    const auto ahead = write(store, kDay);
    ASSERT_TRUE(ahead) << ahead.error().message;
    EXPECT_EQ(ahead->path, folder / "2026/02/26/ch1-143000.m4s");
    EXPECT_EQ(ahead->info.sequence, first + kDay / 6);
    EXPECT_TRUE(ahead->info.discontinuity);
    const auto right = write(store, 12);
    EXPECT_EQ(right->path, folder / "2026/02/25/ch1-143012-e1.m4s");
    EXPECT_EQ(right->info.sequence, first + kDay / 6 + 1);
  }
  // The newest is what the newest epoch says, though another file's name is later.
  SegmentStore store = open_store(settings);
  const auto resumed = write(store, 18);
  EXPECT_EQ(resumed->path, folder / "2026/02/25/ch1-143018-e1.m4s");
  EXPECT_EQ(resumed->info.sequence, first + kDay / 6 + 2);
}

TEST(SegmentStore, LeftoversOfACrashAreRemoved) {
  const TemporaryDirectory folder;
  for (const char* name :
       {".ch1-20260225143000.m4s.part", ".ch1.m3u8.part", ".ch2-20260225143000.m4s.part", ".part", ".ch1-notes.part",
        ".ch1-init-0123456789abcdef.mp4.part", ".ch1-init-0123456789abcdeg.mp4.part"}) {
    folder.write(name, "half");
  }
  SegmentStore store = open_store(settings_for(folder));
  EXPECT_EQ(files_of(folder),
            (std::vector<std::string>{".ch1-init-0123456789abcdeg.mp4.part", ".ch1-notes.part",
                                      ".ch2-20260225143000.m4s.part", ".part", "ch1-init-8fc68c1bbd67f001.mp4"}));
}

// Sinks with one init-location, which begin together.
TEST(SegmentStore, TwoSinksWriteOneInitSegment) {
  const TemporaryDirectory folder;
  const std::string large(100'000, 'x');
  const auto write_inits = [&](const std::string& name) {
    StoreSettings settings;
    settings.location = folder / (name + "-%s.m4s");
    settings.init_location = folder / "init-%{hash}.mp4";
    auto store = SegmentStore::open(settings);
    ASSERT_TRUE(store) << store.error().message;
    for (int i = 0; i < 200; ++i) {
      const auto written = store->write_init("", core::as_bytes(std::to_string(i) + large));
      ASSERT_TRUE(written) << written.error().message;
    }
  };
  std::thread one(write_inits, "one");
  std::thread two(write_inits, "two");
  one.join();
  two.join();
  EXPECT_EQ(folder.files().size(), 200U);
}

TEST(SegmentStore, ASecondWriterIsRefused) {
  const TemporaryDirectory folder;
  StoreSettings dated = settings_for(folder);
  dated.location = folder / "%Y/ch1-%m%d%H%M%S.m4s";
  {
    const SegmentStore store = open_store(settings_for(folder));
    const auto second = SegmentStore::open(settings_for(folder));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Code::kConflict);
    EXPECT_NE(second.error().message.find("another sink writes '" + settings_for(folder).location + "' already"),
              std::string::npos)
        << second.error().message;
    EXPECT_TRUE(SegmentStore::open(dated)) << "other names in the same folder";
  }
  EXPECT_TRUE(SegmentStore::open(settings_for(folder)));
  folder.write(".ch1-%Y%m%d%H%M%S.m4s.lock", "");
  EXPECT_TRUE(SegmentStore::open(settings_for(folder))) << "what a crash leaves is no lock";
  EXPECT_EQ(folder.files(), std::vector<std::string>{"ch1-init-8fc68c1bbd67f001.mp4"}) << "the lock's file goes";
}

TEST(SegmentStore, AnInitSegmentOfAFixedNameIsNotReplaced) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.init_location = folder / "init.mp4";
  SegmentStore store = open_store(settings);
  EXPECT_TRUE(store.write_init("", core::as_bytes("an init segment")));
  const auto other = store.write_init("", core::as_bytes("an init sEgment"));
  ASSERT_FALSE(other);
  EXPECT_TRUE(other.error().message.starts_with("init-location: ")) << other.error().message;
  EXPECT_EQ(read_text(folder / "init.mp4"), "an init segment");
}

TEST(SegmentStore, ErrorsNameTheProperty) {
  const TemporaryDirectory folder;
  folder.write("file", "");
  struct Case {
    std::string location;
    std::string init_location;
    std::string playlist_location;
    Code code;
    const char* message;
  };
  const std::string good = folder / "%s.m4s";
  const Case cases[] = {
      {"", "", "", Code::kInvalidArgument, "location: is not set"},
      {folder / "seg%05d.m4s", "", "", Code::kInvalidArgument, "location: %0 is not a field"},
      {folder / "missing/%s.m4s", "", "", Code::kNotFound, "missing/' does not exist: make it first"},
      {folder / "file/%s.m4s", "", "", Code::kNotFound, "location: "},
      {"/proc/%s.m4s", "", "", Code::kNotFound, "location: cannot create '/proc/"},
      {good, folder / "missing/init.mp4", "", Code::kNotFound, "init-location: the folder"},
      {good, "", folder / "missing/a.m3u8", Code::kNotFound, "playlist-location: the folder"},
  };
  for (const Case& c : cases) {
    StoreSettings settings;
    settings.location = c.location;
    settings.init_location = c.init_location;
    settings.playlist_location = c.playlist_location;
    const auto store = SegmentStore::open(settings);
    ASSERT_FALSE(store) << c.location;
    EXPECT_EQ(store.error().code, c.code) << store.error().message;
    EXPECT_NE(store.error().message.find(c.message), std::string::npos) << store.error().message;
  }
  EXPECT_EQ(files_of(folder), (std::vector<std::string>{"file"}));
}

// The folder goes away while the sink runs: an error, no partial file, and the numbers do not move.
TEST(SegmentStore, AFailedWriteLeavesTheStoreAsItWas) {
  const TemporaryDirectory folder;
  ASSERT_EQ(mkdir((folder / "out").c_str(), 0755), 0);
  StoreSettings settings = settings_for(folder);
  settings.location = folder / "out/ch1-%Y%m%d%H%M%S.m4s";
  SegmentStore store = open_store(settings);
  const std::uint64_t first = write(store, 0)->info.sequence;
  ASSERT_EQ(rename((folder / "out").c_str(), (folder / "away").c_str()), 0);
  const auto failed = write(store, 6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kNotFound);
  EXPECT_TRUE(failed.error().message.starts_with("location: ")) << failed.error().message;
  ASSERT_EQ(rename((folder / "away").c_str(), (folder / "out").c_str()), 0);
  const auto stored = write(store, 6);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->info.sequence, first + 1);
  EXPECT_FALSE(stored->info.discontinuity);
}

// An operator deletes the folder and makes it again.
TEST(SegmentStore, AnInitSegmentThatIsGoneIsWrittenAgain) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.location = folder / "out/ch1-%Y%m%d%H%M%S.m4s";
  std::filesystem::create_directory(folder / "out");
  SegmentStore store = open_store(settings);
  const std::string init = write(store, 0)->init_path;
  std::filesystem::remove_all(folder / "out");
  ASSERT_FALSE(write(store, 6));
  std::filesystem::create_directory(folder / "out");
  const auto stored = write(store, 12);
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->init_path, init);
  EXPECT_EQ(read_text(init), "an init segment");
}

// A folder that cannot be synced: the error comes after the file has its name.
TEST(SegmentStore, WhatIsNotSafeLosesItsName) {
  constexpr uid_t kNobody = 65534;
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.sync = SyncPolicy::kDirectory;
  const bool root = geteuid() == 0;  // who may read every folder
  if (root) {
    ASSERT_EQ(chown(folder.path().c_str(), kNobody, kNobody), 0);
    ASSERT_EQ(seteuid(kNobody), 0);
  }
  {
    SegmentStore store = open_store(settings);
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0300));
    const auto failed = write(store, 0);
    EXPECT_FALSE(failed);
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0700));
    EXPECT_EQ(files_of(folder), (std::vector<std::string>{"ch1-init-8fc68c1bbd67f001.mp4"}));
    EXPECT_TRUE(write(store, 6));
  }
  ASSERT_EQ(root ? seteuid(0) : 0, 0);
}

StoreSettings separate_settings(const TemporaryDirectory& folder) {
  StoreSettings settings;
  settings.location = folder / "ch1-%{track}-%Y%m%d%H%M%S.m4s";
  settings.playlist_location = folder / "ch1-%{track}.m3u8";
  return settings;
}

SegmentStore open_separate(const StoreSettings& settings) {
  auto store = SegmentStore::open(settings);
  EXPECT_TRUE(store) << store.error().message;
  EXPECT_TRUE(store->write_init("video", core::as_bytes("video's init")));
  EXPECT_TRUE(store->write_init("audio", core::as_bytes("audio's init")));
  return std::move(*store);
}

TEST(SegmentStore, TracksHaveEqualNumbersAndGapsWhereTheyAreSilent) {
  const TemporaryDirectory folder;
  {
    SegmentStore store = open_separate(separate_settings(folder));
    ASSERT_TRUE(write_tracks(store, 0, {"video", "audio"}));
    const auto video_only = write_tracks(store, 6, {"video"});
    ASSERT_TRUE(video_only);
    EXPECT_EQ(video_only->files.size(), 1U);
    const auto both = write_tracks(store, 12, {"video", "audio"});
    ASSERT_TRUE(both);
    EXPECT_EQ(both->files[0].info.sequence, both->files[1].info.sequence);
    EXPECT_EQ(both->files[0].path, folder / "ch1-video-20260225143012.m4s");
    EXPECT_NE(both->files[0].init_path, both->files[1].init_path);
  }
  // A crash left the video's file without the audio's, after a restart that came with a discontinuity.
  {
    SegmentStore store = open_separate(separate_settings(folder));
    ASSERT_TRUE(write_tracks(store, 18, {"video", "audio"}));
  }
  ASSERT_TRUE(std::filesystem::remove(folder / "ch1-audio-20260225143018.m4s"));
  SegmentStore store = open_separate(separate_settings(folder));
  const auto after = write_tracks(store, 24, {"video", "audio"});
  ASSERT_TRUE(after) << after.error().message;
  EXPECT_EQ(after->files[0].info.sequence, core::first_sequence(kStart, 6 * kSecond) + 4);
  EXPECT_EQ(after->files[1].info.sequence, after->files[0].info.sequence);
  test::expect_golden("playlist/sink_video.m3u8", read_text(folder / "ch1-video.m3u8"));
  test::expect_golden("playlist/sink_audio.m3u8", read_text(folder / "ch1-audio.m3u8"));
}

TEST(SegmentStore, AllFilesOfASegmentOrNone) {
  const TemporaryDirectory folder;
  StoreSettings settings = separate_settings(folder);
  settings.location = folder / "%{track}/%s.m4s";
  SegmentStore store = open_separate(settings);
  ASSERT_TRUE(write_tracks(store, 0, {"video", "audio"}));
  std::filesystem::rename(folder / "audio", folder / "away");
  folder.write("audio", "in the way of the folder");
  const auto failed = write_tracks(store, 6, {"video", "audio"});
  ASSERT_FALSE(failed);
  store.lose_segment();
  EXPECT_FALSE(std::filesystem::exists(folder / "video/1772029806.m4s"));
  std::filesystem::remove(folder / "audio");
  std::filesystem::rename(folder / "away", folder / "audio");
  const auto stored = write_tracks(store, 12, {"video", "audio"});
  ASSERT_TRUE(stored) << stored.error().message;
  EXPECT_EQ(stored->files[0].info.sequence, core::first_sequence(kStart, 6 * kSecond) + 2);
  EXPECT_TRUE(stored->files[1].info.discontinuity);
}

TEST(SegmentStore, AVodPlaylistIsWrittenAtTheEnd) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.playlist_kind = PlaylistKind::kVod;
  SegmentStore store = open_store(settings);
  ASSERT_TRUE(write(store, 0));
  EXPECT_FALSE(std::filesystem::exists(folder / "ch1.m3u8"));
  ASSERT_TRUE(store.finish());
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_NE(playlist.find("#EXT-X-PLAYLIST-TYPE:VOD\n"), std::string::npos) << playlist;
  EXPECT_TRUE(playlist.ends_with("#EXT-X-ENDLIST\n"));
}

std::vector<std::uint64_t> gaps_of(const std::string& playlist) {
  std::vector<std::uint64_t> numbers;
  std::istringstream lines(playlist);
  std::uint64_t number = 0;
  bool gap = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("#EXT-X-MEDIA-SEQUENCE:")) number = std::stoull(line.substr(22));
    gap = gap || line == "#EXT-X-GAP";
    if (line.empty() || line.starts_with("#")) continue;
    if (std::exchange(gap, false)) numbers.push_back(number);
    ++number;
  }
  return numbers;
}

TEST(SegmentStore, AHoleIsListedWhileItLasts) {
  const TemporaryDirectory folder;
  const std::uint64_t first = core::first_sequence(kStart, 6 * kSecond);
  {
    SegmentStore store = open_store(settings_for(folder));
    EXPECT_FALSE(*store.list_hole(kStart + 60 * kSecond, 6)) << "nothing has begun";
    ASSERT_TRUE(write(store, 0));
    EXPECT_FALSE(*store.list_hole(kStart + 11 * kSecond, 6)) << "no row is over";
    EXPECT_TRUE(*store.list_hole(kStart + 12 * kSecond, 6));
    EXPECT_EQ(gaps_of(read_text(folder / "ch1.m3u8")), (std::vector<std::uint64_t>{first + 1}));
    EXPECT_TRUE(*store.list_hole(kStart + 31 * kSecond, 6));
    const std::string during = read_text(folder / "ch1.m3u8");
    EXPECT_EQ(gaps_of(during), (std::vector<std::uint64_t>{first + 1, first + 2, first + 3, first + 4}));
    EXPECT_FALSE(*store.list_hole(kStart + 31 * kSecond, 6)) << "nothing new";

    const auto late = write(store, 24);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Code::kUnavailable);
    EXPECT_NE(late.error().message.find("2026-02-25T14:30:24.000Z comes too late"), std::string::npos);
    const auto resumed = write(store, 39);  // one row more, of 9 s less 0.5: 6 s and 3 s
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->info.sequence, first + 7);
    EXPECT_TRUE(resumed->info.discontinuity);
    const std::string after = read_text(folder / "ch1.m3u8");
    EXPECT_TRUE(after.starts_with(during)) << "what was listed stays as it was:\n" << during << "\n" << after;
    EXPECT_EQ(gaps_of(after),
              (std::vector<std::uint64_t>{first + 1, first + 2, first + 3, first + 4, first + 5, first + 6}));
  }
  // The files alone tell the same.
  SegmentStore again = open_store(settings_for(folder));
  ASSERT_TRUE(write(again, 45));
  EXPECT_EQ(gaps_of(read_text(folder / "ch1.m3u8")),
            (std::vector<std::uint64_t>{first + 1, first + 2, first + 3, first + 4, first + 5, first + 6}));
}

TEST(SegmentStore, AClockSetBackInAHoleTakesNoNumberTwice) {
  const TemporaryDirectory folder;
  SegmentStore store = open_store(settings_for(folder));
  const std::uint64_t first = write(store, 0)->info.sequence;
  ASSERT_TRUE(*store.list_hole(kStart + 18 * kSecond, 6));
  const auto before = write(store, -60);
  ASSERT_TRUE(before) << before.error().message;
  EXPECT_EQ(before->info.sequence, first + 3);
  EXPECT_EQ(before->info.epoch, 1U);
}

// 400 million rows would be more than a machine has.
TEST(SegmentStore, AHoleOfYearsCostsALivePlaylistNothing) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.playlist_length = 3;
  SegmentStore store = open_store(settings);
  const std::uint64_t first = write(store, 0)->info.sequence;
  const std::int64_t years = 76LL * 365 * 86'400 / 6 * 6;
  const auto stored = write(store, years);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->info.sequence, first + static_cast<std::uint64_t>(years / 6));
  EXPECT_EQ(gaps_of(read_text(folder / "ch1.m3u8")).size(), 0U) << "a hole at the head says nothing";
}

TEST(SegmentStore, AMultivariantPlaylistNamesWhatIsThere) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.playlist_kind = PlaylistKind::kVod;
  settings.multivariant_location = folder / "index.m3u8";
  SegmentStore store = open_store(settings);
  ASSERT_TRUE(write(store, 0));
  EXPECT_FALSE(std::filesystem::exists(folder / "index.m3u8")) << "ch1.m3u8 is not there yet";
  ASSERT_TRUE(store.finish());
  EXPECT_TRUE(std::filesystem::exists(folder / "ch1.m3u8"));
  EXPECT_NE(read_text(folder / "index.m3u8").find("\nch1.m3u8\n"), std::string::npos);
}

TEST(SegmentStore, ASinkThatGoesLeavesTheMultivariantPlaylist) {
  const TemporaryDirectory folder;
  const auto settings = [&](const std::string& name, PlaylistKind kind) {
    StoreSettings one;
    one.location = folder / (name + "-%Y%m%d%H%M%S.m4s");
    one.playlist_location = folder / (name + ".m3u8");
    one.multivariant_location = folder / "index.m3u8";
    one.playlist_kind = kind;
    return one;
  };
  const auto names = [&](const char* name) {
    return read_text(folder / "index.m3u8").find(std::string("\n") + name + ".m3u8\n") != std::string::npos;
  };
  SegmentStore stays = open_store(settings("stays", PlaylistKind::kLive));
  std::optional<SegmentStore> goes(open_store(settings("goes", PlaylistKind::kLive)));
  std::optional<SegmentStore> ends(open_store(settings("ends", PlaylistKind::kEvent)));
  for (SegmentStore* store : {&stays, &*goes, &*ends}) ASSERT_TRUE(write(*store, 0));
  ASSERT_TRUE(ends->finish());
  EXPECT_TRUE(names("stays") && names("goes") && names("ends"));
  goes.reset();
  ends.reset();
  EXPECT_TRUE(names("goes")) << "nothing is said by those who stop";
  ASSERT_TRUE(write(stays, 6));
  EXPECT_TRUE(names("stays"));
  EXPECT_FALSE(names("goes"));
  EXPECT_TRUE(names("ends")) << "complete, and still to be played";
  SegmentStore back = open_store(settings("goes", PlaylistKind::kLive));
  ASSERT_TRUE(write(back, 12));
  EXPECT_TRUE(names("goes"));
}

TEST(SegmentStore, ALivePlaylistMayListAll) {
  const TemporaryDirectory folder;
  StoreSettings settings = settings_for(folder);
  settings.playlist_kind = PlaylistKind::kLive;
  SegmentStore store = open_store(settings);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(write(store, i * 6));
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_EQ(playlist.find("PLAYLIST-TYPE"), std::string::npos) << playlist;
  EXPECT_NE(playlist.find("143000.m4s"), std::string::npos) << playlist;
}

TEST(SegmentStore, SettingsThatContradictAreRefused) {
  const TemporaryDirectory folder;
  const auto message = [](const StoreSettings& settings) {
    const auto store = SegmentStore::open(settings);
    return store ? std::string() : store.error().message;
  };
  StoreSettings event = settings_for(folder);
  event.playlist_kind = PlaylistKind::kEvent;
  event.playlist_length = 5;
  EXPECT_EQ(message(event), "playlist-length: a playlist of type EVENT or VOD lists all: set it to 0");
  StoreSettings one_list = separate_settings(folder);
  one_list.playlist_location = folder / "ch1.m3u8";
  EXPECT_EQ(message(one_list), "playlist-location: put %{track} into the name, as in location");
  StoreSettings two_lists = settings_for(folder);
  two_lists.playlist_location = folder / "%{track}.m3u8";
  EXPECT_EQ(message(two_lists), "playlist-location: %{track} does not stand in location");
  StoreSettings alone = settings_for(folder);
  alone.playlist_location = "";
  alone.multivariant_location = folder / "index.m3u8";
  EXPECT_EQ(message(alone), "multivariant-location: needs playlist-location, which it names");
  SegmentStore muxed = open_store(settings_for(folder));
  EXPECT_EQ(muxed.write_init("video", core::as_bytes("x")).error().message,
            "location: layout=separate needs %{track} in the name");
}

}  // namespace
}  // namespace aircheck::fmp4
