#include "timeshift/row_block.hpp"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "timeshift/location_form.hpp"

namespace aircheck::timeshift {

namespace {

using core::ByteReader;
using core::ByteWriter;
using core::Result;

// What of a row is not what its predecessor lets expect, and so follows the flags.
constexpr std::uint8_t kSequence = 1;          // not the next number
constexpr std::uint8_t kStart = 2;             // not where the last one ended
constexpr std::uint8_t kDuration = 4;          // another one
constexpr std::uint8_t kDiscontinuity = 8;     // a fact of the row
constexpr std::uint8_t kDiscontinuities = 16;  // another discontinuity sequence
constexpr std::uint8_t kShared = 32;           // another init segment, key, form of name or epoch
constexpr std::size_t kChecksumSize = 4;

struct Media {
  std::string init_location;
  std::optional<core::KeyId> key_id;

  friend bool operator==(const Media&, const Media&) = default;
};

struct Shared {
  std::uint64_t media = 0;
  std::uint64_t form = 0;
  std::uint64_t epoch = 0;

  friend bool operator==(const Shared&, const Shared&) = default;
};

// What the next row is expected to continue. Numbers wrap around instead of overflowing.
struct Before {
  std::uint64_t sequence = ~std::uint64_t{0};
  std::uint64_t end_ns = 0;
  std::uint64_t duration_ns = 0;
  std::uint64_t discontinuities = 0;
  Shared shared;
};

std::uint32_t checksum_of(core::ByteView bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

// Seven bits a byte, the lowest first, as in LEB128.
void put_number(ByteWriter& writer, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) writer.u8(static_cast<std::uint8_t>(value | 0x80));
  writer.u8(static_cast<std::uint8_t>(value));
}

Result<std::uint64_t> number(ByteReader& reader) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    AIRCHECK_TRY(const std::uint8_t byte, reader.u8());
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return value;
  }
  return core::fail(core::Code::kParse, "a number has no end");
}

// A difference that is small in either direction.
void put_difference(ByteWriter& writer, std::uint64_t difference) {
  put_number(writer, difference << 1 ^ (difference >> 63 != 0 ? ~std::uint64_t{0} : 0));
}

Result<std::uint64_t> difference(ByteReader& reader) {
  AIRCHECK_TRY(const std::uint64_t value, number(reader));
  return value >> 1 ^ ((value & 1) != 0 ? ~std::uint64_t{0} : 0);
}

void put_text(ByteWriter& writer, std::string_view text) {
  put_number(writer, text.size());
  writer.text(text);
}

Result<std::string> text(ByteReader& reader) {
  AIRCHECK_TRY(const std::uint64_t size, number(reader));
  AIRCHECK_TRY_VOID(reader.expect_elements(size, 1));
  AIRCHECK_TRY(const core::ByteView bytes, reader.bytes(static_cast<std::size_t>(size)));
  return std::string(bytes.begin(), bytes.end());
}

// The place of a value among those that were seen, which it joins.
template <typename T>
std::uint64_t place_of(std::vector<T>& seen, T value) {
  const auto found = std::find(seen.rbegin(), seen.rend(), value);
  if (found != seen.rend()) return static_cast<std::uint64_t>(seen.rend() - found) - 1;
  seen.push_back(std::move(value));
  return seen.size() - 1;
}

class Packer {
 public:
  void add(const SegmentRow& row) {
    const auto start_ns = static_cast<std::uint64_t>(row.start.ns);
    const auto duration_ns = static_cast<std::uint64_t>(row.duration_ns);
    const Shared shared{place_of(media_, Media{row.init_location, row.key_id}),
                        place_of(forms_, form_of(row.location, row.start)), row.epoch};
    const auto when = [](bool differs, std::uint8_t flag) { return differs ? flag : std::uint8_t{0}; };
    const auto flags = static_cast<std::uint8_t>(
        when(row.sequence != before_.sequence + 1, kSequence) | when(start_ns != before_.end_ns, kStart) |
        when(duration_ns != before_.duration_ns, kDuration) | when(row.discontinuity, kDiscontinuity) |
        when(row.discontinuity_sequence != before_.discontinuities, kDiscontinuities) |
        when(shared != before_.shared, kShared));
    rows_.u8(flags);
    if ((flags & kSequence) != 0) put_number(rows_, row.sequence - before_.sequence - 1);
    if ((flags & kStart) != 0) put_difference(rows_, start_ns - before_.end_ns);
    if ((flags & kDuration) != 0) put_number(rows_, duration_ns);
    if ((flags & kDiscontinuities) != 0) put_difference(rows_, row.discontinuity_sequence - before_.discontinuities);
    if ((flags & kShared) != 0) {
      for (const std::uint64_t value : {shared.media, shared.form, shared.epoch}) put_number(rows_, value);
    }
    put_number(rows_, row.size);
    before_ = {row.sequence, start_ns + duration_ns, duration_ns, row.discontinuity_sequence, shared};
    ++count_;
  }

  core::Bytes finish() {
    ByteWriter block;
    put_number(block, media_.size());
    for (const Media& media : media_) {
      put_text(block, media.init_location);
      block.u8(media.key_id ? 1 : 0);
      if (media.key_id) block.bytes(*media.key_id);
    }
    put_number(block, forms_.size());
    for (const LocationForm& form : forms_) {
      block.u8(static_cast<std::uint8_t>(form.digits));
      put_text(block, form.prefix);
      put_text(block, form.suffix);
    }
    put_number(block, count_);
    block.bytes(rows_.view());
    block.u32(checksum_of(block.view()));
    return block.take();
  }

