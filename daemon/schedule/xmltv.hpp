// XMLTV files: a hostile text from the network, read as it comes in. https://github.com/XMLTV/xmltv, xmltv.dtd.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "gobj/time_zone.hpp"
#include "schedule/entry.hpp"
#include "schedule/listing.hpp"

namespace aircheck::schedule {

// What could not be taken as it stands.
struct XmltvNote {
  int line = 0;
  std::string channel;  // of the file
  std::string message;

  friend bool operator==(const XmltvNote&, const XmltvNote&) = default;
};

struct XmltvProgramme {
  int line = 0;
  Entry entry;                    // start and texts; its end is `stop`'s
  std::optional<core::Utc> stop;  // where the file says one
};

struct XmltvFile {
  std::map<std::string, std::vector<XmltvProgramme>> programmes;  // by the file's channel id, in its order
  std::map<std::string, int> others;                              // channels that nobody asked for: their programmes
  std::vector<XmltvNote> notes;
  std::int64_t inflated_bytes = 0;
};

struct XmltvLimits {
  std::int64_t inflated_bytes = std::int64_t{512} << 20;
  std::int64_t ratio = 100;  // of inflated to compressed bytes, from the first MiB on
  int depth = 32;
  int programmes = 500'000;
};

// Reads plain XML or gzip, by what its first bytes are. Takes no entities but XML's five, loads nothing, and lists
// only programmes of the channels wanted. One thread at a time.
class XmltvReader {
 public:
  // zone: of times that say none; null: UTC.
  XmltvReader(std::set<std::string> wanted, gobj::TimeZone zone, XmltvLimits limits = {});
  ~XmltvReader();
  XmltvReader(const XmltvReader&) = delete;
  XmltvReader& operator=(const XmltvReader&) = delete;

  // The next bytes of the file. kParse names the line; kUnsupported: over a limit, or a form that is not taken. After
  // an error there is nothing more to come.
  core::Result<void> feed(core::ByteView bytes);
  // kTruncated: the file ends too early.
  core::Result<XmltvFile> finish();

 private:
  class Inflater;
  class Parser;

  core::Result<void> feed_whole(core::ByteView bytes);

  XmltvLimits limits_;
  core::Bytes head_;  // until it is known what it is
  bool known_ = false;
  std::int64_t compressed_bytes_ = 0;
  std::int64_t inflated_bytes_ = 0;
  std::unique_ptr<Inflater> inflater_;  // null: plain
  std::unique_ptr<Parser> parser_;
};

// The programmes as a listing: by start; one without an end, or with one that is not after its start, ends where the
// next begins (the last one is left out); one that reaches into the next is cut there; of two that begin together the
// first stays; one over 24 hours is left out. Each of these is a note.
[[nodiscard]] Listing make_listing(const std::string& xmltv_channel, const std::string& channel_id,
                                   std::vector<XmltvProgramme> programmes, std::vector<XmltvNote>& notes);

}  // namespace aircheck::schedule
