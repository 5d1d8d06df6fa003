#include "control/variant.hpp"

#include <limits>

#include "gobj/error.hpp"
#include "gobj/text.hpp"

namespace aircheck::control {
namespace {

using Ref = gobj::Ref<GVariant>;

constexpr const char* kRowType = "(ssxttttusb)";

core::Unexpected<core::Error> malformed(std::string_view what) {
  return core::fail(core::Code::kParse, "malformed " + std::string(what) + " in a message of the worker protocol");
}

core::Result<std::int64_t> signed_ns(std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return malformed("duration");
  return static_cast<std::int64_t>(value);
}

// Locations are joined to the segment directory: they must not lead out of it.
bool is_file_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name != "." && name != ".." && name.find('/') == std::string_view::npos;
}

std::string string_of(GVariant* variant) {
  gsize length = 0;
  const char* text = g_variant_get_string(variant, &length);
  return {text, length};
}

core::Result<Value> value_from_variant(GVariant* variant) {
  if (g_variant_is_of_type(variant, G_VARIANT_TYPE_STRING)) return Value(string_of(variant));
  if (g_variant_is_of_type(variant, G_VARIANT_TYPE_INT32)) return Value(std::int32_t{g_variant_get_int32(variant)});
  if (g_variant_is_of_type(variant, G_VARIANT_TYPE_UINT32)) return Value(std::uint32_t{g_variant_get_uint32(variant)});
  if (g_variant_is_of_type(variant, G_VARIANT_TYPE_INT64)) {
    return Value(static_cast<std::int64_t>(g_variant_get_int64(variant)));
  }
  return core::fail(core::Code::kInvalidArgument,
                    std::string("type '") + g_variant_get_type_string(variant) + "' is not one of s, i, u, x");
}

GVariant* floating_variant(const Value& value) {
  struct Visitor {
    GVariant* operator()(const std::string& text) const { return g_variant_new_string(text.c_str()); }
    GVariant* operator()(std::int32_t number) const { return g_variant_new_int32(number); }
    GVariant* operator()(std::uint32_t number) const { return g_variant_new_uint32(number); }
    GVariant* operator()(std::int64_t number) const { return g_variant_new_int64(number); }
  };
  return std::visit(Visitor{}, value);
}

GVariant* floating_variant(const SegmentRow& row) {
  return g_variant_new(kRowType, row.location.c_str(), row.init_location.c_str(), gint64{row.start.ns},
                       static_cast<guint64>(row.duration_ns), guint64{row.size}, guint64{row.sequence},
                       guint64{row.discontinuity_sequence}, guint32{row.epoch},
                       row.key_id ? core::to_hex(*row.key_id).c_str() : "", gboolean{row.discontinuity});
}

Ref sink(GVariant* floating) {
  return Ref::sink(floating);
}

}  // namespace

core::Error from_gerror(const GError& error) {
  const gobj::Text remote(g_dbus_error_get_remote_error(&error));
  if (!remote) return gobj::to_error(error);
  GError* own = g_error_copy(&error);
  g_dbus_error_strip_remote_error(own);
  core::Error result{code_from_error_name(remote.get()), own->message};
  g_error_free(own);
  return result;
}

gobj::Ref<GVariant> to_variant(const SegmentRow& row) {
  return sink(floating_variant(row));
}

core::Result<SegmentRow> segment_row_from_variant(GVariant* variant) {
  if (!g_variant_is_of_type(variant, G_VARIANT_TYPE(kRowType))) return malformed("segment");
  const char* location = nullptr;
  const char* init_location = nullptr;
  const char* key_id = nullptr;
  gint64 start = 0;
  guint64 duration = 0, size = 0, sequence = 0, discontinuity_sequence = 0;
  guint32 epoch = 0;
  gboolean discontinuity = FALSE;
  g_variant_get(variant, "(&s&sxttttu&sb)", &location, &init_location, &start, &duration, &size, &sequence,
                &discontinuity_sequence, &epoch, &key_id, &discontinuity);
  if (!is_file_name(location) || !is_file_name(init_location)) return malformed("segment location");
  SegmentRow row;
  row.location = location;
  row.init_location = init_location;
  row.start = core::Utc{start};
  AIRCHECK_TRY(row.duration_ns, signed_ns(duration));
  row.size = size;
  row.sequence = sequence;
  row.discontinuity_sequence = discontinuity_sequence;
  row.epoch = epoch;
  if (*key_id != '\0') {
    AIRCHECK_TRY(row.key_id, core::key_id_from_hex(key_id));
  }
  row.discontinuity = discontinuity != FALSE;
  return row;
}

gobj::Ref<GVariant> to_variant(const std::vector<SegmentRow>& rows) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ssxttttusb)"));
  for (const SegmentRow& row : rows) g_variant_builder_add_value(&builder, floating_variant(row));
  return sink(g_variant_builder_end(&builder));
}

core::Result<std::vector<SegmentRow>> segment_rows_from_variant(GVariant* variant) {
  if (!g_variant_is_of_type(variant, G_VARIANT_TYPE("a(ssxttttusb)"))) return malformed("list of segments");
  const gsize count = g_variant_n_children(variant);
  if (count > kMaxRowsPerAnswer) return malformed("number of segments");
  std::vector<SegmentRow> rows;
  rows.reserve(count);
  for (gsize i = 0; i < count; ++i) {
    const auto child = Ref::adopt(g_variant_get_child_value(variant, i));
    AIRCHECK_TRY(SegmentRow row, segment_row_from_variant(child.get()));
    rows.push_back(std::move(row));
  }
  return rows;
}

