#include "base/certificate.hpp"

#include <gio/gio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

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

using File = std::unique_ptr<BIO, decltype(&BIO_free_all)>;

File open(const std::string& path) {
  return {BIO_new_file(path.c_str(), "r"), BIO_free_all};
}

// OpenSSL would ask for it at the terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user_data*/) {
  return -1;
}

// GIO takes any two files, and the server says no more than that it cannot use them.
core::Result<void> expect_pair(const std::string& certificate_file, const std::string& key_file) {
  const File certificate_text = open(certificate_file);
  const File key_text = open(key_file);
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      PEM_read_bio_X509(certificate_text.get(), nullptr, no_passphrase, nullptr), X509_free);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_passphrase, nullptr), EVP_PKEY_free);
  const bool read = certificate && key;
  const bool pair = read && X509_check_private_key(certificate.get(), key.get()) == 1;
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  const std::string why = reason != nullptr ? reason : "unknown";
  ERR_clear_error();
  if (pair) return {};
  const std::string files = "TLS certificate " + certificate_file + " and key " + key_file;
  if (!read) {
    return core::fail(Code::kInvalidArgument,
                      files + " cannot be read (" + why + "): give PEM files, the key without a passphrase");
  }
  return core::fail(Code::kInvalidArgument,
                    files + " are no pair (" + why +
                        "): give the key that the certificate was made for; where the file holds a chain, the "
                        "station's own certificate comes first");
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
  AIRCHECK_TRY_VOID(expect_pair(certificate_file, key_file));
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
