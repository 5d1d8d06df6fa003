// Result<T>: the one way in which Aircheck's own code reports failure.
//
// The names are those of std::expected (C++23), which g++ 12 and clang 14 do not have. Nothing throws: value() on an
// error, or error() on a value, is a programming mistake and aborts with the message.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace aircheck::core {

// What kind of failure it was: this decides the exit code, the GStreamer error domain or the HTTP status. The message
// is for a person and says what to do.
enum class Code {
  kInvalidArgument,  // the caller's value is wrong
  kParse,            // text or bytes that do not follow their format
  kTruncated,        // bytes end before their format says so
  kUnsupported,      // well-formed, but not something that we do
  kNotFound,
  kExists,
  kConflict,    // right in itself, wrong in the present state
  kPermission,  // the system or the policy says no
  kNoSpace,     // disk full or quota reached
  kIo,          // any other failure of the system
  kTimeout,
  kUnavailable,  // may work later
  kInternal,     // a bug in Aircheck
};

[[nodiscard]] std::string_view to_string(Code code);

// The Code for an errno value of the system.
[[nodiscard]] Code code_from_errno(int error_number);

struct Error {
  Code code = Code::kInternal;
  std::string message;

  // "context: message". Each layer adds at most one context: the file, the property, the channel.
  [[nodiscard]] Error with_context(std::string_view context) const;

  friend bool operator==(const Error&, const Error&) = default;
};

template <typename E>
class Unexpected {
 public:
  explicit Unexpected(E error) : error_(std::move(error)) {}
  [[nodiscard]] const E& error() const& { return error_; }
  [[nodiscard]] E&& error() && { return std::move(error_); }

 private:
  E error_;
};

// return fail(Code::kParse, "box 'moov' is shorter than its header");
[[nodiscard]] Unexpected<Error> fail(Code code, std::string message);

// "message: <strerror(error_number)>", with the code that belongs to error_number.
[[nodiscard]] Unexpected<Error> fail_errno(int error_number, std::string_view message);

namespace detail {
[[noreturn]] void bad_access(const Error* error);
struct Void {};
}  // namespace detail

template <typename T>
class [[nodiscard]] Result {
  using Stored = std::conditional_t<std::is_void_v<T>, detail::Void, T>;

 public:
  using value_type = T;
  using error_type = Error;

  Result() requires std::is_void_v<T> : content_(detail::Void{}) {}
  template <typename U = Stored>
  requires(!std::is_void_v<T> && std::is_convertible_v<U&&, Stored> && !std::is_same_v<std::remove_cvref_t<U>, Result>)
      Result(U&& value)
      : content_(std::in_place_index<0>, std::forward<U>(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Unexpected<Error> error)                                    // NOLINT(google-explicit-constructor)
      : content_(std::in_place_index<1>, std::move(error).error()) {}

  [[nodiscard]] bool has_value() const { return content_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  [[nodiscard]] Stored& value() & { return checked(); }
  [[nodiscard]] const Stored& value() const& { return const_cast<Result*>(this)->checked(); }
  [[nodiscard]] Stored&& value() && { return std::move(checked()); }
  [[nodiscard]] Stored& operator*() & { return checked(); }
  [[nodiscard]] const Stored& operator*() const& { return value(); }
  [[nodiscard]] Stored&& operator*() && { return std::move(checked()); }
  [[nodiscard]] Stored* operator->() { return &checked(); }
  [[nodiscard]] const Stored* operator->() const { return &value(); }

  template <typename U>
  [[nodiscard]] Stored value_or(U&& fallback) const& {
    return has_value() ? value() : static_cast<Stored>(std::forward<U>(fallback));
  }

  [[nodiscard]] const Error& error() const& {
    if (has_value()) detail::bad_access(nullptr);
    return *std::get_if<1>(&content_);
  }
  // The error as a return value for a function of another type: return result.unexpected();
  [[nodiscard]] Unexpected<Error> unexpected() const { return Unexpected<Error>(error()); }

  [[nodiscard]] Result with_context(std::string_view context) && {
    if (has_value()) return std::move(*this);
    return Unexpected<Error>(error().with_context(context));
  }

 private:
  Stored& checked() {
    if (Stored* value = std::get_if<0>(&content_)) return *value;
    detail::bad_access(std::get_if<1>(&content_));
  }

  std::variant<Stored, Error> content_;
};

}  // namespace aircheck::core

// AIRCHECK_TRY(auto box, read_box(reader)); declares `box`, or returns the error from the enclosing function.
// AIRCHECK_TRY_VOID(write(x)); the same for Result<void>.
#define AIRCHECK_CONCAT_(a, b) a##b
#define AIRCHECK_CONCAT(a, b) AIRCHECK_CONCAT_(a, b)
#define AIRCHECK_TRY_IMPL_(temporary, declaration, expression) \
  auto temporary = (expression);                               \
  if (!temporary) return temporary.unexpected();               \
  declaration = std::move(*temporary)
#define AIRCHECK_TRY(declaration, ...) \
  AIRCHECK_TRY_IMPL_(AIRCHECK_CONCAT(aircheck_try_, __LINE__), declaration, (__VA_ARGS__))
#define AIRCHECK_TRY_VOID(...)                                            \
  do {                                                                    \
    if (auto aircheck_try_result = (__VA_ARGS__); !aircheck_try_result) { \
      return aircheck_try_result.unexpected();                            \
    }                                                                     \
  } while (false)