gobj::Ref<GVariant> to_variant(const Variables& variables) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
  for (const auto& [name, value] : variables) {
    g_variant_builder_add(&builder, "{sv}", name.c_str(), floating_variant(value));
  }
  return sink(g_variant_builder_end(&builder));
}

core::Result<Variables> variables_from_variant(GVariant* variant) {
  if (!g_variant_is_of_type(variant, G_VARIANT_TYPE_VARDICT)) return malformed("variables");
  Variables variables;
  GVariantIter iterator;
  g_variant_iter_init(&iterator, variant);
  const char* name = nullptr;
  GVariant* next = nullptr;
  while (g_variant_iter_next(&iterator, "{&sv}", &name, &next)) {
    const auto held = Ref::adopt(next);
    auto value = value_from_variant(held.get());
    if (!value) return std::move(value).with_context("variable '" + std::string(name) + "'").unexpected();
    if (!variables.emplace(name, std::move(*value)).second) {
      return core::fail(core::Code::kInvalidArgument, "variable '" + std::string(name) + "' is given twice");
    }
  }
  return variables;
}

gobj::Ref<GVariant> to_variant(const Status& status) {
  GVariantDict dict;
  g_variant_dict_init(&dict, nullptr);
  g_variant_dict_insert(&dict, "state", "s", std::string(to_string(status.state)).c_str());
  g_variant_dict_insert(&dict, "reason", "s", status.reason.c_str());
  g_variant_dict_insert(&dict, "pid", "u", static_cast<guint32>(status.pid));
  g_variant_dict_insert(&dict, "since", "x", gint64{status.since.ns});
  g_variant_dict_insert(&dict, "protocol-version", "u", guint32{status.protocol_version});
  g_variant_dict_insert(&dict, "channel", "s", status.channel.c_str());
  g_variant_dict_insert(&dict, "description", "s", status.description.c_str());
  g_variant_dict_insert(&dict, "segment-directory", "s", status.segment_directory.c_str());
  if (status.last_sequence) g_variant_dict_insert(&dict, "last-sequence", "t", guint64{*status.last_sequence});
  g_variant_dict_insert(&dict, "error", "s", status.error.c_str());
  return sink(g_variant_dict_end(&dict));
}

core::Result<Status> status_from_variant(GVariant* variant) {
  if (!g_variant_is_of_type(variant, G_VARIANT_TYPE_VARDICT)) return malformed("status");
  const auto lookup = [variant](const char* key, const GVariantType* type) {
    return Ref::adopt(g_variant_lookup_value(variant, key, type));
  };
  const auto text = [&lookup](const char* key) {
    const Ref value = lookup(key, G_VARIANT_TYPE_STRING);
    return value ? string_of(value.get()) : std::string();
  };
  Status status;
  AIRCHECK_TRY(status.state, worker_state_from_string(text("state")));
  status.reason = text("reason");
  const Ref pid = lookup("pid", G_VARIANT_TYPE_UINT32);
  const Ref since = lookup("since", G_VARIANT_TYPE_INT64);
  const Ref version = lookup("protocol-version", G_VARIANT_TYPE_UINT32);
  if (!pid || !since || !version) return malformed("status");
  status.pid = static_cast<pid_t>(g_variant_get_uint32(pid.get()));
  status.since = core::Utc{g_variant_get_int64(since.get())};
  status.protocol_version = g_variant_get_uint32(version.get());
  status.channel = text("channel");
  status.description = text("description");
  status.segment_directory = text("segment-directory");
  if (const Ref last = lookup("last-sequence", G_VARIANT_TYPE_UINT64)) {
    status.last_sequence = g_variant_get_uint64(last.get());
  }
  status.error = text("error");
  return status;
}

core::Result<std::optional<Encryption>> encryption_from_arguments(std::string_view key_id, GVariant* key) {
  if (!g_variant_is_of_type(key, G_VARIANT_TYPE_BYTESTRING)) return malformed("key");
  gsize length = 0;
  const auto* bytes = static_cast<const std::uint8_t*>(g_variant_get_fixed_array(key, &length, 1));
  if (key_id.empty() && length == 0) return std::optional<Encryption>();
  if (key_id.empty() || length == 0) {
    return core::fail(core::Code::kInvalidArgument, "key-id and key belong together: give both, or neither");
  }
  Encryption encryption;
  auto id = core::key_id_from_hex(key_id);
  if (!id) return core::fail(core::Code::kInvalidArgument, "the key-id is not 32 hexadecimal digits");
  encryption.key_id = *id;
  if (length != core::ContentKey::kSize) {
    return core::fail(core::Code::kInvalidArgument,
                      "the key has " + std::to_string(length) + " bytes: AES-128 needs 16");
  }
  AIRCHECK_TRY(encryption.key, core::ContentKey::from_bytes(core::ByteView(bytes, length)));
  return std::optional<Encryption>(std::move(encryption));
}

}  // namespace aircheck::control
