#include "base/json.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/utf8.hpp"

namespace aircheck::base {

using core::Code;
using core::fail;

namespace {

constexpr int kMaxDepth = 64;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  core::Result<Json> document() {
    AIRCHECK_TRY(Json value, this->value(0));
    skip_space();
    if (position_ != text_.size()) return error("more text after the value");
    return value;
  }

 private:
  core::Unexpected<core::Error> error(std::string_view what) const {
    return fail(Code::kParse, "JSON: " + std::string(what) + " at byte " + std::to_string(position_));
  }
  [[nodiscard]] bool at(char c) const { return position_ < text_.size() && text_[position_] == c; }
  bool eat(char c) {
    if (!at(c)) return false;
    ++position_;
    return true;
  }
  bool eat_word(std::string_view word) {
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }
  void skip_space() {
    while (position_ < text_.size() && std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos) {
      ++position_;
    }
  }

  core::Result<Json> value(int depth) {
    if (depth > kMaxDepth) return error("nested too deeply");
    skip_space();
    if (position_ >= text_.size()) return error("ends where a value should stand");
    if (at('{')) return object(depth);
    if (at('[')) return array(depth);
    if (at('"')) {
      AIRCHECK_TRY(std::string text, string());
      return Json(std::move(text));
    }
    if (eat_word("true")) return Json(true);
    if (eat_word("false")) return Json(false);
    if (eat_word("null")) return Json();
    return number();
  }

  core::Result<Json> object(int depth) {
    ++position_;
    skip_space();
    Json result = Json::object();
    if (eat('}')) return result;
    while (true) {
      skip_space();
      if (!at('"')) return error("a member's name is missing");
      AIRCHECK_TRY(std::string name, string());
      if (result.find(name) != nullptr) return error("member \"" + name + "\" stands twice");
      skip_space();
      if (!eat(':')) return error("':' is missing");
      AIRCHECK_TRY(Json member, value(depth + 1));
      result.set(name, std::move(member));
      skip_space();
      if (eat('}')) return result;
      if (!eat(',')) return error("',' or '}' is missing");
      if (result.as_object()->size() >= kMaxMembers) return error("too many members");
    }
  }

  core::Result<Json> array(int depth) {
    ++position_;
    Json result = Json::array();
    skip_space();
    if (eat(']')) return result;
    while (true) {
      AIRCHECK_TRY(Json item, value(depth + 1));
      result.push(std::move(item));
      skip_space();
      if (eat(']')) return result;
      if (!eat(',')) return error("',' or ']' is missing");
    }
  }

  bool digits() {
    const std::size_t begin = position_;
    while (position_ < text_.size() && text_[position_] >= '0' && text_[position_] <= '9') ++position_;
    return position_ > begin;
  }

  core::Result<Json> number() {
    const std::size_t begin = position_;
    bool integer = true;
    eat('-');
    if (!eat('0') && !digits()) return error("no JSON value");
    if (eat('.')) {
      integer = false;
      if (!digits()) return error("a digit is missing");
    }
    if (at('e') || at('E')) {
      integer = false;
      ++position_;
      if (!eat('+')) eat('-');
      if (!digits()) return error("a digit is missing");
    }
    const char* first = text_.data() + begin;
    const char* last = text_.data() + position_;
    if (std::int64_t whole = 0; integer && std::from_chars(first, last, whole).ec == std::errc()) return Json(whole);
    double real = 0;
    if (std::from_chars(first, last, real).ec != std::errc()) return error("a number out of range");
    return Json(real);
  }

  core::Result<std::uint32_t> hex4() {
    std::uint32_t unit = 0;
    if (text_.size() - position_ < 4) return error("\\u needs four hex digits");
    const char* first = text_.data() + position_;
    const auto [end, ec] = std::from_chars(first, first + 4, unit, 16);
    if (ec != std::errc() || end != first + 4) return error("\\u needs four hex digits");
    position_ += 4;
    return unit;
  }

