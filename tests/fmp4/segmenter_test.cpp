#include "fmp4/segmenter.hpp"

#include <gtest/gtest.h>

namespace aircheck::fmp4 {
namespace {

using core::kNsPerMs;
using core::kNsPerSecond;
using core::Utc;

constexpr std::int64_t kStart = 1'772'029'800 * kNsPerSecond;  // 2026-02-25T14:30:00Z, a multiple of 6 s

TrackConfig video_config(std::uint32_t timescale = 25'000, std::uint32_t frame = 1000) {
  TrackConfig config;
  config.kind = TrackKind::kVideo;
  config.timescale = timescale;
  config.nominal_duration = frame;
  return config;
}

TrackConfig audio_config() {
  TrackConfig config;
  config.kind = TrackKind::kAudio;
  config.timescale = 48'000;
  config.nominal_duration = 1024;
  return config;
}

class Muxing : public testing::Test {
 protected:
  Muxing() {
    video_.set_config(video_config());
    audio_.set_config(audio_config());
  }

  // Frame `n` of 25 in a second, presented where it is decoded unless `presented` says another frame's place.
  void frame(int n, bool sync, int presented = -1, std::int64_t offset_ns = 0) {
    constexpr std::int64_t kFrame = 40 * kNsPerMs;
    constexpr std::int64_t kDelay = 2 * kFrame;
    IncomingSample sample;
    sample.presentation_ns = kStart + offset_ns + (presented < 0 ? n : presented) * kFrame;
    sample.decode_ns = kStart + offset_ns + n * kFrame - (presented < 0 ? 0 : kDelay);
    sample.duration_ns = kFrame;
    sample.sync = sync;
    video_.push(std::move(sample));
  }
  void frames(int from, int to, int key_interval, std::int64_t offset_ns = 0) {
    for (int n = from; n < to; ++n) frame(n, n % key_interval == 0, -1, offset_ns);
  }
  void audio_frames(int from, int to, std::int64_t offset_ns = 0) {
    for (int n = from; n < to; ++n) {
      IncomingSample sample;
      sample.presentation_ns = kStart + offset_ns + core::scale_floor(n, 1024 * kNsPerSecond, 48'000);
      sample.duration_ns = 21'333'333;
      audio_.push(std::move(sample));
    }
  }
  std::vector<Segment> all(std::vector<MuxTrack*> tracks) {
    std::vector<Segment> segments;
    while (auto segment = segmenter_.next(tracks)) segments.push_back(std::move(*segment));
    return segments;
  }
  static std::vector<double> durations(const std::vector<Segment>& segments) {
    std::vector<double> seconds;
    seconds.reserve(segments.size());
    for (const Segment& segment : segments) seconds.push_back(static_cast<double>(segment.duration_ns) / 1e9);
    return seconds;
  }

  MuxTrack video_{1, TrackKind::kVideo};
  MuxTrack audio_{2, TrackKind::kAudio};
  Segmenter segmenter_;
};

TEST_F(Muxing, CutsAtTheFirstIdrOfEachSlot) {
  frames(0, 25 * 20, 50);  // an IDR every 2 s
  video_.end();
  const auto segments = all({&video_});
  EXPECT_EQ(durations(segments), (std::vector<double>{6, 6, 6, 2}));
  EXPECT_EQ(segments[1].start, Utc{kStart + 6 * kNsPerSecond});
  for (const Segment& segment : segments) EXPECT_TRUE(segment.independent && !segment.discontinuity);
}

TEST_F(Muxing, TheFirstSlotMayBeShort) {
  frames(0, 25 * 8, 25, 4 * kNsPerSecond);
  video_.end();
  EXPECT_EQ(durations(all({&video_})), (std::vector<double>{2, 6}));
}

TEST_F(Muxing, AnIdrLaterInTheSameSlotDoesNotCut) {
  segmenter_.set_rules({.slot_ns = 6 * kNsPerSecond, .max_duration_s = 12});
  for (int n = 0; n < 25 * 20; ++n) frame(n, n == 0 || n == 250 || n == 280 || n == 400);
  video_.end();
  EXPECT_EQ(durations(all({&video_})), (std::vector<double>{10, 6, 4}));
}

TEST_F(Muxing, CutsWithoutAnIdrBeforeASegmentRoundsAboveTheLimit) {
  for (int n = 0; n < 25 * 14; ++n) frame(n, n == 0);
  video_.end();
  const auto segments = all({&video_});
  EXPECT_EQ(durations(segments), (std::vector<double>{6.48, 6.48, 1.04}));
  EXPECT_TRUE(segments[0].independent);
  EXPECT_FALSE(segments[1].independent);
}

TEST_F(Muxing, AfterACutWithoutAnIdrTheNextIdrBeginsItsSlot) {
  for (int n = 0; n < 25 * 12; ++n) frame(n, n == 0 || n == 175);  // 7 s: slot 1, whose first 0.48 s had none
  video_.end();
  EXPECT_EQ(durations(all({&video_})), (std::vector<double>{6.48, 0.52, 5}));
}

TEST_F(Muxing, PicturesThatLeadACraBelongToItsSegment) {
  // An open group: the CRA at 6.08 s is decoded first, two pictures are presented before it.
  for (int n = 0; n < 150; ++n) frame(n, n == 0);
  frame(150, true, 152);
  frame(151, false, 150);
  frame(152, false, 151);
  for (int n = 153; n < 300; ++n) frame(n, n == 200);
  video_.end();
  const auto segments = all({&video_});
  // The IDR at 8 s does not cut: its slot has begun with the CRA, although the segment starts before its slot does.
  EXPECT_EQ(durations(segments), (std::vector<double>{6, 6}));
  ASSERT_EQ(segments[1].tracks[0].samples.size(), 150U);
  EXPECT_TRUE(segments[1].independent);
  EXPECT_EQ(segments[1].tracks[0].samples[0].presentation_ns - segments[1].start.ns, 80 * kNsPerMs);
}

TEST_F(Muxing, CutsWhereAskedAtTheFirstIdrFromThere) {
  segmenter_.request_cut(kStart + 9 * kNsPerSecond);
  segmenter_.request_cut(kStart + 2 * kNsPerSecond + 1);
  frames(0, 25 * 20, 50);
  video_.end();
  EXPECT_EQ(durations(all({&video_})), (std::vector<double>{4, 2, 4, 2, 6, 2}));
}

// Sound and pictures behind encryptors of their own, which change keys each at a time of its own.
class TwoKeys : public Muxing {
 protected:
  void sound(int from, int to, std::uint8_t key) {
    for (int n = from; n < to; ++n) {
      IncomingSample sample;
      sample.presentation_ns = kStart + core::scale_floor(n, 1024 * kNsPerSecond, 48'000);
      sample.key = SampleKey{.key_id = core::KeyId{key}};
      audio_.push(std::move(sample));
    }
  }
  void pictures(int from, int to, int key_interval, std::uint8_t key) {
    for (int n = from; n < to; ++n) {
      IncomingSample sample;
      sample.presentation_ns = kStart + n * 40 * kNsPerMs;
      sample.decode_ns = sample.presentation_ns;
      sample.duration_ns = 40 * kNsPerMs;
      sample.sync = n % key_interval == 0;
      sample.key = SampleKey{.key_id = core::KeyId{key}};
      video_.push(std::move(sample));
    }
  }
  void end() {
    video_.end();
    audio_.end();
  }
  // The keys of the tracks in each segment, as "11 12 22".
  static std::string keys(const std::vector<Segment>& segments) {
    std::string text;
    for (const Segment& segment : segments) {
      if (!text.empty()) text += ' ';
      for (const TrackSlice& slice : segment.tracks) {
        const auto key = (*slice.samples.front().config->key.key_id)[0];
        for (const MuxSample& sample : slice.samples) EXPECT_EQ((*sample.config->key.key_id)[0], key);
        text += std::to_string(key);
      }
    }
    return text;
  }
  // How far samples of a track lie outside the segment that holds them, at most, in ms.
  static std::int64_t most_astray_ms(const std::vector<Segment>& segments, std::size_t track) {
    std::int64_t most = 0;
    for (const Segment& segment : segments) {
      const std::int64_t end = segment.start.ns + segment.duration_ns;
      for (const MuxSample& sample : segment.tracks.at(track).samples) {
        most = std::max({most, segment.start.ns - sample.decode_ns, sample.decode_ns - end});
      }
    }
    return most / kNsPerMs;
  }
  static std::size_t samples(const std::vector<Segment>& segments, std::size_t track) {
    std::size_t count = 0;
    for (const Segment& segment : segments) count += segment.tracks.at(track).samples.size();
    return count;
  }
};

TEST_F(TwoKeys, AKeyOfTheSoundThatChangesFarFromAnyIdrIsACut) {
  sound(0, 150, 1);    // up to 3.2 s
  sound(150, 562, 2);  // up to 12 s
  pictures(0, 100, 50, 1);
  pictures(100, 300, 50, 2);  // from the IDR at 4 s on
  end();
  const auto segments = all({&video_, &audio_});
  EXPECT_EQ(durations(segments), (std::vector<double>{3.2, 0.8, 2, 6}));
  EXPECT_EQ(keys(segments), "11 12 22 22");
  EXPECT_EQ(most_astray_ms(segments, 1), 0);
  EXPECT_EQ(samples(segments, 1), 562U);
  EXPECT_FALSE(segments[1].independent);
  EXPECT_EQ(segments[1].cause, Cause::kNewKey);
  EXPECT_TRUE(segments[2].independent);
  for (const Segment& segment : segments) EXPECT_FALSE(segment.discontinuity);
}

// Both were told 3.83 s, four pictures before the IDR: the frames of sound in between go with their key.
TEST_F(TwoKeys, AnIdrThatComesSoonIsTheCut) {
  sound(0, 180, 1);    // up to 3.84 s
  sound(180, 562, 2);  // up to 12 s
  pictures(0, 100, 50, 1);
  pictures(100, 300, 50, 2);
  end();
  const auto segments = all({&video_, &audio_});
  EXPECT_EQ(durations(segments), (std::vector<double>{4, 2, 6}));
  EXPECT_EQ(keys(segments), "11 22 22");
  EXPECT_EQ(most_astray_ms(segments, 1), 160);
  for (const Segment& segment : segments) EXPECT_TRUE(segment.independent);
}

TEST_F(TwoKeys, SoundThatFollowsALittleLaterKeepsItsLastSamplesBeforeTheCut) {
  sound(0, 192, 1);  // up to 4.096 s
  sound(192, 562, 2);
  pictures(0, 100, 50, 1);
  pictures(100, 300, 50, 2);
  end();
  const auto segments = all({&video_, &audio_});
  EXPECT_EQ(durations(segments), (std::vector<double>{4, 2, 6}));
  EXPECT_EQ(keys(segments), "11 22 22");
  EXPECT_EQ(most_astray_ms(segments, 1), 74);
  EXPECT_EQ(samples(segments, 1), 562U);
}

TEST_F(TwoKeys, ThePicturesMayChangeAlone) {
  sound(0, 562, 1);
  pictures(0, 100, 50, 1);
  pictures(100, 300, 50, 2);
  end();
  const auto segments = all({&video_, &audio_});
  EXPECT_EQ(durations(segments), (std::vector<double>{4, 2, 6}));
  EXPECT_EQ(keys(segments), "11 21 21");
  EXPECT_EQ(most_astray_ms(segments, 1), 0);
}

// The cuts are the same in whichever order tracks come.
TEST_F(TwoKeys, AChangeOnASlowerTrackIsFoundBehindPicturesThatWereLookedAt) {
  pictures(0, 100, 50, 1);
  pictures(100, 300, 50, 2);
  video_.end();
  std::vector<Segment> segments;
  for (int n = 0; n < 562; n += 10) {
    sound(n, std::min(n + 10, 562), n < 150 ? 1 : 2);
    for (Segment& segment : all({&video_, &audio_})) segments.push_back(std::move(segment));
  }
  audio_.end();
  for (Segment& segment : all({&video_, &audio_})) segments.push_back(std::move(segment));
  EXPECT_EQ(durations(segments), (std::vector<double>{3.2, 0.8, 2, 6}));
  EXPECT_EQ(keys(segments), "11 12 22 22");
}

TEST_F(TwoKeys, AtTheEndNoIdrIsWaitedFor) {
  sound(0, 150, 1);
  sound(150, 234, 2);  // up to 5 s
  frames(0, 25 * 5, 1000);
  video_.end();
  audio_.end();
  const auto segments = all({&video_, &audio_});
  ASSERT_EQ(durations(segments), (std::vector<double>{3.2, 1.8}));
  EXPECT_FALSE(segments[1].independent);
  EXPECT_EQ(segments[1].tracks[1].samples.size(), 84U);
}

TEST_F(Muxing, NtscFramesRoundIntoTheLimit) {
  MuxTrack ntsc(1, TrackKind::kVideo);
  ntsc.set_config(video_config(30'000, 1001));
  for (int n = 0; n < 400; ++n) {
    IncomingSample sample;
    sample.presentation_ns = kStart + core::scale_floor(n, 1001 * kNsPerSecond, 30'000);
    sample.decode_ns = sample.presentation_ns;
    sample.duration_ns = 33'366'666;
    sample.sync = n % 180 == 0;  // the first frame at or after each slot's start
    ntsc.push(std::move(sample));
  }
  ntsc.end();
  const auto segments = all({&ntsc});
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_EQ(segments[0].duration_ns, 6'006'000'000);
  EXPECT_EQ(segments[1].duration_ns, 6'006'000'000);
  EXPECT_TRUE(segments[1].independent);
  EXPECT_EQ(segments[1].tracks[0].samples[0].decode - segments[0].tracks[0].samples[0].decode, 180 * 1001);
}

TEST_F(Muxing, ReorderedFramesGetDecodeTimesInOrderAndAnIdrItsOwnTime) {
  // I P B B | I P B B ...: presented 0 3 1 2
  for (int group = 0; group < 60; ++group) {
    const int n = group * 4;
    const std::array<int, 4> presented{0, 3, 1, 2};
    for (int i = 0; i < 4; ++i) frame(n + i, i == 0, n + presented[static_cast<std::size_t>(i)]);
  }
  video_.end();
  const auto segments = all({&video_});
  ASSERT_EQ(segments.size(), 2U);
  for (const Segment& segment : segments) {
    const auto& samples = segment.tracks[0].samples;
    EXPECT_EQ(samples[0].decode_ns, segment.start.ns);
    EXPECT_EQ(samples[0].presentation, samples[0].decode);
    EXPECT_EQ(samples[1].presentation - samples[1].decode, 2000);
    EXPECT_EQ(samples[2].presentation - samples[2].decode, -1000);
    for (const MuxSample& sample : samples) EXPECT_EQ(sample.duration, 1000U);
  }
  // The IDR at 6.08 s is the first of its slot.
  EXPECT_EQ(segments[1].start, Utc{kStart + 6'080 * kNsPerMs});
}

TEST_F(Muxing, TimesWithoutDecodeTimesAreTheSame) {
  MuxTrack without(1, TrackKind::kVideo);
  without.set_config(video_config());
  for (int group = 0; group < 60; ++group) {
    for (const int presented : {0, 3, 1, 2}) {
      IncomingSample sample;
      sample.presentation_ns = kStart + (group * 4 + presented) * 40 * kNsPerMs;
      sample.sync = presented == 0;
      without.push(std::move(sample));
    }
  }
  without.end();
  std::int64_t n = 0;
  for (const Segment& segment : all({&without})) {
    for (const MuxSample& sample : segment.tracks[0].samples) {
      EXPECT_EQ(sample.decode_ns, kStart + n++ * 40 * kNsPerMs);
    }
  }
  EXPECT_EQ(n, 240);
}

TEST_F(Muxing, AnAudioFrameBelongsToTheSegmentInWhichItBegins) {
  frames(0, 25 * 12, 25);
  audio_frames(0, 563);
  video_.end();
  audio_.end();
  const auto segments = all({&video_, &audio_});
  ASSERT_EQ(segments.size(), 2U);
  const auto& second = segments[1].tracks[1].samples;
  EXPECT_EQ(segments[0].tracks[1].samples.size(), 282U);  // 281.25 frames in 6 s
  EXPECT_EQ(second.front().decode - kStart / kNsPerSecond * 48'000, 282 * 1024);
  EXPECT_EQ(durations(segments), (std::vector<double>{6, 6}));  // the video's, not the audio's 12.01 s
}

TEST_F(Muxing, WaitsForAudioOnlyUntilItReachesTheBoundary) {
  frames(0, 25 * 13, 25);
  audio_frames(0, 281);
  EXPECT_TRUE(all({&video_, &audio_}).empty());
  audio_frames(281, 282);
  EXPECT_TRUE(all({&video_, &audio_}).empty());  // it ends behind the boundary, but its successor says its length
  audio_frames(282, 283);
  EXPECT_EQ(all({&video_, &audio_}).size(), 1U);
}

TEST_F(Muxing, AGapOrTheEndOfATrackHoldsUpNothing) {
  frames(0, 25 * 13, 25);
  audio_frames(0, 10);
  audio_.gap_until(kStart + 7 * kNsPerSecond);
  EXPECT_EQ(all({&video_, &audio_}).size(), 1U);
  audio_.end();
  EXPECT_EQ(all({&video_, &audio_}).size(), 1U);
}

TEST_F(Muxing, ATrackThatBringsNothingIsNotWaitedForForever) {
  frames(0, 25 * 29, 25);
  EXPECT_TRUE(all({&video_, &audio_}).empty());
  frames(25 * 29, 25 * 40, 25);
  EXPECT_EQ(all({&video_, &audio_}).size(), 6U);
  audio_frames(0, 3000);  // up to 64 s: what lies before 36 s is too late
  frames(25 * 40, 25 * 43, 25);
  const auto later = all({&video_, &audio_});
  ASSERT_EQ(later.size(), 1U);
  EXPECT_GE(later[0].tracks[1].samples.front().decode_ns, kStart + 36 * kNsPerSecond);
}

TEST_F(Muxing, AudioAloneIsCutAtItsOwnFrames) {
  audio_frames(0, 600);
  audio_.end();
  const auto segments = all({&audio_});
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_EQ(segments[0].tracks[0].samples.size(), 282U);
  EXPECT_EQ(segments[0].duration_ns, 6'016'000'000);
  EXPECT_EQ(segments[1].start, Utc{kStart + 6'016'000'000});
}

TEST_F(Muxing, AudioGoesOnWhereVideoEnds) {
  frames(0, 100, 25);
  video_.end();
  audio_frames(0, 800);  // 17 s
  audio_.end();
  EXPECT_EQ(all({&video_, &audio_}).size(), 3U);
}

TEST_F(Muxing, ALittleAudioBehindTheVideoMakesNoSegmentOfItsOwn) {
  frames(0, 150, 25);
  audio_frames(0, 290);
  video_.end();
  EXPECT_TRUE(all({&video_, &audio_}).empty());
  audio_.end();
  EXPECT_EQ(durations(all({&video_, &audio_})), (std::vector<double>{6}));
}

TEST_F(Muxing, WhatLiesBeforeTheFirstIdrIsCounted) {
  audio_frames(0, 500);
  for (int n = 25; n < 50; ++n) frame(n, false);
  EXPECT_TRUE(all({&video_, &audio_}).empty());
  EXPECT_FALSE(segmenter_.take_left_out(std::vector<MuxTrack*>{&video_, &audio_})) << "it may go on";
  frames(50, 200, 50);
  video_.end();
  audio_.end();
  EXPECT_FALSE(all({&video_, &audio_}).empty());
  const auto left_out = segmenter_.take_left_out(std::vector<MuxTrack*>{&video_, &audio_});
  ASSERT_TRUE(left_out);
  EXPECT_EQ(left_out->samples, 25U + 71) << "pictures, and the sound of 1.5 s";
  EXPECT_EQ(left_out->until_ns, kStart + 2 * kNsPerSecond);
  EXPECT_FALSE(segmenter_.take_left_out(std::vector<MuxTrack*>{&video_, &audio_})) << "told once";
}

TEST_F(Muxing, WithoutAnyIdrNothingGrows) {
  const std::vector<MuxTrack*> tracks{&video_, &audio_};
  std::uint64_t told = 0;
  for (int second = 0; second < 120; ++second) {
    audio_frames(second * 48, second * 48 + 48);
    for (int n = 0; n < 25; ++n) frame(second * 25 + n, false);
    EXPECT_TRUE(all(tracks).empty());
    if (const auto left_out = segmenter_.take_left_out(tracks)) told += left_out->samples;
    EXPECT_TRUE(second > 28 || told == 0U);
    EXPECT_TRUE(second < 32 || told > 0U);
  }
  EXPECT_LE(audio_.ready().size(), 48U * 40);
  video_.end();
  audio_.end();
  EXPECT_FALSE(all(tracks).empty()) << "sound alone";
  const auto rest = segmenter_.take_left_out(tracks);
  ASSERT_TRUE(rest);
  EXPECT_GT(told + rest->samples, 120U * 25);
}

// A live source stops, and comes back in the midst of a group of pictures.
TEST_F(Muxing, AnInterruptedSegmentEndsWhereItsSamplesEnd) {
  const std::vector<MuxTrack*> tracks{&video_, &audio_};
  frames(0, 200, 50);
  audio_frames(0, 375);
  auto segments = all(tracks);
  EXPECT_EQ(durations(segments), (std::vector<double>{6}));
  EXPECT_EQ(segmenter_.open_since_ns(), kStart + 6 * kNsPerSecond);
  const auto interrupted = segmenter_.interrupt(tracks);
  ASSERT_TRUE(interrupted);
  EXPECT_EQ(interrupted->duration_ns, 2 * kNsPerSecond);
  EXPECT_FALSE(interrupted->discontinuity);
  EXPECT_FALSE(segmenter_.interrupt(tracks));
  EXPECT_FALSE(segmenter_.open_since_ns());
  for (int n = 410; n < 550; ++n) frame(n, n % 50 == 0);
  audio_frames(769, 1032);
  video_.end();
  audio_.end();
  segments = all(tracks);
  EXPECT_EQ(durations(segments), (std::vector<double>{1.6, 4}));
  EXPECT_TRUE(segments[0].discontinuity);
  EXPECT_FALSE(segments[0].independent);
  EXPECT_EQ(segments[0].cause, Cause::kInterruption);
  EXPECT_TRUE(segments[1].independent && !segments[1].discontinuity);
  EXPECT_EQ(segments[1].cause, Cause::kSlot);
  EXPECT_FALSE(segmenter_.take_left_out(tracks)) << "nothing is left out before the next IDR";
}

// One of two tracks stops: the other's segments go on, cut as ever.
TEST_F(Muxing, AnInterruptionDoesNotWaitForATrackThatLags) {
  const std::vector<MuxTrack*> tracks{&video_, &audio_};
  frames(0, 400, 50);
  audio_frames(0, 94);
  EXPECT_TRUE(all(tracks).empty());
  const auto interrupted = segmenter_.interrupt(tracks);
  ASSERT_TRUE(interrupted);
  EXPECT_EQ(interrupted->duration_ns, 6 * kNsPerSecond);
  EXPECT_EQ(interrupted->tracks.size(), 2U);
  EXPECT_TRUE(segmenter_.open_since_ns());
}

TEST_F(Muxing, AVideoTrackWithoutAnIdrDoesNotHoldUpAnother) {
  MuxTrack second(3, TrackKind::kVideo, "video_1");
  second.set_config(video_config());
  const std::vector<MuxTrack*> tracks{&video_, &second};
  std::vector<Segment> segments;
  const auto both = [&](int from_s, int to_s, int second_idr) {
    for (int n = from_s * 25; n < to_s * 25; ++n) {
      frame(n, n % 50 == 0);
      IncomingSample sample;
      sample.presentation_ns = kStart + n * 40 * kNsPerMs;
      sample.decode_ns = sample.presentation_ns;
      sample.sync = n == second_idr;
      second.push(std::move(sample));
      for (Segment& segment : all(tracks)) segments.push_back(std::move(segment));
    }
  };
  both(0, 29, -1);
  EXPECT_TRUE(segments.empty());
  EXPECT_TRUE(segmenter_.take_left_behind().empty());
  both(29, 120, 70 * 25);
  EXPECT_EQ(segmenter_.take_left_behind(), (std::vector<std::string>{"video_1"}));
  ASSERT_EQ(segments.size(), 19U);
  EXPECT_EQ(segments[10].tracks.size(), 1U);
  EXPECT_EQ(segments[11].tracks.size(), 2U) << "its first IDR comes at 70 s";
  EXPECT_TRUE(segments[11].tracks[1].samples.front().sync);
  EXPECT_LE(video_.ready().size(), 25U * 8);
}

// In the other order too, where the track without an IDR would lead.
TEST_F(Muxing, TheFirstVideoTrackMayBeTheOneWithoutAnIdr) {
  MuxTrack second(3, TrackKind::kVideo, "video_1");
  second.set_config(video_config());
  const std::vector<MuxTrack*> tracks{&second, &video_, &audio_};
  std::size_t count = 0;
  for (int n = 0; n < 120 * 25; ++n) {
    frame(n, n % 50 == 0);
    if (n % 25 == 0) audio_frames(n / 25 * 47, n / 25 * 47 + 47);
    IncomingSample sample;
    sample.presentation_ns = kStart + n * 40 * kNsPerMs;
    sample.decode_ns = sample.presentation_ns;
    sample.sync = false;
    second.push(std::move(sample));
    count += all(tracks).size();
  }
  EXPECT_EQ(segmenter_.take_left_behind(), (std::vector<std::string>{"video_1"}));
  EXPECT_GE(count, 17U);
  EXPECT_TRUE(second.ready().empty());
}

TEST_F(Muxing, ATrackThatNeverBringsAnythingIsNamed) {
  MuxTrack silent(3, TrackKind::kVideo, "video_1");
  const std::vector<MuxTrack*> tracks{&video_, &silent};
  frames(0, 25 * 40, 50);
  EXPECT_FALSE(all(tracks).empty());
  EXPECT_EQ(segmenter_.take_left_behind(), (std::vector<std::string>{"video_1"}));
  frames(25 * 40, 25 * 80, 50);
  EXPECT_FALSE(all(tracks).empty());
  EXPECT_TRUE(segmenter_.take_left_behind().empty()) << "once is enough";
}

TEST_F(Muxing, AHoleInAllTracksEndsTheSegmentAndMarksTheNext) {
  frames(0, 50, 25);
  audio_frames(0, 94);
  frames(0, 50, 25, 20 * kNsPerSecond);
  audio_frames(0, 94, 20 * kNsPerSecond);
  video_.end();
  audio_.end();
  const auto segments = all({&video_, &audio_});
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(durations(segments), (std::vector<double>{2, 2}));
  EXPECT_FALSE(segments[0].discontinuity);
  EXPECT_TRUE(segments[1].discontinuity);
  EXPECT_EQ(segments[1].start, Utc{kStart + 20 * kNsPerSecond});
  EXPECT_EQ(segments[0].tracks[1].samples.back().duration, 1024U);
}

TEST_F(Muxing, AFrameShownForLongIsNoHole) {
  frames(0, 50, 25);
  frames(0, 50, 25, 5 * kNsPerSecond);
  audio_frames(0, 330);
  video_.end();
  audio_.end();
  const auto segments = all({&video_, &audio_});
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_FALSE(segments[1].discontinuity);
  EXPECT_EQ(segments[0].tracks[0].samples[49].duration, 25'000U * 3 + 1000);
}

TEST_F(Muxing, AnotherFormatBeginsASegment) {
  frames(0, 50, 25);
  TrackConfig larger = video_config();
  larger.visual.width = 1920;
  video_.set_config(larger);
  frames(50, 100, 25);
  video_.end();
  const auto segments = all({&video_});
  EXPECT_EQ(durations(segments), (std::vector<double>{2, 2}));
  EXPECT_EQ(segments[1].tracks[0].samples.front().config->visual.width, 1920);
}

TEST_F(Muxing, AnotherAudioFormatCutsTheVideoToo) {
  frames(0, 100, 25);
  audio_frames(0, 94);
  TrackConfig mono = audio_config();
  mono.audio.channel_count = 1;
  audio_.set_config(mono);
  audio_frames(94, 188);
  video_.end();
  audio_.end();
  const auto segments = all({&video_, &audio_});
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments[0].tracks[1].samples.size(), 94U);
  EXPECT_EQ(segments[1].tracks[1].samples.front().config->audio.channel_count, 1);
  EXPECT_EQ(segments[1].start, Utc{kStart + 2'040 * kNsPerMs});  // the first frame after 94 * 1024 / 48000 = 2.005 s
}

TEST_F(Muxing, ASeekBeginsAnew) {
  frames(0, 100, 25);
  EXPECT_TRUE(all({&video_}).empty());
  video_.flush();
  segmenter_.reset();
  frames(0, 50, 25, 100 * kNsPerSecond);
  video_.end();
  const auto segments = all({&video_});
  ASSERT_EQ(segments.size(), 1U);
  EXPECT_TRUE(segments[0].discontinuity);
  EXPECT_EQ(segments[0].start, Utc{kStart + 100 * kNsPerSecond});
}

TEST(MuxTrackTimes, EncoderDelayShiftsAudioAndDropsThePriming) {
  MuxTrack audio(1, TrackKind::kAudio);
  audio.set_config(audio_config());
  audio.set_encoder_delay(1024);
  for (int n = 0; n < 3; ++n) {
    IncomingSample sample;
    sample.presentation_ns = kStart + core::scale_floor(n, 1024 * kNsPerSecond, 48'000);
    audio.push(std::move(sample));
  }
  ASSERT_EQ(audio.ready().size(), 2U);
  EXPECT_EQ(audio.ready().front().decode_ns, kStart);
}

TEST(MuxTrackTimes, MillisecondsOfAContainerDoNotShake) {
  MuxTrack audio(1, TrackKind::kAudio);
  audio.set_config(audio_config());
  for (int n = 0; n < 10'000; ++n) {
    IncomingSample sample;
    sample.presentation_ns = kStart + core::scale_round(n, 1024 * 1000, 48'000) * kNsPerMs;
    audio.push(std::move(sample));
  }
  const auto& ready = audio.ready();
  for (std::size_t i = 1; i < ready.size(); ++i) ASSERT_EQ(ready[i].decode - ready[i - 1].decode, 1024) << i;
}

TEST(MuxTrackTimes, ADiscontinuityKeepsItsTime) {
  MuxTrack audio(1, TrackKind::kAudio);
  audio.set_config(audio_config());
  for (const bool discont : {true, false, true}) {
    IncomingSample sample;
    sample.presentation_ns = kStart + core::scale_round(audio.ready().size(), 1024 * kNsPerSecond, 48'000) + kNsPerMs;
    sample.discont = discont;
    if (audio.ready().empty()) sample.presentation_ns = kStart;
    audio.push(std::move(sample));
  }
  const auto& ready = audio.ready();
  ASSERT_EQ(ready.size(), 3U);
  EXPECT_EQ(ready[1].decode - ready[0].decode, 1024) << "a millisecond is rounding";
  EXPECT_EQ(ready[2].decode - ready[1].decode, 1024 + 48) << "and here the source says that it is not";
}

TEST(MuxTrackTimes, GoingBackInTimeIsDropped) {
  MuxTrack audio(1, TrackKind::kAudio);
  audio.set_config(audio_config());
  for (const int second : {10, 11, 5, 12}) {
    IncomingSample sample;
    sample.presentation_ns = kStart + second * kNsPerSecond;
    audio.push(std::move(sample));
  }
  EXPECT_EQ(audio.ready().size(), 3U);
  EXPECT_EQ(audio.dropped(), 1U);
}

}  // namespace
}  // namespace aircheck::fmp4
