#include "base/certificate.hpp"

#include <gio/gio.h>

namespace aircheck::base {

using core::Code;

namespace {

// Takes what GIO gives away, which is nothing where the date cannot be read.
core::Utc taken(GDateTime* date, core::Utc otherwise) {
  if (date == nullptr) return otherwise;
  const core::Utc utc = core::Utc::from_seconds(g_date_time_to_unix(date));
  g_date_time_unref(date);
  return utc;
}

}  // namespace

core::Result<Certificate> read_certificate(const std::string& certificate_file, const std::string& key_file) {
  g_autoptr(GError) error = nullptr;
  g_autoptr(GTlsCertificate) read =
      g_tls_certificate_new_from_files(certificate_file.c_str(), key_file.c_str(), &error);
  if (read == nullptr) {
    const bool absent = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) != FALSE ||
                        g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) != FALSE;
    return core::fail(absent ? Code::kNotFound : Code::kInvalidArgument,
                      "TLS certificate " + certificate_file + " with key " + key_file + ": " + error->message);
  }
  Certificate certificate;
  g_autofree char* subject = g_tls_certificate_get_subject_name(read);
  certificate.title = "TLS certificate " + certificate_file + " (" + (subject != nullptr ? subject : "") + ")";
  constexpr core::Utc kAlways{INT64_MAX};
  certificate.not_before = taken(g_tls_certificate_get_not_valid_before(read), core::Utc{});
  certificate.not_after = taken(g_tls_certificate_get_not_valid_after(read), kAlways);
  return certificate;
}

std::optional<std::string> refused_at(const Certificate& certificate, core::Utc now) {
  if (now > certificate.not_after) return "expired at " + core::to_rfc3339(certificate.not_after);
  if (now < certificate.not_before) return "is not valid before " + core::to_rfc3339(certificate.not_before);
  return std::nullopt;
}

}  // namespace aircheck::base