  core::Result<void> escape(std::string& out) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt";
    static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    if (position_ >= text_.size()) return error("a string without an end");
    const char c = text_[position_++];
    if (const std::size_t known = kFrom.find(c); known != std::string_view::npos) {
      out.push_back(kTo[known]);
      return {};
    }
    if (c != 'u') return error("an unknown escape");
    AIRCHECK_TRY(std::uint32_t unit, hex4());
    if (unit >= 0xdc00 && unit <= 0xdfff) return error("a lone surrogate");
    if (unit >= 0xd800 && unit <= 0xdbff) {
      if (!eat_word("\\u")) return error("a lone surrogate");
      AIRCHECK_TRY(const std::uint32_t low, hex4());
      if (low < 0xdc00 || low > 0xdfff) return error("a lone surrogate");
      unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    append_utf8(out, unit);
    return {};
  }

  core::Result<std::string> string() {
    ++position_;
    std::string out;
    while (position_ < text_.size()) {
      const char c = text_[position_];
      if (c == '"') {
        ++position_;
        return out;
      }
      if (static_cast<unsigned char>(c) < 0x20) return error("a control character in a string");
      ++position_;
      if (c == '\\') {
        AIRCHECK_TRY_VOID(escape(out));
      } else {
        out.push_back(c);
      }
    }
    return error("a string without an end");
  }

  static constexpr std::size_t kMaxMembers = 1000;  // looking a name up is linear

  std::string_view text_;
  std::size_t position_ = 0;
};

void dump_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out.push_back(kHex[c >> 4]);
          out.push_back(kHex[c & 15]);
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

void dump_value(std::string& out, const Json& value);

void dump_object(std::string& out, const Json::Object& members) {
  out.push_back('{');
  for (std::size_t i = 0; i < members.size(); ++i) {
    if (i > 0) out.push_back(',');
    dump_string(out, members[i].first);
    out.push_back(':');
    dump_value(out, members[i].second);
  }
  out.push_back('}');
}

void dump_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out.append(text, end);
}

void dump_value(std::string& out, const Json& value) {
  if (const bool* b = value.as_bool()) {
    out += *b ? "true" : "false";
  } else if (const std::int64_t* i = value.as_integer()) {
    out += std::to_string(*i);
  } else if (const std::string* s = value.as_string()) {
    dump_string(out, *s);
  } else if (const Json::Object* o = value.as_object()) {
    dump_object(out, *o);
  } else if (const Json::Array* a = value.as_array()) {
    out.push_back('[');
    for (std::size_t n = 0; n < a->size(); ++n) {
      if (n > 0) out.push_back(',');
      dump_value(out, (*a)[n]);
    }
    out.push_back(']');
  } else if (const auto d = value.as_double()) {
    dump_double(out, *d);
  } else {
    out += "null";
  }
}

template <typename T>
struct Reads;
template <>
struct Reads<bool> {
  static constexpr const char* kName = "true or false";
  static std::optional<bool> from(const Json& v) { return v.as_bool() ? std::optional(*v.as_bool()) : std::nullopt; }
};
template <>
struct Reads<std::int64_t> {
  static constexpr const char* kName = "an integer";
  static std::optional<std::int64_t> from(const Json& v) {
    return v.as_integer() ? std::optional(*v.as_integer()) : std::nullopt;
  }
};
template <>
struct Reads<int> {
  static constexpr const char* kName = "an integer of 32 bits";
  static std::optional<int> from(const Json& v) {
    const std::int64_t* i = v.as_integer();
    if (i == nullptr || *i < std::numeric_limits<int>::min() || *i > std::numeric_limits<int>::max()) return {};
    return static_cast<int>(*i);
  }
};
template <>
struct Reads<double> {
  static constexpr const char* kName = "a number";
  static std::optional<double> from(const Json& v) { return v.as_double(); }
};
template <>
struct Reads<std::string> {
  static constexpr const char* kName = "a string";
  static std::optional<std::string> from(const Json& v) {
    return v.as_string() ? std::optional(*v.as_string()) : std::nullopt;
  }
};
template <>
struct Reads<Json> {
  static constexpr const char* kName = "any value";
  static std::optional<Json> from(const Json& v) { return v; }
};

}  // namespace

