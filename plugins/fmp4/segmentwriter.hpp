// The writing half of strftimefmp4sink: a GstBaseSink that takes the buffer lists of fmp4mux and hands them, in a
// thread of its own, to a SegmentStore. Not registered as an element of its own.
#pragma once

#include <gst/base/gstbasesink.h>

#include <atomic>
#include <optional>
#include <thread>

#include "fmp4/losses.hpp"
#include "fmp4/overdue_timer.hpp"
#include "fmp4/segment_meta.hpp"
#include "fmp4/segment_store.hpp"
#include "fmp4/write_queue.hpp"
#include "gstx/object.hpp"
#include "gstx/ref.hpp"

namespace aircheck::fmp4 {

enum class OnFull {
  kWait,  // the streaming thread waits
  kDrop,  // the segment that does not fit is lost
};

enum class OnError {
  kDrop,  // a segment that cannot be written is lost, the next one is tried
  kStop,  // an element error
};

struct WriterSettings {
  StoreSettings store;
  QueueCost queue_limits;
  OnFull on_full = OnFull::kWait;
  OnError on_error = OnError::kDrop;
};

class SegmentWriter : public gstx::Object<GstBaseSink, GstBaseSinkClass, WriterSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckSegmentWriter";
  static constexpr gstx::ElementMetadata kMetadata = {"Segment writer", "Sink/File",
                                                      "Names, numbers, writes and lists the segments of fmp4mux"};

  static GType parent_type() { return GST_TYPE_BASE_SINK; }
  static void class_init(GstBaseSinkClass* sink_class);

  explicit SegmentWriter(GstBaseSink* self);

  // What the next change to PAUSED opens. Messages are posted as coming from `owner`, which outlives the writer.
  void configure(WriterSettings wanted, GstElement* owner);

 private:
  using Lists = std::vector<gstx::Ref<GstBufferList>>;
  // An init segment, the files of a media segment, or (no list) the end of the stream, or a look whether one is
  // overdue.
  struct Job {
    Lists lists;
    bool overdue = false;
    bool after_loss = false;  // segments before it did not get into the queue
  };

  // The segment that is to come next.
  struct Expected {
    core::Utc start;
    std::int64_t anchor_ns = 0;
    std::uint32_t target_duration_s = 0;
    std::int64_t last_came_ns = INT64_MIN;  // running time at which the one before it was written
  };

  GstStateChangeReturn change_state(GstStateChange transition);
  gboolean event(GstEvent* event);
  gboolean unlock();
  gboolean unlock_stop();
  GstFlowReturn render(GstBuffer* buffer);
  GstFlowReturn render_list(GstBufferList* list);

  bool open();
  void close();
  GstFlowReturn enqueue(Job job, const SegmentMeta& meta);
  void skip(const SegmentMeta& meta);

  void write_jobs();
  core::Result<void> do_job(const Job& job);
  core::Result<void> write_init(const Job& job);
  core::Result<void> write_segment(const Job& job);
  core::Result<void> survive(const core::Error& error);
  void tell_of_keys(const SegmentMeta& meta);
  void expect_after(const SegmentMeta& meta);
  [[nodiscard]] std::optional<std::int64_t> overdue_at() const;
  core::Result<void> list_overdue();
  void report(const StoredSegments& stored);
  void post_closed(const StoredSegment& segment);
  void post_dropped(const SegmentMeta& meta, const char* reason, const std::string& message);
  void post_recovered(const Loss& loss);

  GstElement* owner_ = nullptr;
  WriterSettings in_use_;  // from PAUSED on
  WriteQueue<Job> queue_;
  std::thread thread_;  // from PAUSED on
  OverdueTimer overdue_;
  std::atomic<bool> failed_{false};  // the writing thread posted an error and discards what comes
  // The streaming thread's.
  Losses overflow_;
  bool lost_ = false;  // a segment, since the last one that got into the queue
  Lists gathered_;     // the files of the segment that is coming
  // The writing thread's, while it runs.
  std::optional<SegmentStore> store_;
  Losses failures_;
  std::optional<Expected> expected_;
  bool mixed_keys_ = false;  // the last segment had tracks under several keys, which was told
  bool kept_ = false;        // an old segment that cannot be deleted was told of
};

}  // namespace aircheck::fmp4
