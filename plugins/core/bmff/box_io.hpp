// One description per box, for reading and for writing.
//
// A box is a plain struct with a static template `describe(io, self)` that names its fields in the order of the
// standard. `io` is a BoxReader, which fills the fields, or a BoxWriter, which writes them:
//
//   struct Mfhd {
//     static constexpr FourCc kType = fourcc("mfhd");
//     std::uint32_t sequence_number = 0;
//     template <typename Io, typename Self>
//     static void describe(Io& io, Self& self) {
//       io.full_box(0, 0);
//       io.field(self.sequence_number);
//     }
//   };
//
// A child box is a member of a container's description: a struct is a box that must be there once, std::optional one
// that may be there once, std::vector any number, and std::vector<RawBox> whatever nothing else took.
// The reader's first error sticks: from there on nothing is filled or sized, and status() gives it.
#pragma once

#include <concepts>
#include <cstring>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/bmff/fourcc.hpp"
#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::core::bmff {

// A box that is carried along unread, its header included.
struct RawBox {
  Bytes bytes;
  friend bool operator==(const RawBox&, const RawBox&) = default;
};

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

// A box with one type has kType; one whose type varies (sample entries) has accepts() and a member `type`.
template <typename Box>
[[nodiscard]] constexpr bool accepts(FourCc type) {
  if constexpr (requires { Box::kType; }) {
    return type == Box::kType;
  } else if constexpr (std::is_same_v<Box, RawBox>) {
    return true;
  } else {
    return Box::accepts(type);
  }
}

template <typename Box>
[[nodiscard]] FourCc type_of(const Box& box) {
  if constexpr (requires { Box::kType; }) {
    return Box::kType;
  } else {
    return box.type;
  }
}

class BoxReader {
 public:
  static constexpr bool kReading = true;

  explicit BoxReader(ByteView payload) : reader_(payload) {}

  [[nodiscard]] bool failed() const { return error_.has_value(); }
  [[nodiscard]] Result<void> status() const {
    if (error_) return Unexpected<Error>(*error_);
    return {};
  }
  void fail_with(Error error) {
    if (!error_) error_ = std::move(error);
  }
  void fail_with(Code code, std::string message) { fail_with(Error{code, std::move(message)}); }
  [[nodiscard]] std::size_t remaining() const { return reader_.remaining(); }

  // Big-endian integers, and arrays of bytes of a fixed length.
  template <std::integral T>
  void field(T& value) {
    value = static_cast<T>(unsigned_integer(sizeof(T)));
  }
  template <std::size_t N>
  void field(std::array<std::uint8_t, N>& value) {
    if (const ByteView view = take(N); view.size() == N) std::memcpy(value.data(), view.data(), N);
  }
  void field24(std::uint32_t& value) { value = static_cast<std::uint32_t>(unsigned_integer(3)); }
  // 64 bits where the version of the full box is 1, else 32.
  void field_by_version(std::uint8_t version, std::uint64_t& value) { value = unsigned_integer(version == 1 ? 8 : 4); }
  // Bytes that the standard fixes: written as they are, skipped when read.
  template <std::integral T>
  void fixed(T) {
    take(sizeof(T));
  }
  void zeros(std::size_t count) { take(count); }
  // Everything up to the end of the box.
  void rest(Bytes& value) {
    const ByteView view = take(remaining());
    value.assign(view.begin(), view.end());
  }
  // Bytes behind a length field of type Length.
  template <std::unsigned_integral Length, typename Container>
  void sized(Container& value) {
    const ByteView view = take(static_cast<std::size_t>(unsigned_integer(sizeof(Length))));
    value.resize(view.size());
    if (!view.empty()) std::memcpy(value.data(), view.data(), view.size());
  }
  // A count field of type Count, then the elements, each of at least element_size bytes.
  template <std::unsigned_integral Count, typename T, typename Describe>
  void list(std::vector<T>& elements, std::size_t element_size, Describe&& describe_one) {
    counted(unsigned_integer(sizeof(Count)), elements, element_size, describe_one);
  }
  template <typename T, typename Describe>
  void counted(std::uint64_t count, std::vector<T>& elements, std::size_t element_size, Describe&& describe_one) {
    if (failed()) return;
    if (element_size == 0 && count != 0) {
      return fail_with(Code::kUnsupported, "lists " + std::to_string(count) + " elements without any bytes");
    }
    if (const auto enough = reader_.expect_elements(count, element_size); !enough) return fail_with(enough.error());
    elements.resize(static_cast<std::size_t>(count));
    for (T& element : elements) describe_one(*this, element);
  }

