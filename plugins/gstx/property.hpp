// A table of GObject properties bound to the members of a Settings struct. See gstx/object.hpp for an example.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>

#include "core/secret.hpp"

namespace aircheck::gstx {

// Text that is written, never read back or shown, and cleared when it is replaced or destroyed.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(const char* text) : text_(text != nullptr ? text : "") {}
  SecretText(const SecretText&) = default;
  SecretText& operator=(const SecretText& other) {
    if (this != &other) {
      core::wipe(text_.data(), text_.size());
      text_ = other.text_;
    }
    return *this;
  }
  ~SecretText() { core::wipe(text_.data(), text_.size()); }

  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& reveal() const { return text_; }

 private:
  std::string text_;
};

// A GstStructure of the application's, shared and never changed.
class Fields {
 public:
  Fields() = default;
  explicit Fields(const GstStructure* structure) {
    if (structure != nullptr) shared_ = {gst_structure_copy(structure), gst_structure_free};
  }
  // Null when there is none.
  [[nodiscard]] const GstStructure* get() const { return shared_.get(); }

 private:
  std::shared_ptr<GstStructure> shared_;
};

// An enum member: its GType, and access to it as int. Make it with enum_member<&Settings::mode>(mode_get_type).
template <typename Settings>
struct EnumMember {
  GType (*type)();
  int (*get)(const Settings&);
  void (*set)(Settings&, int);
};

template <auto Member>
struct MemberOf;
template <typename Owner, typename Value, Value Owner::*Member>
struct MemberOf<Member> {
  using Settings = Owner;
  using Enum = Value;
};

template <auto Member>
constexpr auto enum_member(GType (*type)()) {
  using Settings = typename MemberOf<Member>::Settings;
  using Enum = typename MemberOf<Member>::Enum;
  return EnumMember<Settings>{type, [](const Settings& settings) { return static_cast<int>(settings.*Member); },
                              [](Settings& settings, int value) { settings.*Member = static_cast<Enum>(value); }};
}

// Until which state a change still takes effect; shown by gst-inspect-1.0.
enum class Mutable : unsigned {
  kReady = GST_PARAM_MUTABLE_READY,      // read when the element goes from READY to PAUSED
  kPlaying = GST_PARAM_MUTABLE_PLAYING,  // at any time
};

// Inclusive; { 0, 0 } is all that the type can hold.
struct Range {
  std::int64_t min = 0;
  std::int64_t max = 0;
};

template <typename Settings>
struct Property {
  using Member = std::variant<bool Settings::*, std::int32_t Settings::*, std::uint32_t Settings::*,
                              std::uint64_t Settings::*, double Settings::*, std::string Settings::*,
                              SecretText Settings::*, Fields Settings::*, EnumMember<Settings>>;

  const char* name;   // kebab-case
  Member member;      // its value in Settings{} is the default
  const char* blurb;  // what it does, with the unit
  Range range = {};
  Mutable mutability = Mutable::kReady;
};

