// The built web page from a folder: read once at start, so that no request touches the disk.
#pragma once

#include <glib.h>

#include <map>
#include <memory>
#include <string>

#include "core/result.hpp"
#include "http/router.hpp"

namespace aircheck::http {

class StaticFiles {
 public:
  // kNotFound when there is no index.html; kInvalidArgument for a folder beyond 64 MiB or 1,000 files.
  static core::Result<StaticFiles> load(const std::string& directory);

  // Answers GET: the file, index.html for "/" and for paths without an extension (the page routes itself), else 404.
  // Files below assets/ carry their hash in their name and are cached for ever; all others are revalidated by ETag.
  void answer(const Request& request, Responder responder) const;

 private:
  struct File {
    base::SharedBytes bytes;
    std::string content_type;
    std::string etag;
    bool immutable = false;
  };

  std::map<std::string, File, std::less<>> files_;  // "/assets/x.js"
};

// The media type for a file name's extension, application/octet-stream for others.
[[nodiscard]] std::string content_type_of(std::string_view file_name);

}  // namespace aircheck::http
