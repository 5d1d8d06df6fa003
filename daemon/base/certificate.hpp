// What an operator has to know of the station's TLS certificate: who it names, and how long clients take it.
#pragma once

#include <optional>
#include <string>

#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::base {

struct Certificate {
  std::string title;  // "TLS certificate FILE (SUBJECT)", the subject as RFC 4514 writes it: CN=tv.example.org
  core::Utc not_before;
  core::Utc not_after;  // RFC 5280 section 4.1.2.5: the last second of its validity
};

// Of the first certificate of a PEM file and the PEM file of its key, which has to be the certificate's own and without
// a passphrase (kInvalidArgument; kNotFound where a file is missing). The error names both files.
core::Result<Certificate> read_certificate(const std::string& certificate_file, const std::string& key_file);

// Why clients refuse it at `now`; nothing where its days are right.
[[nodiscard]] std::optional<std::string> refused_at(const Certificate& certificate, core::Utc now);

}  // namespace aircheck::base