namespace detail {

template <typename Number>
Number lower(const Range& range) {
  return range.min == range.max ? std::numeric_limits<Number>::lowest() : static_cast<Number>(range.min);
}

template <typename Number>
Number upper(const Range& range) {
  return range.min == range.max ? std::numeric_limits<Number>::max() : static_cast<Number>(range.max);
}

inline const char* null_if_empty(const std::string& text) {
  return text.empty() ? nullptr : text.c_str();
}

// A floating reference.
template <typename Settings>
GParamSpec* param_spec(const Property<Settings>& property) {
  const Settings defaults{};
  const char* const name = property.name;
  const char* const blurb = property.blurb;
  const Range& range = property.range;
  const auto writable =
      static_cast<GParamFlags>(G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | static_cast<unsigned>(property.mutability));
  const auto flags = static_cast<GParamFlags>(writable | G_PARAM_READABLE);
  return std::visit(
      [&](const auto& member) -> GParamSpec* {
        using M = std::decay_t<decltype(member)>;
        if constexpr (std::is_same_v<M, EnumMember<Settings>>) {
          return g_param_spec_enum(name, name, blurb, member.type(), member.get(defaults), flags);
        } else {
          const auto& value = defaults.*member;
          using V = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<V, bool>) {
            return g_param_spec_boolean(name, name, blurb, value, flags);
          } else if constexpr (std::is_same_v<V, std::int32_t>) {
            return g_param_spec_int(name, name, blurb, lower<V>(range), upper<V>(range), value, flags);
          } else if constexpr (std::is_same_v<V, std::uint32_t>) {
            return g_param_spec_uint(name, name, blurb, lower<V>(range), upper<V>(range), value, flags);
          } else if constexpr (std::is_same_v<V, std::uint64_t>) {
            return g_param_spec_uint64(name, name, blurb, lower<V>(range), upper<V>(range), value, flags);
          } else if constexpr (std::is_same_v<V, double>) {
            return g_param_spec_double(name, name, blurb, lower<V>(range), upper<V>(range), value, flags);
          } else if constexpr (std::is_same_v<V, std::string>) {
            return g_param_spec_string(name, name, blurb, null_if_empty(value), flags);
          } else if constexpr (std::is_same_v<V, Fields>) {
            return g_param_spec_boxed(name, name, blurb, GST_TYPE_STRUCTURE, flags);
          } else {
            return g_param_spec_string(name, name, blurb, nullptr, writable);
          }
        }
      },
      property.member);
}

template <typename Settings>
void read_value(const Property<Settings>& property, const Settings& settings, GValue* out) {
  std::visit(
      [&](const auto& member) {
        using M = std::decay_t<decltype(member)>;
        if constexpr (std::is_same_v<M, EnumMember<Settings>>) {
          g_value_set_enum(out, member.get(settings));
        } else {
          const auto& value = settings.*member;
          using V = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<V, bool>) {
            g_value_set_boolean(out, value);
          } else if constexpr (std::is_same_v<V, std::int32_t>) {
            g_value_set_int(out, value);
          } else if constexpr (std::is_same_v<V, std::uint32_t>) {
            g_value_set_uint(out, value);
          } else if constexpr (std::is_same_v<V, std::uint64_t>) {
            g_value_set_uint64(out, value);
          } else if constexpr (std::is_same_v<V, double>) {
            g_value_set_double(out, value);
          } else if constexpr (std::is_same_v<V, std::string>) {
            g_value_set_string(out, null_if_empty(value));
          } else if constexpr (std::is_same_v<V, Fields>) {
            g_value_set_boxed(out, value.get());
          }
        }
      },
      property.member);
}

template <typename Settings>
void write_value(const Property<Settings>& property, Settings& settings, const GValue* in) {
  std::visit(
      [&](const auto& member) {
        using M = std::decay_t<decltype(member)>;
        if constexpr (std::is_same_v<M, EnumMember<Settings>>) {
          member.set(settings, g_value_get_enum(in));
        } else {
          auto& value = settings.*member;
          using V = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<V, bool>) {
            value = g_value_get_boolean(in) != FALSE;
          } else if constexpr (std::is_same_v<V, std::int32_t>) {
            value = g_value_get_int(in);
          } else if constexpr (std::is_same_v<V, std::uint32_t>) {
            value = g_value_get_uint(in);
          } else if constexpr (std::is_same_v<V, std::uint64_t>) {
            value = g_value_get_uint64(in);
          } else if constexpr (std::is_same_v<V, double>) {
            value = g_value_get_double(in);
          } else if constexpr (std::is_same_v<V, std::string>) {
            const char* text = g_value_get_string(in);
            value = text != nullptr ? text : "";
          } else if constexpr (std::is_same_v<V, Fields>) {
            value = Fields(gst_value_get_structure(in));
          } else {
            value = SecretText(g_value_get_string(in));
          }
        }
      },
      property.member);
}

}  // namespace detail
}  // namespace aircheck::gstx
