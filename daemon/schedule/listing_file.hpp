// Reading an XMLTV file from where it is. Blocks: for pool threads.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "schedule/listing.hpp"
#include "schedule/xmltv.hpp"

namespace aircheck::schedule {

struct ReadListings {
  bool unchanged = false;  // the file is the one of `etag`
  std::string etag = {};
  std::vector<std::pair<std::string, Listing>> listings = {};  // by the file's channel id
  std::vector<XmltvNote> notes = {};                           // by line
  std::vector<std::string> unmapped = {};                      // at most 100
};

// channels: the file's channel id -> ours; zone: IANA name.
struct ReadOptions {
  std::map<std::string, std::string> channels;
  std::string zone;
};

core::Result<ReadListings> read_listings(const ReadOptions& options, core::ByteView document);

// A regular file below `directory`. Its ETag is made of size and time of change.
core::Result<ReadListings> read_listing_file(const ReadOptions& options, const std::string& directory,
                                             const std::string& file, const std::string& etag);

}  // namespace aircheck::schedule