  // Version and flags of a full box. The first form takes only the version given, and any flags.
  void full_box(std::uint8_t expected_version, std::uint32_t) {
    std::uint8_t version = 0;
    std::uint32_t flags = 0;
    full_box(version, flags, expected_version);
  }
  void full_box(std::uint8_t& version, std::uint32_t& flags, std::uint8_t highest_version) {
    field(version);
    field24(flags);
    if (!failed() && version > highest_version) {
      fail_with(Code::kUnsupported,
                "has version " + std::to_string(version) + ", known are 0 to " + std::to_string(highest_version));
    }
  }

  // An MPEG-4 descriptor (ISO/IEC 14496-1 clause 8.3.3): tag, expandable length, content.
  template <typename Describe>
  void descriptor(std::uint8_t tag, Describe&& describe_content) {
    std::uint8_t found = 0;
    field(found);
    if (!failed() && found != tag) {
      return fail_with(Code::kParse, "has descriptor " + std::to_string(found) + " in place of " + std::to_string(tag));
    }
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i) {
      std::uint8_t byte = 0;
      field(byte);
      length = length << 7 | (byte & 0x7fU);
      if ((byte & 0x80U) == 0) break;
    }
    BoxReader content(take(length));
    if (failed()) return;
    describe_content(content);
    if (content.error_) fail_with(*content.error_);
  }

  template <typename... Members>
  void children(Members&... members) {
    std::array<bool, sizeof...(Members)> found{};
    (forget(members), ...);
    while (!failed() && remaining() > 0) {
      const auto box = read_box_view(left());
      if (!box) return fail_with(box.error());
      std::size_t index = 0;
      bool taken = false;
      ((taken = taken || child(*box, members, found[index]), ++index), ...);
      take(box->bytes.size());
    }
    std::size_t index = 0;
    (expect_found(members, found[index++]), ...);
  }

 private:
  std::uint64_t unsigned_integer(std::size_t width) {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : take(width)) value = value << 8 | byte;
    return value;
  }
  ByteView take(std::size_t count) {
    if (failed()) return {};
    const auto view = reader_.bytes(count);
    if (view) [[likely]]
      return *view;
    fail_with(view.error());
    return {};
  }
  [[nodiscard]] ByteView left() const {
    ByteReader copy = reader_;
    return copy.bytes(copy.remaining()).value();
  }

  template <typename Member>
  static void forget(Member& member) {
    if constexpr (IsOptional<Member>::value) member.reset();
    if constexpr (IsVector<Member>::value) member.clear();
  }
  template <typename Box>
  void read_child(const BoxView& view, Box& box) {
    if constexpr (std::is_same_v<Box, RawBox>) {
      box.bytes.assign(view.bytes.begin(), view.bytes.end());
    } else {
      if constexpr (!requires { Box::kType; }) box.type = view.header.type;
      BoxReader io(view.payload());
      Box::describe(io, box);
      if (io.error_) fail_with(io.error_->with_context("box '" + to_text(view.header.type) + "'"));
    }
  }
  template <typename Member>
  bool child(const BoxView& view, Member& member, bool& found) {
    if constexpr (IsVector<Member>::value) {
      if (!accepts<typename Member::value_type>(view.header.type)) return false;
      read_child(view, member.emplace_back());
    } else if constexpr (IsOptional<Member>::value) {
      if (!accepts<typename Member::value_type>(view.header.type)) return false;
      if (found) fail_with(Code::kParse, "has more than one box '" + to_text(view.header.type) + "'");
      read_child(view, member.emplace());
    } else {
      if (!accepts<Member>(view.header.type)) return false;
      if (found) fail_with(Code::kParse, "has more than one box '" + to_text(view.header.type) + "'");
      read_child(view, member);
    }
    found = true;
    return true;
  }
  template <typename Member>
  void expect_found(const Member&, bool found) {
    if constexpr (!IsVector<Member>::value && !IsOptional<Member>::value) {
      if (!found && !failed()) fail_with(Code::kParse, "has no box '" + to_text(Member::kType) + "'");
    }
  }

  ByteReader reader_;
  std::optional<Error> error_;
};

class BoxWriter {
 public:
  static constexpr bool kReading = false;

  [[nodiscard]] std::size_t size() const { return writer_.size(); }
  [[nodiscard]] Bytes take() { return writer_.take(); }

