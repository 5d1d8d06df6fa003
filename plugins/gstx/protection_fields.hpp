// The fields of a GstProtectionMeta's structure, by which a muxer knows what an encryptor did to a frame.
#pragma once

#include <gst/gst.h>

namespace aircheck::gstx {

// Quarks, looked up once: every frame has these fields.
struct ProtectionFields {
  GQuark iv_size = g_quark_from_static_string("iv_size");
  GQuark encrypted = g_quark_from_static_string("encrypted");
  GQuark kid = g_quark_from_static_string("kid");
  GQuark crypt_byte_block = g_quark_from_static_string("crypt_byte_block");
  GQuark skip_byte_block = g_quark_from_static_string("skip_byte_block");
  GQuark constant_iv_size = g_quark_from_static_string("constant_iv_size");
  GQuark iv = g_quark_from_static_string("iv");
  GQuark subsample_count = g_quark_from_static_string("subsample_count");
  GQuark subsamples = g_quark_from_static_string("subsamples");
};

inline const ProtectionFields& protection_fields() {
  static const ProtectionFields kFields;
  return kFields;
}

}  // namespace aircheck::gstx