 private:
  std::vector<Media> media_;
  std::vector<LocationForm> forms_;
  Before before_;
  std::uint64_t count_ = 0;
  ByteWriter rows_;
};

Result<std::vector<Media>> read_media(ByteReader& reader) {
  AIRCHECK_TRY(const std::uint64_t count, number(reader));
  AIRCHECK_TRY_VOID(reader.expect_elements(count, 2));
  std::vector<Media> media(static_cast<std::size_t>(count));
  for (Media& one : media) {
    AIRCHECK_TRY(one.init_location, text(reader));
    AIRCHECK_TRY(const std::uint8_t has_key, reader.u8());
    if (has_key == 0) continue;
    AIRCHECK_TRY(const core::ByteView key_id, reader.bytes(core::KeyId{}.size()));
    std::copy(key_id.begin(), key_id.end(), one.key_id.emplace().begin());
  }
  return media;
}

Result<std::vector<LocationForm>> read_forms(ByteReader& reader) {
  AIRCHECK_TRY(const std::uint64_t count, number(reader));
  AIRCHECK_TRY_VOID(reader.expect_elements(count, 3));
  std::vector<LocationForm> forms(static_cast<std::size_t>(count));
  for (LocationForm& form : forms) {
    AIRCHECK_TRY(const std::uint8_t digits, reader.u8());
    if (digits > static_cast<std::uint8_t>(LocationForm::Digits::kMilliseconds)) {
      return core::fail(core::Code::kParse, "a name of no form that we know");
    }
    form.digits = static_cast<LocationForm::Digits>(digits);
    AIRCHECK_TRY(form.prefix, text(reader));
    AIRCHECK_TRY(form.suffix, text(reader));
  }
  return forms;
}

// Overwrites what the flags say is another than before.
Result<void> read_row(ByteReader& reader, Before& row, std::uint8_t flags) {
  ++row.sequence;
  if ((flags & kSequence) != 0) {
    AIRCHECK_TRY(const std::uint64_t skipped, number(reader));
    row.sequence += skipped;
  }
  if ((flags & kStart) != 0) {
    AIRCHECK_TRY(const std::uint64_t later, difference(reader));
    row.end_ns += later;
  }
  if ((flags & kDuration) != 0) {
    AIRCHECK_TRY(row.duration_ns, number(reader));
  }
  if ((flags & kDiscontinuities) != 0) {
    AIRCHECK_TRY(const std::uint64_t more, difference(reader));
    row.discontinuities += more;
  }
  if ((flags & kShared) != 0) {
    AIRCHECK_TRY(row.shared.media, number(reader));
    AIRCHECK_TRY(row.shared.form, number(reader));
    AIRCHECK_TRY(row.shared.epoch, number(reader));
  }
  return {};
}

}  // namespace

core::Bytes pack_rows(std::span<const SegmentRow> rows) {
  Packer packer;
  for (const SegmentRow& row : rows) packer.add(row);
  return packer.finish();
}

Result<void> unpack_rows(core::ByteView bytes, const std::function<void(const SegmentRow&)>& on_row) {
  if (bytes.size() < kChecksumSize) return core::fail(core::Code::kParse, "a block without a checksum");
  const core::ByteView content = bytes.first(bytes.size() - kChecksumSize);
  AIRCHECK_TRY(const std::uint32_t checksum, ByteReader(bytes.last(kChecksumSize)).u32());
  if (checksum != checksum_of(content)) return core::fail(core::Code::kParse, "a block is damaged");
  ByteReader reader(content);
  AIRCHECK_TRY(const std::vector<Media> media, read_media(reader));
  AIRCHECK_TRY(const std::vector<LocationForm> forms, read_forms(reader));
  AIRCHECK_TRY(const std::uint64_t count, number(reader));
  Before before;
  SegmentRow row;
  bool first = true;
  for (std::uint64_t i = 0; i < count; ++i) {
    AIRCHECK_TRY(const std::uint8_t flags, reader.u8());
    AIRCHECK_TRY_VOID(read_row(reader, before, flags));
    AIRCHECK_TRY(row.size, number(reader));
    if (before.shared.media >= media.size() || before.shared.form >= forms.size()) {
      return core::fail(core::Code::kParse, "a row of a block has no media");
    }
    row.sequence = before.sequence;
    row.discontinuity_sequence = before.discontinuities;
    row.start = core::Utc{static_cast<std::int64_t>(before.end_ns)};
    row.duration_ns = static_cast<std::int64_t>(before.duration_ns);
    row.discontinuity = (flags & kDiscontinuity) != 0;
    row.location = location_of(forms[before.shared.form], row.start);
    if (first || (flags & kShared) != 0) {
      row.epoch = static_cast<std::uint32_t>(before.shared.epoch);
      row.key_id = media[before.shared.media].key_id;
      row.init_location = media[before.shared.media].init_location;
    }
    first = false;
    on_row(row);
    before.end_ns += before.duration_ns;
  }
  if (!reader.empty()) return core::fail(core::Code::kParse, "a block is longer than its rows");
  return {};
}

}  // namespace aircheck::timeshift
