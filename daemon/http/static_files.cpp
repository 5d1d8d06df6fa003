#include "http/static_files.hpp"

#include <array>
#include <filesystem>
#include <system_error>

#include "base/files.hpp"

namespace aircheck::http {

using core::Code;
using core::fail;

namespace {

constexpr std::size_t kMaxBytes = 64U << 20;
constexpr std::size_t kMaxFiles = 1000;

// Nothing inline and nothing from elsewhere. blob: for MediaSource; ws of a development server is not ours to allow.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: http: data:; "
    "font-src 'self'; connect-src 'self' https: http:; media-src 'self' blob: https: http:; worker-src 'self' blob:; "
    "manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

}  // namespace

std::string content_type_of(std::string_view file_name) {
  struct Type {
    std::string_view extension;
    const char* type;
  };
  static constexpr std::array kTypes = {
      Type{".html", "text/html; charset=utf-8"},
      Type{".js", "text/javascript; charset=utf-8"},
      Type{".mjs", "text/javascript; charset=utf-8"},
      Type{".css", "text/css; charset=utf-8"},
      Type{".json", "application/json"},
      Type{".map", "application/json"},
      Type{".svg", "image/svg+xml"},
      Type{".png", "image/png"},
      Type{".jpg", "image/jpeg"},
      Type{".webp", "image/webp"},
      Type{".ico", "image/x-icon"},
      Type{".woff2", "font/woff2"},
      Type{".txt", "text/plain; charset=utf-8"},
      Type{".webmanifest", "application/manifest+json"},
  };
  for (const Type& type : kTypes) {
    if (file_name.ends_with(type.extension)) return type.type;
  }
  return "application/octet-stream";
}

core::Result<StaticFiles> StaticFiles::load(const std::string& directory) {
  namespace fs = std::filesystem;
  StaticFiles result;
  std::size_t total = 0;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(directory, error); !error && entry != fs::end(entry);
       entry.increment(error)) {
    if (!entry->is_regular_file(error) || entry->is_symlink(error)) continue;
    const std::string path = "/" + fs::relative(entry->path(), directory, error).generic_string();
    AIRCHECK_TRY(const core::Bytes bytes, base::read_file(entry->path().string(), kMaxBytes));
    total += bytes.size();
    if (total > kMaxBytes || result.files_.size() >= kMaxFiles) {
      return fail(Code::kInvalidArgument, "AIRCHECK_WEB_DIR: " + directory + " is too large to be the web page");
    }
    g_autofree char* digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size());
    result.files_[path] = File{base::copy_of(bytes), content_type_of(path), "\"" + std::string(digest, 16) + "\"",
                               path.starts_with("/assets/")};
  }
  if (!result.files_.contains("/index.html")) {
    return fail(Code::kNotFound, "AIRCHECK_WEB_DIR: " + directory + " holds no index.html: build the web page");
  }
  return result;
}

void StaticFiles::answer(const Request& request, Responder responder) const {
  const auto path = percent_decode(request.path).value_or("");
  auto found = files_.find(path);
  const std::size_t name = path.rfind('/');
  const bool page = path.starts_with('/') && path.find('.', name) == std::string::npos;
  if (found == files_.end() && page) found = files_.find("/index.html");
  if (found == files_.end()) return responder.problem(base::not_found("nothing is at " + request.path));
  const File& file = found->second;
  responder.header("ETag", file.etag);
  responder.header("Cache-Control", file.immutable ? "public, max-age=31536000, immutable" : "no-cache");
  responder.header("Content-Security-Policy", kPolicy);
  responder.header("X-Frame-Options", "DENY");
  if (request.has_etag(file.etag)) return responder.empty(304);
  responder.bytes(200, file.content_type, {file.bytes});
}

}  // namespace aircheck::http