  template <std::integral T>
  void field(const T& value) {
    if constexpr (sizeof(T) == 1) writer_.u8(static_cast<std::uint8_t>(value));
    if constexpr (sizeof(T) == 2) writer_.u16(static_cast<std::uint16_t>(value));
    if constexpr (sizeof(T) == 4) writer_.u32(static_cast<std::uint32_t>(value));
    if constexpr (sizeof(T) == 8) writer_.u64(static_cast<std::uint64_t>(value));
  }
  template <std::size_t N>
  void field(const std::array<std::uint8_t, N>& value) {
    writer_.bytes(value);
  }
  void field24(std::uint32_t value) { writer_.u24(value); }
  void field_by_version(std::uint8_t version, std::uint64_t value) {
    version == 1 ? writer_.u64(value) : writer_.u32(static_cast<std::uint32_t>(value));
  }
  template <std::integral T>
  void fixed(T value) {
    field(value);
  }
  void zeros(std::size_t count) { writer_.zeros(count); }
  void rest(const Bytes& value) { writer_.bytes(value); }
  template <std::unsigned_integral Length, typename Container>
  void sized(const Container& value) {
    field(static_cast<Length>(value.size()));
    for (const auto element : value) writer_.u8(static_cast<std::uint8_t>(element));
  }
  template <std::unsigned_integral Count, typename T, typename Describe>
  void list(const std::vector<T>& elements, std::size_t element_size, Describe&& describe_one) {
    field(static_cast<Count>(elements.size()));
    counted(elements.size(), elements, element_size, describe_one);
  }
  template <typename T, typename Describe>
  void counted(std::uint64_t, const std::vector<T>& elements, std::size_t, Describe&& describe_one) {
    for (const T& element : elements) describe_one(*this, element);
  }

  void full_box(std::uint8_t version, std::uint32_t flags) {
    writer_.u8(version);
    writer_.u24(flags);
  }
  void full_box(std::uint8_t version, std::uint32_t flags, std::uint8_t) { full_box(version, flags); }

  template <typename Describe>
  void descriptor(std::uint8_t tag, Describe&& describe_content) {
    BoxWriter content;
    describe_content(content);
    const std::size_t length = content.size();
    writer_.u8(tag);
    for (const int shift : {21, 14, 7}) writer_.u8(static_cast<std::uint8_t>(0x80U | (length >> shift & 0x7fU)));
    writer_.u8(length & 0x7fU);
    writer_.bytes(content.writer_.view());
  }

  template <typename... Members>
  void children(const Members&... members) {
    (child(members), ...);
  }

  template <typename Box>
  void box(const Box& value) {
    if constexpr (std::is_same_v<Box, RawBox>) {
      writer_.bytes(value.bytes);
    } else {
      const std::size_t start = writer_.size();
      writer_.u32(0);
      writer_.u32(type_of(value));
      Box::describe(*this, value);
      writer_.patch_u32(start, static_cast<std::uint32_t>(writer_.size() - start));
    }
  }

 private:
  template <typename Member>
  void child(const Member& member) {
    if constexpr (IsVector<Member>::value || IsOptional<Member>::value) {
      if constexpr (IsVector<Member>::value) {
        for (const auto& element : member) box(element);
      } else if (member) {
        box(*member);
      }
    } else {
      box(member);
    }
  }

  ByteWriter writer_;
};

// The box as bytes, its header included.
template <typename Box>
[[nodiscard]] Bytes write_box(const Box& box) {
  BoxWriter writer;
  writer.box(box);
  return writer.take();
}

// Reads the payload of a box whose header has been read already.
template <typename Box>
Result<Box> read_payload(ByteView payload, FourCc type) {
  Box box;
  if constexpr (!requires { Box::kType; }) box.type = type;
  BoxReader io(payload);
  Box::describe(io, box);
  if (const auto status = io.status(); !status) {
    return Unexpected<Error>(status.error().with_context("box '" + to_text(type) + "'"));
  }
  return box;
}

// Reads the box at the start of `bytes`, which has to be a Box.
template <typename Box>
Result<Box> read_box(ByteView bytes) {
  AIRCHECK_TRY(const BoxView view, read_box_view(bytes));
  if (!accepts<Box>(view.header.type)) {
    return fail(Code::kParse, "box '" + to_text(view.header.type) + "' stands where another was expected");
  }
  return read_payload<Box>(view.payload(), view.header.type);
}

}  // namespace aircheck::core::bmff