Json Json::array(Array items) {
  Json json;
  json.value_ = std::move(items);
  return json;
}

Json Json::object(std::initializer_list<Member> members) {
  Json json;
  json.value_ = Object(members);
  return json;
}

core::Result<Json> Json::parse(std::string_view text) {
  if (!is_utf8(text)) return fail(Code::kParse, "JSON: not valid UTF-8");
  return Parser(text).document();
}

std::string Json::dump() const {
  std::string out;
  dump_value(out, *this);
  return out;
}

std::optional<double> Json::as_double() const {
  if (const double* real = std::get_if<double>(&value_)) return *real;
  if (const std::int64_t* whole = as_integer()) return static_cast<double>(*whole);
  return std::nullopt;
}

const Json* Json::find(std::string_view name) const {
  const Object* members = as_object();
  if (members == nullptr) return nullptr;
  const auto found = std::find_if(members->begin(), members->end(), [&](const Member& m) { return m.first == name; });
  return found == members->end() ? nullptr : &found->second;
}

Json& Json::set(std::string_view name, Json value) {
  if (!std::holds_alternative<Object>(value_)) value_ = Object{};
  Object& members = std::get<Object>(value_);
  const auto found = std::find_if(members.begin(), members.end(), [&](const Member& m) { return m.first == name; });
  if (found == members.end()) {
    members.emplace_back(std::string(name), std::move(value));
  } else {
    found->second = std::move(value);
  }
  return *this;
}

Json& Json::push(Json value) {
  if (!std::holds_alternative<Array>(value_)) value_ = Array{};
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

JsonReader::JsonReader(const Json& object) : object_(object) {
  if (object.as_object() == nullptr) note("a JSON object is expected");
}

const Json* JsonReader::take(std::string_view name) {
  taken_.emplace_back(name);
  return object_.find(name);
}

void JsonReader::note(std::string message) {
  if (error_.empty()) error_ = std::move(message);
}

template <typename T>
std::optional<T> JsonReader::optional(std::string_view name) {
  const Json* member = take(name);
  if (member == nullptr || member->is_null()) return std::nullopt;
  std::optional<T> value = Reads<T>::from(*member);
  if (!value) note("\"" + std::string(name) + "\" has to be " + Reads<T>::kName);
  return value;
}

template <typename T>
T JsonReader::required(std::string_view name) {
  std::optional<T> value = optional<T>(name);
  if (!value) note("\"" + std::string(name) + "\" is missing");
  return value.value_or(T{});
}

bool JsonReader::is_null(std::string_view name) const {
  const Json* member = object_.find(name);
  return member != nullptr && member->is_null();
}

void JsonReader::merge(std::string_view name, std::string& field) {
  if (is_null(name)) field.clear();
  field = optional<std::string>(name).value_or(field);
}

core::Result<void> JsonReader::finish() const {
  if (!error_.empty()) return fail(Code::kInvalidArgument, error_);
  std::string unknown;
  for (const auto& [name, value] : *object_.as_object()) {
    if (std::find(taken_.begin(), taken_.end(), name) != taken_.end()) continue;
    unknown += (unknown.empty() ? "\"" : ", \"") + name + "\"";
  }
  if (!unknown.empty()) return fail(Code::kInvalidArgument, "unknown field " + unknown);
  return {};
}

template bool JsonReader::required<bool>(std::string_view);
template int JsonReader::required<int>(std::string_view);
template std::int64_t JsonReader::required<std::int64_t>(std::string_view);
template double JsonReader::required<double>(std::string_view);
template std::string JsonReader::required<std::string>(std::string_view);
template Json JsonReader::required<Json>(std::string_view);
template std::optional<bool> JsonReader::optional<bool>(std::string_view);
template std::optional<int> JsonReader::optional<int>(std::string_view);
template std::optional<std::int64_t> JsonReader::optional<std::int64_t>(std::string_view);
template std::optional<double> JsonReader::optional<double>(std::string_view);
template std::optional<std::string> JsonReader::optional<std::string>(std::string_view);
template std::optional<Json> JsonReader::optional<Json>(std::string_view);

}  // namespace aircheck::base
