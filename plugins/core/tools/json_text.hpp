// Builds one JSON text (RFC 8259), members in the order of the calls. The core has no JSON library; this is enough to
// write, not to read.
#pragma once

#include <concepts>
#include <cstdio>
#include <string>
#include <string_view>

namespace aircheck::inspect {

class JsonText {
 public:
  JsonText& begin_object() { return open('{'); }
  JsonText& end_object() { return close('}'); }
  JsonText& begin_array() { return open('['); }
  JsonText& end_array() { return close(']'); }
  JsonText& key(std::string_view name) {
    string(name);
    text_ += ':';
    separate_ = false;
    return *this;
  }
  JsonText& string(std::string_view value) {
    separator();
    text_ += '"';
    for (const char c : value) escape(c);
    text_ += '"';
    return *this;
  }
  template <std::integral T>
  JsonText& number(T value) {
    separator();
    text_ += std::to_string(value);
    return *this;
  }
  JsonText& boolean(bool value) {
    separator();
    text_ += value ? "true" : "false";
    return *this;
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  JsonText& open(char bracket) {
    separator();
    text_ += bracket;
    separate_ = false;
    return *this;
  }
  JsonText& close(char bracket) {
    text_ += bracket;
    separate_ = true;
    return *this;
  }
  void separator() {
    if (separate_) text_ += ',';
    separate_ = true;
  }
  void escape(char c) {
    if (c == '"' || c == '\\') {
      (text_ += '\\') += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(c));
      text_ += code;
    } else {
      text_ += c;
    }
  }

  std::string text_;
  bool separate_ = false;
};

}  // namespace aircheck::inspect
