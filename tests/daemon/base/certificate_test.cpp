// What is read of a certificate and its key; the files are made by the program `openssl`.
#include "base/certificate.hpp"

#include <gtest/gtest.h>

#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::base {
namespace {

class CertificateTest : public testing::Test {
 protected:
  // NAME.crt and NAME.key, self-signed. algorithm: as `openssl req -newkey` takes it.
  void make(const std::string& name, const std::string& algorithm) const {
    openssl("req -x509 -newkey " + algorithm + " -nodes -days 2 -subj /CN=" + name + " -keyout " + name + ".key -out " +
            name + ".crt");
  }
  void openssl(const std::string& words) const {
    const auto made = test::run("cd " + directory_.path() + " && openssl " + words + " 2>&1");
    ASSERT_EQ(made.exit, 0) << made.output;
  }
  [[nodiscard]] core::Result<Certificate> read(const std::string& certificate, const std::string& key) const {
    return read_certificate(directory_ / certificate, directory_ / key);
  }
  void expect_refusal(const std::string& certificate, const std::string& key, const std::string& why) const {
    const auto refused = read(certificate, key);
    ASSERT_FALSE(refused.has_value());
    for (const std::string& part : {directory_ / certificate, directory_ / key, why}) {
      EXPECT_NE(refused.error().message.find(part), std::string::npos) << part << " in " << refused.error().message;
    }
  }

  static constexpr const char* kEc = "ec -pkeyopt ec_paramgen_curve:P-256";
  test::TemporaryDirectory directory_;
};

TEST_F(CertificateTest, APairTellsItsNameAndItsDays) {
  for (const char* algorithm : {kEc, "rsa:2048", "ed25519"}) {
    make("tv", algorithm);
    const auto read_pair = read("tv.crt", "tv.key");
    ASSERT_TRUE(read_pair.has_value()) << algorithm << ": " << read_pair.error().message;
    EXPECT_EQ(read_pair->title, "TLS certificate " + (directory_ / "tv.crt") + " (CN=tv)");
    EXPECT_EQ(read_pair->not_after - read_pair->not_before, 2 * 86400 * core::kNsPerSecond);
  }
}

TEST_F(CertificateTest, TheKeyOfAnotherCertificateIsNoPair) {
  make("tv", kEc);
  make("other", kEc);
  make("rsa", "rsa:2048");
  for (const char* key : {"other.key", "rsa.key"}) expect_refusal("tv.crt", key, "are no pair");
  for (const char* key : {"other.key", "rsa.key"}) expect_refusal("tv.crt", key, "give the key that the certificate");
}

TEST_F(CertificateTest, OfAChainTheFirstCertificateHasToBeTheKeys) {
  make("tv", kEc);
  make("issuer", kEc);
  directory_.write("chain.crt", directory_.read("tv.crt") + directory_.read("issuer.crt"));
  EXPECT_TRUE(read("chain.crt", "tv.key").has_value());
  directory_.write("chain.crt", directory_.read("issuer.crt") + directory_.read("tv.crt"));
  expect_refusal("chain.crt", "tv.key", "own certificate comes first");
}

TEST_F(CertificateTest, OneFileMayHoldBoth) {
  make("tv", kEc);
  directory_.write("both.pem", directory_.read("tv.key") + directory_.read("tv.crt"));
  EXPECT_TRUE(read("both.pem", "both.pem").has_value());
}

TEST_F(CertificateTest, AKeyUnderAPassphraseIsRefusedAndNobodyIsAskedForIt) {
  make("tv", kEc);
  openssl("pkcs8 -topk8 -in tv.key -passout pass:secret -out sealed.key");
  expect_refusal("tv.crt", "sealed.key", "");
}

TEST_F(CertificateTest, WhatIsMissingOrNoPemIsNamed) {
  make("tv", kEc);
  EXPECT_EQ(read("tv.crt", "absent.key").error().code, core::Code::kNotFound);
  expect_refusal("tv.crt", "absent.key", "No such file");
  directory_.write("half.crt", "half a certif");
  expect_refusal("half.crt", "tv.key", "PEM");
}

}  // namespace
}  // namespace aircheck::base
