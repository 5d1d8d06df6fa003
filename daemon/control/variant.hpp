// The protocol's values as GVariant and back. What comes from the peer is checked as if it were hostile.
#pragma once

#include <gio/gio.h>

#include <vector>

#include "control/values.hpp"
#include "gobj/ref.hpp"

namespace aircheck::control {

// (ssxttttusb)
[[nodiscard]] gobj::Ref<GVariant> to_variant(const SegmentRow& row);
core::Result<SegmentRow> segment_row_from_variant(GVariant* variant);

// a(ssxttttusb)
[[nodiscard]] gobj::Ref<GVariant> to_variant(const std::vector<SegmentRow>& rows);
core::Result<std::vector<SegmentRow>> segment_rows_from_variant(GVariant* variant);

// a{sv}
[[nodiscard]] gobj::Ref<GVariant> to_variant(const Variables& variables);
core::Result<Variables> variables_from_variant(GVariant* variant);
[[nodiscard]] gobj::Ref<GVariant> to_variant(const Status& status);
core::Result<Status> status_from_variant(GVariant* variant);

// A failed call as an error of ours: what the peer's method returned keeps its own code and text.
[[nodiscard]] core::Error from_gerror(const GError& error);

// The two arguments of Configure: "" and no bytes, or 32 hex digits and 16 bytes. No error repeats the key.
core::Result<std::optional<Encryption>> encryption_from_arguments(std::string_view key_id, GVariant* key);

}  // namespace aircheck::control
