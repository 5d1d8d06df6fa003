#include "timeshift/blob_cache.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>

#include "support/main_loop.hpp"

namespace aircheck::timeshift {
namespace {

class BlobCacheTest : public aircheck::test::MainLoopTest {
 protected:
  BlobCache::Load load(std::size_t size) {
    return [this, size]() -> core::Result<base::SharedBytes> {
      ++loads_;
      return base::keep(core::Bytes(size));
    };
  }
  std::size_t get(const std::string& key, std::size_t size) {
    std::optional<std::size_t> got;
    cache_.get(key, load(size),
               [&](const core::Result<base::SharedBytes>& blob) { got = g_bytes_get_size(blob->get()); });
    EXPECT_TRUE(run_until([&] { return got.has_value(); }));
    return *got;
  }

  std::atomic<int> loads_ = 0;
  base::WorkerPool pool_{1};
  BlobCache cache_{pool_, 800};
};

TEST_F(BlobCacheTest, ReadsOnceAndForgetsTheLeastRecentlyUsed) {
  for (int i = 0; i < 8; ++i) get(std::to_string(i), 100);
  EXPECT_EQ(loads_, 8);
  EXPECT_EQ(cache_.size_bytes(), 800u);
  get("0", 100);
  EXPECT_EQ(loads_, 8) << "it was there";
  get("8", 100);
  EXPECT_EQ(cache_.size_bytes(), 800u);
  get("0", 100);
  EXPECT_EQ(loads_, 9) << "0 was used more recently than 1";
  get("1", 100);
  EXPECT_EQ(loads_, 10);
}

TEST_F(BlobCacheTest, DoesNotKeepWhatWouldPushOutEverythingElse) {
  EXPECT_EQ(get("big", 101), 101u);
  EXPECT_EQ(cache_.size_bytes(), 0u);
  get("big", 101);
  EXPECT_EQ(loads_, 2);
}

TEST_F(BlobCacheTest, RequestsForOneFileShareOneRead) {
  int answers = 0;
  for (int i = 0; i < 20; ++i) {
    cache_.get("same", load(10), [&](const core::Result<base::SharedBytes>& blob) { answers += blob ? 1 : 0; });
  }
  ASSERT_TRUE(run_until([&] { return answers == 20; }));
  EXPECT_EQ(loads_, 1);
}

TEST_F(BlobCacheTest, AFailedReadIsToldToEveryoneAndNotKept) {
  int failures = 0;
  const auto failing = []() -> core::Result<base::SharedBytes> { return core::fail(core::Code::kIo, "no"); };
  for (int i = 0; i < 2; ++i) {
    cache_.get("bad", failing, [&](const core::Result<base::SharedBytes>& blob) { failures += blob ? 0 : 1; });
  }
  ASSERT_TRUE(run_until([&] { return failures == 2; }));
  EXPECT_EQ(get("bad", 10), 10u) << "the next request reads again";
}

TEST_F(BlobCacheTest, TurnsRequestsAwayWhenTooManyWait) {
  std::mutex mutex;
  std::condition_variable open;
  bool go = false;
  int answered = 0;
  const auto blocked = [&]() -> core::Result<base::SharedBytes> {
    std::unique_lock lock(mutex);
    open.wait(lock, [&] { return go; });
    return base::keep(core::Bytes(1));
  };
  // One more than may wait, one that a thread holds, and one that comes after.
  const int accepted = static_cast<int>(BlobCache::kMostWaiting) + 2;
  for (int i = 0; i < accepted; ++i) {
    cache_.get(std::to_string(i), blocked, [&](const core::Result<base::SharedBytes>&) { ++answered; });
  }
  std::optional<core::Code> refused;
  for (int i = 0; i < 2; ++i) {
    cache_.get("late" + std::to_string(i), blocked, [&](const core::Result<base::SharedBytes>& blob) {
      if (!blob) refused = blob.error().code;
      ++answered;
    });
  }
  EXPECT_EQ(refused, core::Code::kUnavailable);
  {
    const std::lock_guard lock(mutex);
    go = true;
  }
  open.notify_all();
  EXPECT_TRUE(run_until([&] { return answered == accepted + 2; }));
}

}  // namespace
}  // namespace aircheck::timeshift
