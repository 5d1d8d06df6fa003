// JSON (RFC 8259) as values, a strict parser for bytes from the network, and a reader that names unknown members.
//
// Our own because json-glib 1.6 recurses once per bracket of the input, takes comments and keeps the last of two
// members with one name; here depth and size are bounded and all three are errors.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/result.hpp"

namespace aircheck::base {

class Json {
 public:
  using Member = std::pair<std::string, Json>;
  using Array = std::vector<Json>;
  using Object = std::vector<Member>;  // in the order of insertion

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(std::int64_t value) : value_(value) {}
  Json(std::uint64_t value) : value_(static_cast<std::int64_t>(value)) {}
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}
  Json(unsigned value) : value_(static_cast<std::int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  template <typename T>
  Json(const std::optional<T>& value) {
    if (value) *this = Json(*value);
  }

  [[nodiscard]] static Json array(Array items = {});
  [[nodiscard]] static Json object(std::initializer_list<Member> members = {});

  // UTF-8 text of one value with nothing after it. At most 64 brackets deep.
  static core::Result<Json> parse(std::string_view text);
  // Compact, UTF-8, members in their order.
  [[nodiscard]] std::string dump() const;

  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  // Null when the value is of another type; as_double takes integers too.
  [[nodiscard]] const bool* as_bool() const { return std::get_if<bool>(&value_); }
  [[nodiscard]] const std::int64_t* as_integer() const { return std::get_if<std::int64_t>(&value_); }
  [[nodiscard]] std::optional<double> as_double() const;
  [[nodiscard]] const std::string* as_string() const { return std::get_if<std::string>(&value_); }
  [[nodiscard]] const Array* as_array() const { return std::get_if<Array>(&value_); }
  [[nodiscard]] const Object* as_object() const { return std::get_if<Object>(&value_); }

  // The member, or null when there is none or this is no object.
  [[nodiscard]] const Json* find(std::string_view name) const;
  // Sets a member (this becomes an object when it is null) or appends an item (likewise an array).
  Json& set(std::string_view name, Json value);
  Json& push(Json value);

  friend bool operator==(const Json&, const Json&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

// Consumes the members of one object; what nobody asked for is an error that names it.
//
//   JsonReader in(body);
//   std::string email = in.required<std::string>("email");
//   std::optional<bool> keep = in.optional<bool>("keep");
//   AIRCHECK_TRY_VOID(in.finish());
//
// Values are usable only after finish() succeeded. Types: bool, int, int64_t, double, std::string, and Json for any.
class JsonReader {
 public:
  explicit JsonReader(const Json& object);

  template <typename T>
  [[nodiscard]] T required(std::string_view name);
  // Absent and null are the same here; ask is_null() where they differ (PATCH).
  template <typename T>
  [[nodiscard]] std::optional<T> optional(std::string_view name);
  [[nodiscard]] bool is_null(std::string_view name) const;
  // Of a PATCH (RFC 7396): absent leaves `field` as it is, null makes it empty.
  void merge(std::string_view name, std::string& field);

  // The first wrong or missing member, else the unknown ones; kInvalidArgument.
  [[nodiscard]] core::Result<void> finish() const;

 private:
  const Json* take(std::string_view name);
  void note(std::string message);

  const Json& object_;
  std::vector<std::string> taken_;
  std::string error_;
};

}  // namespace aircheck::base
